"""Rows of ingest: uploads under way, and answers to be given again."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from polyreel.core.library.tables import ID
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


class AnswerRow(Base):
    """Which video a request with an idempotency key made; `key_hash` is the SHA-256 of that key."""

    __tablename__ = "upload_answers"

    user_id: Mapped[int] = mapped_column(
        ID, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    key_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    video_uuid: Mapped[str] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(UtcTime, index=True)
