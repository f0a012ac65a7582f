"""A card: what pages and scripts know of one video. The shape is told in templates/_macros.html."""

from collections.abc import Sequence
from typing import Any

from polyreel.core.library import Video
from polyreel.core.media import Rendition
from polyreel.core.users import Actor
from polyreel.http.media import PREFIX
from polyreel.kit.clock import iso
from polyreel.web.facts import codec_name

__all__ = ["BLANK", "make_card", "rung_name"]

_WORDS = {
    "received": "Received",
    "processing": "Preparing",
    "playable": "Playable",
    "ready": "Ready",
    "damaged": "Damaged",
    "failed": "Failed",
}
_RUNG_STATES = {"planned": "waiting", "running": "running", "ready": "ready", "failed": "failed"}
# A folder that no page shows: for scripts, a video of someone else is in none of the viewer's.
_ELSEWHERE = -1

BLANK: dict[str, Any] = {
    "uuid": "", "name": "", "url": "", "state": "received", "state_text": "", "progress": 0.0,
    "message": "", "poster_url": None, "duration_ms": None, "width": None, "height": None,
    "size_bytes": None, "created": "", "visibility": "unlisted", "folder_id": None,
    "playable": False, "revision": 0, "mine": False, "renditions": [],
}  # fmt: skip
"""A card of nothing, from which scripts make new ones."""


def make_card(
    video: Video, actor: Actor | None, renditions: Sequence[Rendition] = ()
) -> dict[str, Any]:
    """The card of a video as `actor` may see it; `renditions` where its qualities are shown."""
    is_own = actor is not None and actor.user_id == video.user_id
    is_mine = is_own or (actor is not None and actor.is_admin)
    return {
        "uuid": video.uuid,
        "name": video.name,
        "url": f"/video/{video.uuid}",
        "state": video.state,
        "state_text": _state_text(video),
        "progress": round(video.progress, 3),
        "message": video.message or "",
        "poster_url": _poster(video),
        "duration_ms": video.duration_ms or None,
        "width": video.width or None,
        "height": video.height or None,
        "size_bytes": video.size_bytes or None,
        "created": iso(video.created_at),
        "visibility": video.visibility,
        # An administrator sees other people's folders, but nobody's root but their own.
        "folder_id": video.folder_id if is_own or (is_mine and video.folder_id) else _ELSEWHERE,
        "playable": video.is_playable,
        "revision": video.revision,
        "mine": is_mine,
        "renditions": _rungs(renditions),
    }


def _state_text(video: Video) -> str:
    word = _WORDS[video.state]
    if video.state in ("processing", "playable") and video.progress > 0:
        return f"{word} · {int(video.progress * 100)} %"
    return word


def _poster(video: Video) -> str | None:
    if not video.has_poster:
        return None
    if video.visibility == "private":
        # Media wants a ticket for this one, which a page full of videos does not have: a session does.
        return f"/video/{video.uuid}/poster.webp?v={video.revision}"
    return f"{PREFIX}/{video.uuid}/image/thumb/poster.webp?v={video.revision}"


def _rungs(renditions: Sequence[Rendition]) -> list[dict[str, Any]]:
    """Pictures, largest first; of a file without one, its sound."""
    pictures = [item for item in renditions if item.kind == "video"] or renditions
    ordered = sorted(pictures, key=lambda item: (-min(item.width, item.height), item.position))
    return [
        {
            "name": rung_name(item),
            "height": item.height,
            "state": _RUNG_STATES[item.state],
            "progress": round(1.0 if item.state == "ready" else item.progress, 3),
        }
        for item in ordered
    ]


def rung_name(item: Rendition) -> str:
    """What people call a rendition."""
    if item.kind == "audio":
        return item.title or "Sound"
    if item.is_native:
        height, _, codec = item.name.lstrip("0").partition("-")
        return f"{height} {codec_name(codec)}"
    return "Original" if item.name == "h264" else item.name.lstrip("0")
