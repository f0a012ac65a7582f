"""Package one rendition: the MP4 stream of an ffmpeg becomes fragments at the film's cut times.

A packager writes what is whole to its file at once and tells of each finished fragment, so that the
first seconds can be watched while the rest is being made.
"""

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from typing import BinaryIO

from polyreel.core.media.index import LONGEST_US, Fragment
from polyreel.infra.bmff import (
    FragmentReader,
    Init,
    make_fragment,
    parse_init,
    parse_moof,
    payload_of,
)

# Half a frame at 120 per second: time stamps are rounded to milliseconds by some containers.
TOLERANCE_US = 4_000


class Cuts:
    """Where fragments begin: fixed times when the film's index told them, else every `step_us`."""

    def __init__(self, times_us: Sequence[int], step_us: int) -> None:
        self.times_us = times_us
        self.step_us = step_us

    def start(self, number: int) -> float:
        """Begin of fragment `number` in microseconds; infinity past the last one."""
        if not self.times_us:
            return number * self.step_us
        return self.times_us[number] if number < len(self.times_us) else math.inf

    def at(self, time_us: int) -> int:
        """The number of the fragment in which this moment lies."""
        if not self.times_us:
            return max(0, (time_us + TOLERANCE_US) // self.step_us)
        return max(0, bisect_right(self.times_us, time_us + TOLERANCE_US) - 1)


class Packager(ABC):
    """Common to picture and sound: the file, the index so far, the init.

    `first` is the number of the part's first fragment. A fragment that would be empty keeps its place
    with a size of zero.
    """

    def __init__(self, file: BinaryIO, cuts: Cuts, *, first: int = 0) -> None:
        self.fragments: list[Fragment] = []
        self.init: Init | None = None
        self.samples = 0
        self._timescale = 1
        self._file = file
        self._cuts = cuts
        self._first = first
        self._offset = 0
        self._reader = FragmentReader(self._take_init, self._take_fragment)

    def feed(self, data: bytes) -> None:
        """Take bytes from the encoder's pipe."""
        self._reader.feed(data)

    @abstractmethod
    def finish(self) -> None:
        """Close the last fragment; called once, after the last byte."""

    @property
    def next_number(self) -> int:
        """The number of the fragment that is being filled."""
        return self._first + len(self.fragments)

    def _take_init(self, data: bytes) -> None:
        self.init = parse_init(data)
        self._timescale = self.init.timescale

    @abstractmethod
    def _take_fragment(self, moof: bytes, mdat: bytes) -> None:
        """Take the boxes of one fragment as ffmpeg cut it."""

    def _us(self, units: int) -> int:
        return units * 1_000_000 // self._timescale

    def _close(self, start: int, duration: int, size: int, key_size: int = 0) -> None:
        # Damaged time stamps may go back, or hold a hole of hours.
        duration_us = min(max(0, self._us(duration)), LONGEST_US)
        place = self._offset, size, key_size
        self.fragments.append(Fragment(self._us(start), duration_us, *place))
        self._offset += size


class VideoPackager(Packager):
    """Picture: ffmpeg ends a fragment before each keyframe; those between two cuts belong together."""

    _start: int | None = None
    _end = 0
    _size = 0
    _key_size = 0

    def _take_fragment(self, moof: bytes, mdat: bytes) -> None:
        samples = parse_moof(moof)
        shown = samples.start + samples.first_offset
        number = self._cuts.at(self._us(shown))
        if self._start is not None and number > self.next_number:
            self._flush()
        while self.next_number < number:
            self._close(shown, 0, 0)
        if self._start is None:
            self._start = shown
            # Both headers and the first sample: what a player fetches that shows keyframes alone.
            self._key_size = len(moof) + len(mdat) - sum(samples.sizes[1:])
        self._file.write(moof)
        self._file.write(mdat)
        self._size += len(moof) + len(mdat)
        self._end = shown + samples.duration
        self.samples += len(samples.sizes)
        if self._us(self._end) + TOLERANCE_US >= self._cuts.start(self.next_number + 1):
            self._flush()

    def finish(self) -> None:
        """Close the last fragment."""
        self._flush()

    def _flush(self) -> None:
        if self._start is not None:
            self._file.flush()
            start, size, self._start, self._size = self._start, self._size, None, 0
            self._close(start, self._end - start, size, self._key_size)


class AudioPackager(Packager):
    """Sound: the samples are gathered anew, so that fragments begin where those of the picture do."""

    def __init__(self, file: BinaryIO, cuts: Cuts, *, first: int = 0) -> None:
        super().__init__(file, cuts, first=first)
        self._durations: list[int] = []
        self._sizes: list[int] = []
        self._payload = bytearray()
        self._start = 0
        self._time = 0
        self._began = 0
        self._size = 0

    def _take_fragment(self, moof: bytes, mdat: bytes) -> None:
        samples = parse_moof(moof)
        if samples.start != self._time:
            # A hole in the sound: what follows needs a decode time of its own.
            self._write_chunk()
            self._start = self._time = samples.start
        payload = payload_of(mdat, samples)
        position = 0
        for duration, size in zip(samples.durations, samples.sizes, strict=True):
            while self._us(self._time) >= self._cuts.start(self.next_number + 1):
                self._flush()
            self._durations.append(duration)
            self._sizes.append(size)
            self._payload += payload[position : position + size]
            position += size
            self._time += duration
            self.samples += 1

    def finish(self) -> None:
        """Write what is left as the last fragment."""
        if self._durations or self._size:
            self._flush()

    def _write_chunk(self) -> None:
        if not self._durations:
            return
        if not self._size:
            self._began = self._start
        data = make_fragment(
            self.next_number + 1, self._start, self._durations, self._sizes, bytes(self._payload)
        )
        self._file.write(data)
        self._size += len(data)
        self._durations, self._sizes, self._payload = [], [], bytearray()
        self._start = self._time

    def _flush(self) -> None:
        self._write_chunk()
        self._file.flush()
        size, self._size = self._size, 0
        began = self._began if size else self._time
        self._close(began, self._time - began if size else 0, size)
