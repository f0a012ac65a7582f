"""Open a foreign file with every guard and describe it as plain values."""

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.logging
from av.container import InputContainer

from polyreel.infra import accepted
from polyreel.infra.probing.keyframes import Keyframes, read_keyframes
from polyreel.infra.probing.streams import (
    audio_facts,
    is_attached_picture,
    subtitle_facts,
    text_of,
    video_facts,
)

__all__ = ["read_container"]

CHAPTER_LIMIT = 1000
HEAD_BYTES = 4096
FONT_ENDINGS = (".ttf", ".otf", ".ttc", ".woff", ".woff2")
STREAMED = ("mpegts", "mpeg")
LEAST_BPS = 16_000
_STREAM = re.compile(r"^  Stream #0:([0-9]+)", re.MULTILINE)
_READABLE = frozenset(accepted.CODECS.split(","))


def read_container(path: str) -> dict[str, Any]:
    """The fields of `infra.probe.Probe`, or `{"refused": reason}` with what libav said."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(HEAD_BYTES)
        with av.open(
            f"file:{Path(path).absolute()}",
            options=dict(accepted.GUARDS),
            metadata_errors="replace",
        ) as container:
            return _describe(container, head)
    except (av.FFmpegError, MemoryError, OSError) as error:
        return {"refused": type(error).__name__}


def _describe(container: InputContainer, head: bytes) -> dict[str, Any]:
    start_us = container.start_time or 0
    dumps = _dumps(container)
    video: list[dict[str, Any]] = []
    audio: list[dict[str, Any]] = []
    subtitles: list[dict[str, Any]] = []
    pictures: list[Any] = []
    unsized = 0
    for stream in container.streams:
        # None where libav knows no decoder at all.
        context: Any = stream.codec_context
        if context is None or context.codec.name not in _READABLE:
            continue
        if stream.type == "video" and context.width and context.height:
            video.append(video_facts(stream, start_us, dumps.get(stream.index, "")))
            pictures.append(stream)
        elif stream.type == "video":
            unsized += 1
        elif stream.type == "audio" and context.sample_rate:
            audio.append(audio_facts(stream, start_us))
        elif stream.type == "subtitle":
            subtitles.append(subtitle_facts(stream))
    main = _main_picture(pictures)
    found = Keyframes()
    if main is not None:
        found = read_keyframes(container, main, main.codec_context.codec.canonical_name, head)
    for facts in video:
        _add_keyframes(facts, found if main and facts["index"] == main.index else Keyframes())
    lasts = bool(container.duration) and not _is_absurd(container, video)
    for facts in () if lasts else (*video, *audio):
        facts["duration_us"] = None
    return {
        "format": container.format.name,
        "duration_ms": round((container.duration or 0) / 1000) if lasts else None,
        "size_bytes": container.size,
        "bit_rate_bps": container.bit_rate or None,
        "start_us": start_us,
        "has_index": found.has_index,
        "is_truncated": found.is_truncated,
        "title": text_of(container.metadata.get("title")),
        "chapters": _chapters(container),
        "video": video,
        "audio": audio,
        "subtitles": subtitles,
        "unsized_pictures": unsized,
        "fonts": _fonts(container),
        "attachments": sum(stream.type == "attachment" for stream in container.streams),
    }


def _is_absurd(container: InputContainer, video: list[dict[str, Any]]) -> bool:
    """Streams without an index tell their length by their last time stamp; where that jumped, hours
    of picture would weigh nothing.
    """
    if container.format.name not in STREAMED or not video or not container.duration:
        return False
    return container.size * 8_000_000 / container.duration < LEAST_BPS


def _main_picture(pictures: list[Any]) -> Any:
    """The picture that is played: not a cover; the default one, else the largest, else the first."""
    real = [stream for stream in pictures if not is_attached_picture(stream)]

    def rank(stream: Any) -> tuple[bool, int]:
        context = stream.codec_context
        return bool(stream.disposition & 1), context.width * context.height

    return max(real, key=rank, default=None)


def _add_keyframes(facts: dict[str, Any], found: Keyframes) -> None:
    facts["keyframes_us"] = found.times_us
    facts["keyframe_bytes"] = found.sizes
    facts["idr_checked"] = found.idr_checked
    facts["is_vfr"] = found.is_vfr


def _chapters(container: InputContainer) -> list[dict[str, Any]]:
    rows = []
    for chapter in container.chapters()[:CHAPTER_LIMIT]:
        unit = (chapter["time_base"] or Fraction(1, 1000)) * 1000
        rows.append(
            {
                "start_ms": round(chapter["start"] * unit),
                "end_ms": round(chapter["end"] * unit),
                "title": text_of(chapter["metadata"].get("title")),
            }
        )
    return rows


def _fonts(container: InputContainer) -> list[dict[str, Any]]:
    """Attachments that are fonts, by their kind or by their ending."""
    attachments = [stream for stream in container.streams if stream.type == "attachment"]
    rows = []
    for number, stream in enumerate(attachments):
        name = text_of(stream.metadata.get("filename")) or ""
        kind = (stream.metadata.get("mimetype") or "").lower()
        if "font" in kind or "opentype" in kind or name.lower().endswith(FONT_ENDINGS):
            # A name for people and style sheets; never a path.
            rows.append({"number": number, "name": name.replace("\\", "/").rpartition("/")[2]})
    return rows


def _dumps(container: InputContainer) -> dict[int, str]:
    """libav's own description of each stream: PyAV shows a track's side data in no other way."""
    av.logging.set_level(av.logging.INFO)
    try:
        text = container.dumps_format()  # type: ignore[attr-defined]
    finally:
        av.logging.set_level(None)
    pieces = _STREAM.split(text)
    return {int(number): piece for number, piece in zip(pieces[1::2], pieces[2::2], strict=True)}
