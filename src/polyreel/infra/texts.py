"""Subtitle files that people send: which kind, in which encoding, and how ffmpeg is to read them.

Never by ffmpeg's own guess: the kind is told from the text, and only its own demuxer is allowed.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from polyreel.infra.ffmpeg import file_url, guard_args
from polyreel.infra.process import Limits

__all__ = [
    "MOST_BYTES",
    "TextKind",
    "conversion_args",
    "decode_text",
    "find_text_kind",
    "text_limits",
]

MOST_BYTES = 16 << 20
_SRT_TIME = re.compile(r"^\s*\d{1,2}:\d\d:\d\d[,.]\d{1,3}\s*-->\s*\d{1,2}:\d\d:\d\d", re.MULTILINE)


@dataclass(frozen=True)
class TextKind:
    """A kind of subtitle file: its usual ending, which is ffmpeg's name of it, too."""

    name: str


SRT, VTT, ASS = TextKind("srt"), TextKind("webvtt"), TextKind("ass")


def decode_text(data: bytes) -> str:
    """The text of a file: by its byte order mark, else UTF-8, else the old Western encoding.

    Line ends become `\\n`; a zero byte or another control character does not pass.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = data.decode("utf-16", errors="replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(char for char in text if char in "\n\t" or char >= " ")


def find_text_kind(text: str) -> TextKind | None:
    """SubRip, WebVTT or SubStation; None for anything else."""
    start = text.lstrip()[:4096]
    if start.startswith("WEBVTT"):
        return VTT
    if start.lower().startswith("[script info]"):
        return ASS
    return SRT if _SRT_TIME.search(start) else None


def conversion_args(path: Path, kind: TextKind) -> list[str]:
    """The text at `path`, UTF-8, as WebVTT to `{sink0}` and as ASS to `{sink1}`."""
    guards = {
        "protocol_whitelist": "file",
        "format_whitelist": kind.name,
        "codec_whitelist": "srt,subrip,webvtt,ass,ssa,text",
        "max_streams": "1",
    }
    args = guard_args(guards)
    args += ["-f", kind.name, "-i", file_url(path)]
    args += ["-map", "0:s:0", "-c:s", "webvtt", "-f", "webvtt", "{sink0}"]
    return [*args, "-map", "0:s:0", "-c:s", "ass", "-f", "ass", "{sink1}"]


def text_limits() -> Limits:
    """What one ffmpeg may use for one text."""
    return Limits(memory_bytes=2 << 30, cpu_s=30, file_bytes=0, open_files=64)
