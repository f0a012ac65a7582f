"""A film as one file, brought together from its pieces, and what other programs find in it."""

import os
import subprocess
from pathlib import Path
from typing import Any

import av

from polyreel.core.delivery import (
    Place,
    WholeMkv,
    WholeMp4,
    Wish,
    choose_contents,
    load_view,
    make_whole,
)
from polyreel.core.library import Video
from tests.factories.site import Site

__all__ = ["ask_whole", "beeps", "check_with_ffmpeg", "flashes", "packets", "read"]


def ask_whole(
    site: Site, video: Video, name: str, form: Any = "mp4", *, every_sound: bool = False
) -> WholeMp4 | WholeMkv:
    """The layout of a download."""
    with site.tools.db.read() as tx:
        view = load_view(tx, video.uuid)
    assert view is not None
    wish = Wish(name, form, every_sound=every_sound)
    return make_whole(site.tools.storage, wish, choose_contents(view, wish))


def read(
    site: Site, whole: WholeMp4 | WholeMkv, start: int = 0, length: int | None = None
) -> bytes:
    """Some of its bytes, else all."""
    length = whole.size - start if length is None else length
    return b"".join(_bytes_of(site, piece) for piece in whole.pieces(start, length))


def _bytes_of(site: Site, piece: Any) -> bytes:
    if isinstance(piece, bytes):
        return piece
    if not isinstance(piece, Place):
        made = piece.make()
        assert len(made) == piece.size
        return bytes(made)
    fd = site.tools.storage.open_read(piece.key)
    try:
        return os.pread(fd, piece.size, piece.offset)
    finally:
        os.close(fd)


def check_with_ffmpeg(exe: str, path: Path) -> None:
    """It decodes to its end without a word."""
    command = [exe, "-nostdin", "-v", "warning", "-xerror", "-i", str(path)]
    # As they are: made even, two frames of a variable rate would be one.
    command += [
        "-map",
        "0:v?",
        "-map",
        "0:a?",
        "-map",
        "0:s?",
        "-fps_mode",
        "passthrough",
        "-c:s",
        "copy",
        "-f",
        "matroska",
        "-y",
    ]
    done = subprocess.run([*command, os.devnull], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def packets(source: Any, kind: str, number: int = 0) -> list[bytes]:
    """The data of every packet of a track."""
    with av.open(source) as container:
        stream = container.streams.get({kind: number})[0]
        return [bytes(packet) for packet in container.demux(stream) if packet.size]


def flashes(path: Path) -> list[float]:
    """When white pictures begin, in seconds."""
    found, was_white = [], False
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            plane = frame.planes[0]
            middle = bytes(plane)[plane.line_size * (frame.height // 2) + frame.width // 2]
            is_white = middle > 128
            if is_white and not was_white:
                found.append(frame.time or 0.0)
            was_white = is_white
    return found


def beeps(path: Path) -> list[float]:
    """When tones begin, in seconds, to the millisecond."""
    found, last = [], -1.0
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=48000)
        for frame in container.decode(audio=0):
            for piece in resampler.resample(frame):
                samples = memoryview(bytes(piece.planes[0])).cast("h")[: piece.samples]
                for at in range(0, len(samples), 48):
                    now = (piece.time or 0.0) + at / 48000
                    if max(map(abs, samples[at : at + 48])) > 3000:
                        if now - last > 0.3:
                            found.append(now)
                        last = now
    return found
