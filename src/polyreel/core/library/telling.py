"""What happens to videos, said once each: `video.playable`, `video.ready`, `video.failed`, `video.deleted`."""

from typing import Any

from sqlalchemy import select

from polyreel.core.library.tables import MediaRow, VideoRow
from polyreel.infra.tx import Tx

_PLAYABLE = ("playable", "ready", "damaged")
_DONE = ("ready", "damaged")


def news(told: str, state: str) -> list[str]:
    """What is to be said of a video whose media is in `state` when `told` was the last state that was
    said of it (empty: none). What was playable and is made again says nothing new.
    """
    found = []
    if state in _PLAYABLE and told not in _PLAYABLE:
        found.append("video.playable")
    if state in _DONE and told not in _DONE:
        found.append("video.ready")
    if state == "failed" and told != "failed":
        found.append("video.failed")
    return found


def tell_state(tx: Tx, media_id: int) -> None:
    """Say of every video of a media what has not been said of it; in whatever transaction changes the
    media's state, or what a video points at.
    """
    media = tx.session.get(MediaRow, media_id)
    if media is None or not news("", media.state):
        return
    videos = select(VideoRow).where(VideoRow.media_id == media_id).order_by(VideoRow.id)
    for video in tx.session.scalars(videos).all():
        said = news(video.told, media.state)
        for kind in said:
            tx.emit(kind, owner_id=video.user_id, data=_facts(video, media))
        if said:
            video.told = media.state
    tx.session.flush()


def tell_deleted(tx: Tx, uuid: str, name: str, owner_id: int) -> None:
    """Say that an entry is gone."""
    tx.emit("video.deleted", owner_id=owner_id, data={"video": {"uuid": uuid, "name": name}})


def _facts(video: VideoRow, media: MediaRow) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "video": {
            "uuid": video.uuid,
            "name": video.name,
            "state": media.state,
            "size_bytes": media.size_bytes,
            "duration_ms": media.duration_ms,
            "width": media.width,
            "height": media.height,
        }
    }
    if media.message:
        facts["message"] = media.message
    return facts
