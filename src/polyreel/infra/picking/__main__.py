"""`python -m polyreel.infra.picking FILE STREAM TIMES MOST_BYTES INTO`, see `infra.stills`.

TIMES are microseconds from the file's start, joined by commas. Their keyframes are copied to INTO, one
frame a second; what is printed is the number of the frame for each time.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.stream

from polyreel.infra import accepted
from polyreel.infra.confine import confine

__all__ = ["pick"]

# What the first lacks the others have: old codecs of AVI and QuickTime.
CONTAINERS = ("matroska", "mov", "nut")
# A file without an index is read on from where a seek led, to the next keyframe: not for ever.
MOST_PACKETS = 3_000
PATIENCE_S = 20.0


def pick(path: str, stream: int, times_us: Sequence[int], most_bytes: int, into: str) -> list[int]:
    """Copy the keyframe at or before each time, each once; the number of the frame for each time.

    Shorter than `times_us` when time ran out. Bytes are dealt out evenly: a time whose keyframe would
    be too much gets the frame before it.
    """
    with ExitStack() as stack:
        source = stack.enter_context(av.open(f"file:{path}", options=dict(accepted.GUARDS)))
        picture = source.streams[stream]
        for other in source.streams:
            if other.index != stream:
                other.discard = av.stream.Discard.all
        target, track = _open_target(stack, into, picture)
        numbers: list[int] = []
        written, last_pts, count = 0, None, 0
        for packet in _keyframes(source, picture, times_us):
            share = most_bytes * (len(numbers) + 1) // len(times_us)
            is_new = packet is not None and (last_pts is None or packet.pts != last_pts)
            if is_new and (count == 0 or written + packet.size <= share):
                last_pts = packet.pts
                written += packet.size
                packet.stream, packet.time_base = track, Fraction(1)
                packet.pts = packet.dts = count
                packet.duration = 1
                target.mux(packet)
                count += 1
            if not count:
                return []
            numbers.append(count - 1)
    return numbers


def _open_target(stack: ExitStack, into: str, picture: Any) -> tuple[Any, Any]:
    """The first container that can hold the codec. Raises ValueError when none can."""
    for name in CONTAINERS:
        target = stack.enter_context(av.open(into, "w", format=name))
        try:
            # As it is: no encoder of that name is needed.
            return target, target.add_stream_from_template(picture, opaque=True)
        except ValueError:
            target.close()
    raise ValueError("no container for it")


def _keyframes(source: Any, picture: Any, times_us: Sequence[int]) -> Iterator[Any]:
    """For each time its keyframe's packet; None where there is none."""
    start_us = source.start_time or 0
    end = time.monotonic() + PATIENCE_S
    for number, time_us in enumerate(times_us):
        if time.monotonic() > end:
            return
        try:
            if number or time_us:
                offset = round((start_us + time_us) / 1_000_000 / picture.time_base)
                source.seek(offset, stream=picture, backward=True)
        except av.FFmpegError:
            # Not seekable: what comes first is all there is.
            if number:
                return
        try:
            yield _next_keyframe(source, picture)
        except (av.FFmpegError, EOFError):
            yield None


def _next_keyframe(source: Any, picture: Any) -> Any:
    for number, packet in enumerate(source.demux(picture)):
        if packet.size and packet.is_keyframe:
            return packet
        if number > MOST_PACKETS:
            break
    return None


if __name__ == "__main__":
    *options, path, stream, times, most_bytes, into = sys.argv[1:]
    if "--open" not in options:
        modules = (Path(av.__file__).parent, Path(os.__file__).parent)
        places = [f"r{path}", f"w{into}", *(f"r{folder}" for folder in modules)]
        confine(places, network=False)
    wanted = [int(text) for text in times.split(",")]
    sys.stdout.write(json.dumps(pick(path, int(stream), wanted, int(most_bytes), into)))
