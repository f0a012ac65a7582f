"""What a download is made of, what it is known by, what it is called."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from polyreel.core.delivery.media_view import MediaView
from polyreel.core.delivery.tracks import Film, read_track
from polyreel.core.delivery.whole_mkv import WholeMkv
from polyreel.core.delivery.whole_mp4 import WholeMp4
from polyreel.core.media import Rendition
from polyreel.infra.storage import Storage
from polyreel.kit.errors import NotFound

# What a film is laid out by: another number is another file of the same tracks.
_LAYOUT = 1
_LONGEST_NAME_BYTES = 180


class QualityNotFound(NotFound):
    """There is no such rendition, or it cannot be fetched whole yet."""

    default = "There is no such quality."


@dataclass(frozen=True)
class Wish:
    """What is to be in the file: the rendition of this name, a sound's too; its first sound or all.

    A Matroska file always has all.
    """

    name: str
    form: Literal["mp4", "mkv"]
    every_sound: bool = False


def choose_renditions(view: MediaView, wish: Wish) -> list[Rendition]:
    """The renditions of a download, picture first. Raises QualityNotFound."""
    wanted = view.renditions.get(wish.name)
    if wanted is None or wanted.state == "failed":
        raise QualityNotFound
    chosen = [wanted]
    if wanted.kind == "video":
        sounds = [
            item
            for item in view.renditions.values()
            if item.kind == "audio" and item.state != "failed"
        ]
        chosen += sounds if wish.every_sound or wish.form == "mkv" else sounds[:1]
    if any(item.state != "ready" for item in chosen):
        raise QualityNotFound("This quality is not ready yet.")
    return chosen


def tag_of(wish: Wish, renditions: Sequence[Rendition]) -> str:
    """Names the bytes of a download: as long as this is the same they are."""
    tracks = [(item.id, item.revision, item.language, item.title) for item in renditions]
    text = repr((_LAYOUT, wish.form, tracks))
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def make_whole(
    storage: Storage, wish: Wish, renditions: Sequence[Rendition]
) -> WholeMp4 | WholeMkv:
    """Lay the file out; reads the headers of every fragment, for two hours of film in less than a second.

    Raises NotFound when the renditions are being replaced, Unsupported when they cannot be read.
    """
    try:
        film = Film([read_track(storage, item) for item in renditions])
    except FileNotFoundError:
        raise QualityNotFound("The film is being made anew.") from None
    return WholeMp4(film) if wish.form == "mp4" else WholeMkv(film, storage)


def file_names(name: str, quality: str, suffix: str) -> tuple[str, str]:
    """What the file is called: in ASCII as VideoCMS calls it, and with the letters of the video's name.

    `quality` empty: none is told. Source: the VideoCMS contract, 4.4.
    """
    end = f"[{quality}].{suffix}" if quality else f".{suffix}"
    plain = re.sub(r"[^A-Za-z0-9]+", "-", name)
    full = re.sub(r"[\W_]+", "-", name)
    cut = full.encode()[:_LONGEST_NAME_BYTES].decode(errors="ignore")
    return plain[:_LONGEST_NAME_BYTES] + end, cut + end
