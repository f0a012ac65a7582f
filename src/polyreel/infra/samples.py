"""The samples of one whole track, gathered from its fragments in order."""

import itertools
from array import array
from bisect import bisect_left
from typing import NamedTuple

from polyreel.infra.fragments import Run

__all__ = ["Chunk", "SampleTable"]

# A stretch of samples that stays together; a longer fragment becomes several.
LONGEST_CHUNK_S = 20


class Chunk(NamedTuple):
    """Samples that lie one after another: which file, where its moof is and how long, which of its
    samples is the first, how many; where their bytes lie; the decode time of the first.
    """

    file: int
    moof: int
    moof_size: int
    skip: int
    samples: int
    place: int
    size: int
    start: int


class SampleTable:
    """Times in units of the track: `timescale` of them are a second. Filled by `add`.

    `deltas` are from one decode time to the next: holes between fragments are in them, and where
    decode times would go back they go on by one unit, while the times of showing stay as they were.
    """

    def __init__(self, timescale: int) -> None:
        self.timescale = timescale
        self.sizes = array("I")
        self.deltas = array("I")
        self.offsets = array("i")
        self.syncs = array("I")
        self.first_start = 0
        self.end = 0
        self._columns = [array("Q") for _ in Chunk._fields]

    def add(self, run: Run, file: int, moof: int, moof_size: int) -> None:
        """Take the samples of the moof at byte `moof` of file number `file`."""
        start, offsets = run.start, run.offsets
        if self.sizes:
            last = self.end - self.deltas[-1]
            start = max(start, last + 1)
            self.deltas[-1] = start - last
            late = start - run.start
            if late:
                offsets = array("i", [offset - late for offset in offsets])
        else:
            self.first_start = start
        count = len(self.sizes)
        self.syncs.extend(count + number for number in run.syncs)
        self.sizes.extend(run.sizes)
        self.deltas.extend(run.durations)
        self.offsets.extend(offsets)
        self.end = start + sum(run.durations)
        for skip, number in self._split(run):
            place = moof + run.place + sum(run.sizes[:skip])
            size = sum(run.sizes[skip : skip + number])
            at = start + sum(run.durations[:skip])
            chunk = (file, moof, moof_size, skip, number, place, size, at)
            for column, value in zip(self._columns, chunk, strict=True):
                column.append(value)

    def _split(self, run: Run) -> list[tuple[int, int]]:
        """(first, how many) of stretches that are not too long."""
        longest = LONGEST_CHUNK_S * self.timescale
        count = len(run.sizes)
        if sum(run.durations) <= longest:
            return [(0, count)]
        times = [0, *itertools.accumulate(run.durations)]
        firsts = [0]
        while (first := bisect_left(times, times[firsts[-1]] + longest, firsts[-1] + 1)) < count:
            firsts.append(first)
        return [(a, b - a) for a, b in zip(firsts, [*firsts[1:], count], strict=True)]

    @property
    def chunks(self) -> int:
        """How many there are."""
        return len(self._columns[0])

    def chunk(self, number: int) -> Chunk:
        """One of them, in order."""
        return Chunk(*(column[number] for column in self._columns))

    @property
    def starts(self) -> "array[int]":
        """The decode time of every chunk."""
        return self._columns[7]

    @property
    def chunk_sizes(self) -> "array[int]":
        """The bytes of every chunk."""
        return self._columns[6]

    @property
    def counts(self) -> "array[int]":
        """The samples of every chunk."""
        return self._columns[4]

    @property
    def first_shown(self) -> int:
        """When the first sample is shown."""
        return self.first_start + (self.offsets[0] if self.offsets else 0)
