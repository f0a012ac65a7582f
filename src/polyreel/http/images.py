"""Images of a film in the media app: the poster, the mosaic, the storyboard and its track."""

import hashlib

from polyreel.core.delivery import MediaView, Place
from polyreel.core.media import storyboard_track
from polyreel.http.representation import Representation
from polyreel.infra.storage import Storage
from polyreel.kit.errors import NotFound

__all__ = ["find_sheet", "find_thumbnail", "make_track"]

VTT = "text/vtt; charset=utf-8"
_WEBP = ".webp"


def find_thumbnail(storage: Storage, view: MediaView, name: str) -> Representation:
    """The poster, the mosaic, or the picture that was chosen for this video. Raises NotFound."""
    keys = {
        "4x4.webp": view.mosaic_key,
        "poster.webp": view.poster_key,
        f"link-{view.uuid}.webp": view.own_poster_key,
    }
    key = keys.get(name)
    if key is None:
        raise NotFound("")
    cache = "public, max-age=300" if view.visibility != "private" else "private, no-cache"
    return _picture(storage, view, key, cache)


def find_sheet(storage: Storage, view: MediaView, query: bytes) -> Representation:
    """The tiles of the storyboard; kept for ever by whoever asks for this very one. Raises NotFound."""
    if view.storyboard is None:
        raise NotFound("There is no such file.")
    key = view.storyboard.key
    is_pinned = query == f"r={_stem(key)}".encode()
    cache = "private, max-age=31536000, immutable" if is_pinned else "private, no-cache"
    return _picture(storage, view, key, cache)


def make_track(view: MediaView) -> Representation:
    """The storyboard's track. Without a cue while there is no storyboard: a player has nothing to
    show then, and nothing has failed.
    """
    text = "WEBVTT\n"
    if view.storyboard is not None:
        sheet = f"storyboard.webp?r={_stem(view.storyboard.key)}"
        text = storyboard_track(view.storyboard, sheet, view.duration_ms)
    body = text.encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    return Representation(VTT, etag, view.changed_at_s, "private, no-cache", body)


def _picture(storage: Storage, view: MediaView, key: str, cache: str) -> Representation:
    try:
        size = storage.size(key)
    except FileNotFoundError:
        raise NotFound("") from None
    etag = f'"{_stem(key)}-{view.media_uid[:8]}"'
    return Representation("image/webp", etag, view.changed_at_s, cache, Place(key, 0, size))


def _stem(key: str) -> str:
    """The name of a file that no other attempt and no other media has: its revision."""
    return key.rsplit("/", 1)[-1].removesuffix(_WEBP)
