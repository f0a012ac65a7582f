"""Pictures that people chose for their videos."""

from sqlalchemy import select

from polyreel.core.library.tables import VideoRow
from polyreel.core.library.videos import writable_video
from polyreel.core.users import Actor
from polyreel.infra.tx import Tx


def set_poster(tx: Tx, actor: Actor, video_id: int, key: str | None) -> None:
    """Show the picture under `key` for a video, None: its media's again. What was shown before goes
    with the next sweep. Raises VideoNotFound.
    """
    row = writable_video(tx, actor, VideoRow.id == video_id)
    if row.poster_key == key:
        return
    row.poster_key = key
    row.updated_at = tx.now
    tx.session.flush()
    tx.notify(f"library:{row.user_id}")
    tx.notify(f"video:{row.uuid}")


def list_poster_keys(tx: Tx) -> list[str]:
    """Every storage key of a chosen picture."""
    keys = tx.session.scalars(select(VideoRow.poster_key).where(VideoRow.poster_key.is_not(None)))
    return [key for key in keys if key]
