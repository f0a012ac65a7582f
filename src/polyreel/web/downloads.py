"""What a page offers to be kept: the film in each height, as a file that plays everywhere or one with
everything in it.
"""

from collections.abc import Sequence
from typing import Any

from polyreel.core.library import Video
from polyreel.core.media import Rendition
from polyreel.http.media import PREFIX
from polyreel.web.cards import rung_name

__all__ = ["best_download", "list_downloads"]


def list_downloads(video: Video, renditions: Sequence[Rendition]) -> list[dict[str, Any]]:
    """One for each picture, largest first, also while it is made; without a picture, for each sound.

    {name (as the qualities of a card are called), ready, size_bytes (about; 0: not known), plain, full
    (addresses), plain_kind, full_kind (what these files are)}.
    """
    sounds = [item for item in renditions if item.kind == "audio" and item.state != "failed"]
    pictures = [item for item in renditions if item.kind == "video" and item.state != "failed"]
    ordered = sorted(pictures, key=lambda item: (-min(item.width, item.height), item.position))
    if not pictures:
        return [_offer(video, item, [], "M4A", "MKA") for item in sounds]
    return [_offer(video, item, sounds, "MP4", "MKV") for item in ordered]


def best_download(video: Video, renditions: Sequence[Rendition]) -> str | None:
    """The address of the largest that is there; None while there is none."""
    offers = list_downloads(video, renditions)
    return next((offer["plain"] for offer in offers if offer["ready"]), None)


def _offer(
    video: Video, item: Rendition, sounds: Sequence[Rendition], plain: str, full: str
) -> dict[str, Any]:
    tracks = [item, *sounds]
    is_ready = all(track.state == "ready" for track in tracks)
    bits = sum(track.average_bps * track.duration_us // 1_000_000 for track in tracks)
    address = f"{PREFIX}/{video.uuid}/{item.name}"
    return {
        "name": rung_name(item),
        "ready": is_ready,
        "size_bytes": bits // 8 if is_ready else 0,
        "plain": f"{address}/1/stream/video.mp4" + ("?audio=all" if len(sounds) > 1 else ""),
        "full": f"{address}/download/video.mkv",
        "plain_kind": plain,
        "full_kind": full,
    }
