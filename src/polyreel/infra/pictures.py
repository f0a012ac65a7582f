"""Pictures that people send: which kinds, and how ffmpeg is to read them.

Never by ffmpeg's own guess, and never as anything that could name another file: the kind is told from
the first bytes, and only the demuxer and the decoder of that kind are allowed.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from polyreel.infra.ffmpeg import file_url, guard_args
from polyreel.infra.process import Limits

__all__ = ["HEAD_BYTES", "PictureKind", "find_kind", "picture_input_args", "picture_limits"]

HEAD_BYTES = 16
# A camera's largest, and four times that: 200 MB as it is decoded.
MAX_PIXELS = 50_000_000


@dataclass(frozen=True)
class PictureKind:
    """A kind of picture by its media type, with ffmpeg's names for its demuxer and decoder."""

    media_type: str
    demuxer: str
    decoder: str


_JPEG = PictureKind("image/jpeg", "jpeg_pipe", "mjpeg")
_PNG = PictureKind("image/png", "png_pipe", "png")
_WEBP = PictureKind("image/webp", "webp_pipe", "webp")


def find_kind(head: bytes) -> PictureKind | None:
    """What a file is that begins with these bytes, at least HEAD_BYTES of them; None for no picture
    that is taken.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return _JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return _PNG
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return _WEBP
    return None


def picture_input_args(path: Path, kind: PictureKind) -> list[str]:
    """The arguments of one picture as input, guards included."""
    guards = {
        "protocol_whitelist": "file",
        "format_whitelist": kind.demuxer,
        "codec_whitelist": kind.decoder,
        "max_streams": "1",
        "max_pixels": str(MAX_PIXELS),
        "threads": "1",
    }
    args = guard_args(guards)
    return [*args, "-f", kind.demuxer, "-i", file_url(path)]


def picture_limits() -> Limits:
    """What one ffmpeg may use for one picture."""
    cores = os.cpu_count() or 1
    return Limits(memory_bytes=(2 + cores) << 30, cpu_s=30, file_bytes=0, open_files=64)
