"""Films in which every picture tells its number and every few seconds of sound have a tone: so that a
program can say which one is missing, which came twice, and whether lips and voice agree.
"""

import array
import math
import random
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["TONE_EVERY_S", "MarkedFilm", "make_marked_film", "number_shown"]

TONE_EVERY_S, TONE_S = 5, 0.2
RATE_HZ = 16_000
# Sixteen fields, four by four, each bright or dark: one bit each.
FIELDS = 4
WIDTH, HEIGHT = 64, 36
DARK, BRIGHT = 40, 200


@dataclass(frozen=True)
class MarkedFilm:
    """Where it is, and what is in it: so many pictures at `fps`, keyframes at these seconds."""

    path: Path
    frames: int
    fps: int
    keyframes_s: Sequence[float]


def make_marked_film(
    ffmpeg_exe: str,
    path: Path,
    *,
    seconds: int,
    picture: Sequence[str],
    sound: Sequence[str],
    fps: int = 15,
    size: str = "640x360",
) -> MarkedFilm:
    """Write a film; `picture` and `sound` are the encoders' arguments."""
    frames = seconds * fps
    keyframes = [number / fps for number in _irregular(frames, fps)]
    tones = path.with_suffix(".s16")
    tones.write_bytes(_tones() * (seconds // TONE_EVERY_S + 1))
    command = [ffmpeg_exe, "-nostdin", "-hide_banner", "-loglevel", "error", "-y"]
    command += ["-f", "rawvideo", "-pix_fmt", "gray", "-video_size", f"{WIDTH}x{HEIGHT}"]
    command += ["-framerate", str(fps), "-i", "pipe:0"]
    command += ["-f", "s16le", "-ar", str(RATE_HZ), "-ac", "1", "-i", f"file:{tones}"]
    command += ["-vf", f"scale={size}:flags=neighbor,format=yuv420p", *picture]
    times = ",".join(f"{time - 0.01:.4f}" for time in keyframes)
    command += ["-force_key_frames", times, *sound, "-t", str(seconds), f"file:{path}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdin is not None
        assert running.stderr is not None
        for number in range(frames):
            running.stdin.write(_picture_of(number))
        running.stdin.close()
        said = running.stderr.read()
    tones.unlink()
    assert running.returncode == 0, said
    return MarkedFilm(path, frames, fps, keyframes)


def number_shown(frame: Any) -> int:
    """The number that a decoded picture tells."""
    plane = frame.planes[0]
    data, line = memoryview(plane), plane.line_size
    gray = 0
    for row in range(FIELDS):
        y = frame.height * (2 * row + 1) // (2 * FIELDS)
        for column in range(FIELDS):
            x = frame.width * (2 * column + 1) // (2 * FIELDS)
            gray = gray << 1 | (data[y * line + x] > (DARK + BRIGHT) // 2)
    number = 0
    while gray:
        number ^= gray
        gray >>= 1
    return number


def _picture_of(number: int) -> bytes:
    # From one number to the next one field changes alone: small films, and no wrong number between.
    bits = f"{number ^ number >> 1:016b}"
    fields = [bytes([BRIGHT if bit == "1" else DARK]) * (WIDTH // FIELDS) for bit in bits]
    rows = [b"".join(fields[at : at + FIELDS]) for at in range(0, len(fields), FIELDS)]
    return b"".join(row * (HEIGHT // FIELDS) for row in rows)


def _irregular(frames: int, fps: int) -> Iterator[int]:
    """Numbers of keyframes, two thirds of a second to six seconds apart, the same every time."""
    chance = random.Random(7)
    at = 0
    while at < frames:
        yield at
        at += chance.randint(fps * 2 // 3, fps * 6)


def _tones() -> bytes:
    """A tone and then silence."""
    loud = array.array("h")
    for number in range(int(TONE_S * RATE_HZ)):
        loud.append(round(12_000 * math.sin(2 * math.pi * 1000 * number / RATE_HZ)))
    return loud.tobytes() + bytes(2 * (TONE_EVERY_S * RATE_HZ - len(loud)))
