"""Texts of a film in the media app: subtitles, chapters, and the fonts that came with them."""

import hashlib
import json

from polyreel.core.delivery import FragmentNotFound, MediaView, Place
from polyreel.core.media import subtitle_playlist
from polyreel.http.media_routes import M3U8
from polyreel.http.representation import Representation
from polyreel.infra.storage import Storage
from polyreel.kit.errors import Invalid

__all__ = ["find_font", "find_text", "list_texts"]

_KINDS = {
    "out.vtt": "text/vtt; charset=utf-8",
    "out.ass": "text/x-ssa; charset=utf-8",
    "out.m3u8": M3U8,
}


def find_text(
    storage: Storage, view: MediaView, uid: str, file: str, query: bytes
) -> Representation:
    """A text track as WebVTT or SubStation, or its playlist. Raises Invalid, FragmentNotFound."""
    if file not in _KINDS:
        raise Invalid("There is no such file.")
    item = view.subtitle(uid)
    if file == "out.m3u8":
        length_us = max((each.duration_us for each in view.renditions.values()), default=0)
        body = subtitle_playlist(item, length_us, grows=view.is_growing).encode()
        etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
        return Representation(M3U8, etag, view.changed_at_s, "private, no-cache", body)
    key = item.vtt_key if file == "out.vtt" else item.ass_key
    if key is None:
        raise FragmentNotFound
    return _file(storage, view, key, _KINDS[file], is_pinned=query == f"r={item.revision}".encode())


def find_font(storage: Storage, view: MediaView, number: str) -> Representation:
    """A font by its place in the film's list. Raises FragmentNotFound."""
    for font in view.fonts:
        if str(font.position) == number:
            return _file(storage, view, font.key, "font/sfnt", is_pinned=False)
    raise FragmentNotFound


def list_texts(view: MediaView) -> Representation:
    """What our player can offer, addresses relative to the film's own. Grows while the film is made."""
    texts = [
        {
            "id": item.uid,
            "kind": item.kind,
            "label": item.title,
            "language": item.language or "",
            "vtt": f"/{item.uid}/subtitle/out.vtt?r={item.revision}",
            "ass": f"/{item.uid}/subtitle/out.ass?r={item.revision}" if item.ass_key else "",
            "styled": item.is_styled,
            "forced": item.is_forced,
        }
        for item in view.subtitles
        if item.state == "ready"
    ]
    fonts = [{"family": font.name, "url": f"/font/{font.position}"} for font in view.fonts]
    body = json.dumps({"texts": texts, "fonts": fonts}).encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    return Representation("application/json", etag, view.changed_at_s, "private, no-cache", body)


def _file(
    storage: Storage, view: MediaView, key: str, kind: str, *, is_pinned: bool
) -> Representation:
    try:
        size = storage.size(key)
    except FileNotFoundError:
        raise FragmentNotFound from None
    cache = "private, max-age=31536000, immutable" if is_pinned else "private, no-cache"
    # A key names its bytes: every attempt and every file that is brought has one of its own.
    name = key.rsplit("/", 1)[-1].partition(".")[0]
    return Representation(kind, f'"{name}"', view.changed_at_s, cache, Place(key, 0, size))
