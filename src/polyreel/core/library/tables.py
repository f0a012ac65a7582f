"""Rows of the library: media (bytes), videos (named entries), folders, tags."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from polyreel.infra.db import Base, LastWords, UtcTime, make_searchable, sorted_text

ID = BigInteger().with_variant(Integer(), "sqlite")
# SQLite gives the id of a deleted last row to the next one, PostgreSQL never does. Jobs, caches and
# statistics name these rows by their ids, and may still do so when they are gone.
NEVER_AGAIN = {"sqlite_autoincrement": True}


class FolderRow(Base):
    """A folder of one user; `parent_id` is None at the root."""

    __tablename__ = "folders"

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    user_id: Mapped[int] = mapped_column(ID, ForeignKey("users.id", ondelete="CASCADE"))
    parent_id: Mapped[int | None] = mapped_column(ID, ForeignKey("folders.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(sorted_text(120))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)

    __table_args__ = (
        Index(None, "user_id", "parent_id", "name"),
        Index(None, "parent_id"),
    )


class MediaRow(Base):
    """The bytes of one original, once per SHA-256, and what is known of them."""

    __tablename__ = "media"

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    uid: Mapped[str] = mapped_column(String(36), unique=True)
    sha256: Mapped[str | None] = mapped_column(String(64), unique=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    # None once it was let go: see the option keep_originals.
    original_key: Mapped[str | None] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(16))
    message: Mapped[str | None] = mapped_column(LastWords)
    # Megabytes for a film of many keyframes, and seldom wanted.
    probe: Mapped[str | None] = mapped_column(Text, deferred=True)
    duration_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    width: Mapped[int] = mapped_column(Integer, default=0)
    height: Mapped[int] = mapped_column(Integer, default=0)
    cuts: Mapped[bytes | None] = mapped_column(LargeBinary)
    poster_key: Mapped[str | None] = mapped_column(String(200))
    mosaic_key: Mapped[str | None] = mapped_column(String(200))
    progress: Mapped[float] = mapped_column(default=0.0)
    revision: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)

    __table_args__ = (NEVER_AGAIN,)


class VideoRow(Base):
    """A named entry of a user in a folder that points at a media."""

    __tablename__ = "videos"

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    user_id: Mapped[int] = mapped_column(ID, ForeignKey("users.id"))
    folder_id: Mapped[int | None] = mapped_column(ID, ForeignKey("folders.id"))
    media_id: Mapped[int] = mapped_column(ID, ForeignKey("media.id"), index=True)
    name: Mapped[str] = mapped_column(sorted_text(255))
    # As it is looked for, see fold_name.
    name_folded: Mapped[str] = mapped_column(String(255))
    filename: Mapped[str] = mapped_column(String(255))
    source: Mapped[str] = mapped_column(String(16))
    visibility: Mapped[str] = mapped_column(String(16))
    policy_version: Mapped[int] = mapped_column(Integer, default=1)
    # The last state that an event said of it.
    told: Mapped[str] = mapped_column(String(16), default="")
    # The picture someone chose for it; None: the media's.
    poster_key: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)

    __table_args__ = (
        Index(None, "user_id", "folder_id", "name"),
        Index(None, "user_id", "source", "id"),
        Index(None, "user_id", "folder_id", "id"),
        # A search of few videos reads all of it and nothing else.
        Index(None, "user_id", "name_folded"),
        Index(None, "folder_id"),
        NEVER_AGAIN,
    )


make_searchable(VideoRow.__table__, "name_folded")


class TagRow(Base):
    """A word of one user's that their videos can have."""

    __tablename__ = "tags"

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    user_id: Mapped[int] = mapped_column(ID, ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(sorted_text(120))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)

    __table_args__ = (UniqueConstraint("user_id", "name"), NEVER_AGAIN)


class VideoTagRow(Base):
    """A video has a tag."""

    __tablename__ = "video_tags"

    video_id: Mapped[int] = mapped_column(
        ID, ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True
    )
    tag_id: Mapped[int] = mapped_column(
        ID, ForeignKey("tags.id", ondelete="CASCADE"), primary_key=True, index=True
    )
