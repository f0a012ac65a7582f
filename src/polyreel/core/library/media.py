"""Media: the bytes of an original, kept once. Written by `core.media` and `core.ingest` only."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update

from polyreel.core.library.tables import MediaRow, VideoRow
from polyreel.core.library.telling import tell_state
from polyreel.infra.tx import Tx
from polyreel.kit.errors import NotFound

# received    the bytes are safe, nothing is known of them yet
# processing  looked into; the first fragments are being made
# playable    plays from the beginning to the end, the ladder is still growing
# ready       every planned rendition has ended well
# damaged     plays, but something in the file could not be used
# failed      cannot be played; the message says why
STATES = ("received", "processing", "playable", "ready", "damaged", "failed")
ENDED = ("ready", "damaged", "failed")


@dataclass(frozen=True)
class Media:
    """What the library knows of one original. `cuts` are packed by core.media."""

    id: int
    uid: str
    sha256: str | None
    size_bytes: int
    original_key: str | None
    state: str
    message: str | None
    duration_ms: int
    cuts: bytes | None
    poster_key: str | None
    mosaic_key: str | None
    revision: int
    created_at: datetime

    @property
    def source_key(self) -> str:
        """Where the original lies. Raises NotFound when it was not kept."""
        if self.original_key is None:
            raise NotFound("The original was not kept.")
        return self.original_key


def create_media(
    tx: Tx, *, uid: str, sha256: str | None, size_bytes: int, original_key: str
) -> Media:
    """Record bytes that lie, synced, under `original_key`."""
    row = MediaRow(
        uid=uid,
        sha256=sha256,
        size_bytes=size_bytes,
        original_key=original_key,
        state="received",
        created_at=tx.now,
        updated_at=tx.now,
        revision=1,
    )
    tx.session.add(row)
    tx.session.flush()
    return _media(row)


def find_media_by_sha256(tx: Tx, sha256: str) -> Media | None:
    """The media with these bytes, if there is one."""
    row = tx.session.scalars(select(MediaRow).where(MediaRow.sha256 == sha256)).first()
    return _media(row) if row else None


def get_media(tx: Tx, media_id: int) -> Media:
    """Raises NotFound: its last video may have been deleted meanwhile."""
    row = tx.session.get(MediaRow, media_id)
    if row is None:
        raise NotFound("The media has been deleted.")
    return _media(row)


def is_media_uid(tx: Tx, uid: str) -> bool:
    """Whether there is a media of this uid."""
    return tx.session.scalar(select(MediaRow.id).where(MediaRow.uid == uid)) is not None


def join_media(tx: Tx, media_id: int, into_id: int) -> None:
    """Let every video of one media point at another with the same bytes, and delete the first; its
    files go with the next sweep.
    """
    tx.session.execute(
        update(VideoRow).where(VideoRow.media_id == media_id).values(media_id=into_id)
    )
    tx.session.delete(tx.session.get_one(MediaRow, media_id))
    tx.session.flush()
    tx.notify(f"media:{media_id}")
    notify_media(tx, into_id)
    tell_state(tx, into_id)


def set_media_sha256(tx: Tx, media_id: int, sha256: str) -> None:
    """Record what was found out about the bytes after they were published."""
    tx.session.get_one(MediaRow, media_id).sha256 = sha256
    tx.session.flush()


def find_probe(tx: Tx, media_id: int) -> str | None:
    """What the probe found, as JSON; None before it ran."""
    return tx.session.scalar(select(MediaRow.probe).where(MediaRow.id == media_id))


def update_media(tx: Tx, media_id: int, **values: object) -> None:
    """Set columns of a media, count its revision up and tell every process; a new state is an event
    of each of its videos.
    """
    row = tx.session.get(MediaRow, media_id)
    if row is None:
        raise NotFound("The media has been deleted.")
    for name, value in values.items():
        setattr(row, name, value)
    row.updated_at = tx.now
    row.revision = row.revision + 1
    tx.session.flush()
    notify_media(tx, media_id)
    if "state" in values:
        tell_state(tx, media_id)


def update_media_progress(tx: Tx, media_id: int, progress: float) -> None:
    """Note how much of a media's planned work is done, 0 to 1; not a new revision."""
    row = tx.session.get(MediaRow, media_id)
    if row is not None:
        row.progress = progress
        _tell_owners(tx, media_id)


def notify_media(tx: Tx, media_id: int) -> None:
    """Tell every process that a media changed, and the pages of its videos' owners."""
    tx.notify(f"media:{media_id}")
    _tell_owners(tx, media_id)


def _tell_owners(tx: Tx, media_id: int) -> None:
    for uuid in tx.session.scalars(select(VideoRow.uuid).where(VideoRow.media_id == media_id)):
        tx.notify(f"video:{uuid}")


def delete_media_if_unused(tx: Tx, media_id: int) -> bool:
    """Delete the row of a media that no video names; its files go with the next sweep."""
    used = tx.session.scalar(
        select(func.count()).select_from(VideoRow).where(VideoRow.media_id == media_id)
    )
    row = tx.session.get(MediaRow, media_id)
    if used or row is None:
        return False
    tx.session.delete(row)
    tx.session.flush()
    tx.notify(f"media:{media_id}")
    return True


def list_media_keys(tx: Tx) -> list[str]:
    """Every storage key that a media row names."""
    rows = tx.session.execute(
        select(MediaRow.original_key, MediaRow.poster_key, MediaRow.mosaic_key)
    )
    return [key for row in rows for key in row if key]


def _media(row: MediaRow) -> Media:
    return Media(
        id=row.id,
        uid=row.uid,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        original_key=row.original_key,
        state=row.state,
        message=row.message,
        duration_ms=row.duration_ms,
        cuts=row.cuts,
        poster_key=row.poster_key,
        mosaic_key=row.mosaic_key,
        revision=row.revision,
        created_at=row.created_at,
    )
