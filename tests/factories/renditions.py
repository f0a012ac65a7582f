"""Renditions as they are read from the database, without one."""

from collections.abc import Sequence
from typing import Any

from polyreel.core.media.index import Fragment
from polyreel.core.media.renditions import Part, Rendition

__all__ = ["fragments_of", "make_part", "make_rendition"]


def fragments_of(*seconds: float, start: float = 0.0, size: int = 1000) -> tuple[Fragment, ...]:
    """Fragments of these lengths, one after another; 0 is an empty place."""
    made = []
    offset = 0
    for length in seconds:
        used = size if length else 0
        made.append(Fragment(round(start * 1e6), round(length * 1e6), offset, used))
        start += length
        offset += used
    return tuple(made)


def make_part(fragments: Sequence[Fragment] = (), **given: Any) -> Part:
    """The only part of a rendition; `ready` when it has fragments."""
    values = {
        "id": 1, "number": 0, "first_fragment": 0, "start_us": 0, "end_us": None,
        "state": "ready" if fragments else "planned", "key": "media/a" if fragments else None,
        "fragments": fragments, **given,
    }  # fmt: skip
    return Part(**values)


def make_rendition(*parts: Part, **given: Any) -> Rendition:
    """A promised 720p picture of 10 s."""
    values = {
        "id": 1, "media_id": 1, "kind": "video", "name": "720p", "position": 0, "mode": "encode",
        "promised": True, "state": "running", "message": None, "stream": 0, "width": 1280,
        "height": 720, "fps": 25.0, "channels": 0, "language": None, "title": None,
        "codec": "avc1.64001f", "init": b"init", "peak_bps": 3_000_000, "average_bps": 2_000_000,
        "progress": 0.0, "revision": 1, "duration_us": 10_000_000, **given,
    }  # fmt: skip
    if values["kind"] == "audio":
        values = {**values, "width": 0, "height": 0, "fps": 0.0, "codec": "mp4a.40.2", **given}
    return Rendition(parts=parts or (make_part(),), **values)
