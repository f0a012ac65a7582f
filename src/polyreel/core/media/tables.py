"""Rows of what was made from a media: renditions and their parts."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from polyreel.core.library.tables import ID, NEVER_AGAIN
from polyreel.infra.db import Base, LastWords, UtcTime


class RenditionRow(Base):
    """One picture track at one height, or one audio track.

    `name` is its folder in every address: `720p`, `h264` for a copy too heavy to stream, a UUID for
    sound. `state`: planned, running, ready, failed. A promised rendition is listed whole from the
    start; `init` is there as soon as its encoder runs.
    """

    __tablename__ = "renditions"

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    media_id: Mapped[int] = mapped_column(ID, ForeignKey("media.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(8))
    name: Mapped[str] = mapped_column(String(36))
    position: Mapped[int] = mapped_column(Integer)
    mode: Mapped[str] = mapped_column(String(8))
    promised: Mapped[bool] = mapped_column(Boolean)
    state: Mapped[str] = mapped_column(String(8))
    message: Mapped[str | None] = mapped_column(LastWords)
    stream: Mapped[int] = mapped_column(Integer)
    width: Mapped[int] = mapped_column(Integer, default=0)
    height: Mapped[int] = mapped_column(Integer, default=0)
    fps: Mapped[float] = mapped_column(default=0.0)
    channels: Mapped[int] = mapped_column(Integer, default=0)
    language: Mapped[str | None] = mapped_column(String(32))
    title: Mapped[str | None] = mapped_column(String(255))
    codec: Mapped[str | None] = mapped_column(String(32))
    init: Mapped[bytes | None] = mapped_column(LargeBinary)
    peak_bps: Mapped[int] = mapped_column(BigInteger)
    average_bps: Mapped[int] = mapped_column(BigInteger)
    revision: Mapped[int] = mapped_column(Integer, default=1)
    duration_us: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)

    __table_args__ = (UniqueConstraint("media_id", "name"), Index(None, "state"), NEVER_AGAIN)


class PartRow(Base):
    """A stretch of a rendition in one file. `index` lists the fragments that are whole; `key` names
    the file of the attempt that made them.
    """

    __tablename__ = "parts"

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    rendition_id: Mapped[int] = mapped_column(ID, ForeignKey("renditions.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(Integer)
    first_fragment: Mapped[int] = mapped_column(Integer)
    start_us: Mapped[int] = mapped_column(BigInteger)
    end_us: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(8))
    key: Mapped[str | None] = mapped_column(String(200))
    index: Mapped[bytes | None] = mapped_column(LargeBinary)
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    progress: Mapped[float] = mapped_column(default=0.0)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)

    __table_args__ = (UniqueConstraint("rendition_id", "number"), NEVER_AGAIN)


class StoryboardRow(Base):
    """The storyboard of a media: tiles in one file, from when on each is shown (packed, ascending)."""

    __tablename__ = "storyboards"

    media_id: Mapped[int] = mapped_column(
        ID, ForeignKey("media.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    key: Mapped[str] = mapped_column(String(200))
    columns: Mapped[int] = mapped_column(Integer)
    tile_width: Mapped[int] = mapped_column(Integer)
    tile_height: Mapped[int] = mapped_column(Integer)
    starts: Mapped[bytes] = mapped_column(LargeBinary)


class SubtitleRow(Base):
    """One text track of a media, or one that a person added to a video; chapters are one, too.

    `kind`: subtitles, chapters. `state`: planned, ready, failed. `stream` is its number in the source.
    """

    __tablename__ = "subtitles"

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    uid: Mapped[str] = mapped_column(String(36), unique=True)
    media_id: Mapped[int | None] = mapped_column(
        ID, ForeignKey("media.id", ondelete="CASCADE"), index=True
    )
    video_id: Mapped[int | None] = mapped_column(
        ID, ForeignKey("videos.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[str] = mapped_column(String(16))
    position: Mapped[int] = mapped_column(Integer)
    stream: Mapped[int | None] = mapped_column(Integer)
    language: Mapped[str | None] = mapped_column(String(32))
    title: Mapped[str] = mapped_column(String(255))
    is_default: Mapped[bool] = mapped_column(Boolean)
    is_forced: Mapped[bool] = mapped_column(Boolean)
    # Its ASS says how it looks; that of others is only a copy of the words.
    is_styled: Mapped[bool] = mapped_column(Boolean)
    state: Mapped[str] = mapped_column(String(8))
    message: Mapped[str | None] = mapped_column(LastWords)
    vtt_key: Mapped[str | None] = mapped_column(String(200))
    ass_key: Mapped[str | None] = mapped_column(String(200))
    revision: Mapped[int] = mapped_column(Integer, default=1)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)

    __table_args__ = (Index(None, "state"), NEVER_AGAIN)


class FontRow(Base):
    """A font that came with a film; `name` is what the film calls it."""

    __tablename__ = "fonts"

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    media_id: Mapped[int] = mapped_column(ID, ForeignKey("media.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(255))
    key: Mapped[str] = mapped_column(String(200))
    size_bytes: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (UniqueConstraint("media_id", "position"), NEVER_AGAIN)
