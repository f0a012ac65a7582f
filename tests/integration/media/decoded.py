"""What is in a stream or a file, as libav finds it: the other opinion."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

__all__ = ["Decoded", "decode"]


@dataclass(frozen=True)
class Decoded:
    """Times in seconds, in the order of showing: of every frame, of keyframes alone."""

    times: list[float]
    keyframes: list[float]
    end: float

    @property
    def count(self) -> int:
        """How many frames."""
        return len(self.times)

    @property
    def longest_step(self) -> float:
        """The longest time from one frame to the next."""
        pairs = zip(self.times, self.times[1:], strict=False)
        return max((after - before for before, after in pairs), default=0.0)


def decode(source: bytes | Path, kind: str = "video", number: int = 0) -> Decoded:
    """Decode one track whole; fails on the first error."""
    file = io.BytesIO(source) if isinstance(source, bytes) else str(source)
    with av.open(file, "r") as container:
        stream = container.streams.get({kind: number})[0]
        stream.codec_context.options = {"err_detect": "explode"}
        found = []
        frames: Iterator[Any] = container.decode(stream)
        for frame in frames:
            length = getattr(frame, "samples", 0) / (getattr(frame, "sample_rate", 0) or 1)
            found.append((frame.time, bool(getattr(frame, "key_frame", False)), length))
    found.sort()
    times = [time for time, _, _ in found]
    keyframes = [time for time, is_key, _ in found if is_key]
    return Decoded(times, keyframes, times[-1] + found[-1][2] if found else 0.0)
