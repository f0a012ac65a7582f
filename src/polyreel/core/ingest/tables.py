"""Rows of ingest: uploads under way, and answers to be given again."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from polyreel.core.library.tables import ID, NEVER_AGAIN
from polyreel.infra.db import Base, UtcTime


class UploadRow(Base):
    """An upload whose bytes are still arriving. `reserved_bytes` counts against its owner's quota;
    `key` is where its file will lie; `updated_at` says that its process lives.
    """

    __tablename__ = "uploads"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    user_id: Mapped[int] = mapped_column(ID, ForeignKey("users.id", ondelete="CASCADE"))
    source: Mapped[str] = mapped_column(String(16))
    declared_bytes: Mapped[int | None] = mapped_column(BigInteger)
    reserved_bytes: Mapped[int] = mapped_column(BigInteger)
    key: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)

    __table_args__ = (Index(None, "user_id"), Index(None, "updated_at"))


class ResumableRow(Base):
    """An upload that goes on over many requests. `uid` is its public name, and names its file.

    `kind` is single, partial (one piece of a larger file) or final (made of the partials whose uids
    are in `parts`); `group_uid` is the same for all that belong to one film. `length_bytes` None: not
    said yet. `offset_bytes` are on the disk for certain. `state`: created, uploading, uploaded,
    importing, failed (with `message`), done, expired; the last two are remembered for a while.
    `file_uid` names the file that it shares with others, its own bytes from `base_bytes` on; None: it
    has a file of its own.
    """

    __tablename__ = "resumable_uploads"

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    uid: Mapped[str] = mapped_column(String(36), unique=True)
    user_id: Mapped[int] = mapped_column(ID, ForeignKey("users.id", ondelete="CASCADE"))
    group_uid: Mapped[str] = mapped_column(String(36))
    kind: Mapped[str] = mapped_column(String(8))
    source: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(255))
    folder_id: Mapped[int | None] = mapped_column(ID)
    info: Mapped[str] = mapped_column(Text)
    parts: Mapped[list[str]] = mapped_column(JSON, default=list)
    file_uid: Mapped[str | None] = mapped_column(String(36), index=True)
    base_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    length_bytes: Mapped[int | None] = mapped_column(BigInteger)
    offset_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    reserved_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    sha256: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    message: Mapped[str | None] = mapped_column(Text)
    video_uuid: Mapped[str | None] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)
    expires_at: Mapped[datetime] = mapped_column(UtcTime)

    __table_args__ = (
        Index(None, "user_id", "group_uid"),
        Index(None, "expires_at"),
        NEVER_AGAIN,
    )


class RemoteRow(Base):
    """A file of another server that somebody wants fetched; see `remote.states` for `status`.

    `uid` names its file, which is there and ours while `has_file`; of it `received_bytes` are on the
    disk for certain, and `validator` tells whether the other server still has the same file.
    `is_started`: it has a job, and counts among those that run at once. `total_bytes` 0: not known.
    """

    __tablename__ = "remote_downloads"

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    user_id: Mapped[int] = mapped_column(ID, ForeignKey("users.id", ondelete="CASCADE"))
    folder_id: Mapped[int | None] = mapped_column(ID)
    url: Mapped[str] = mapped_column(String(2048))
    name: Mapped[str] = mapped_column(String(255), default="")
    status: Mapped[str] = mapped_column(String(16))
    is_started: Mapped[bool] = mapped_column(default=False)
    error: Mapped[str] = mapped_column(Text, default="")
    uid: Mapped[str] = mapped_column(String(36))
    has_file: Mapped[bool] = mapped_column(default=False)
    validator: Mapped[str | None] = mapped_column(String(300))
    received_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    total_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    reserved_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    duration_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    video_id: Mapped[int | None] = mapped_column(ID)
    video_uuid: Mapped[str | None] = mapped_column(String(36))
    media_id: Mapped[int | None] = mapped_column(ID)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcTime)
    cancel_requested_at: Mapped[datetime | None] = mapped_column(UtcTime)
    canceled_at: Mapped[datetime | None] = mapped_column(UtcTime)

    __table_args__ = (
        Index(None, "user_id", "status"),
        Index(None, "status", "is_started"),
        NEVER_AGAIN,
    )


class AnswerRow(Base):
    """Which video a request with an idempotency key made; `key_hash` is the SHA-256 of that key."""

    __tablename__ = "upload_answers"

    user_id: Mapped[int] = mapped_column(
        ID, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    key_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    video_uuid: Mapped[str] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(UtcTime, index=True)
