"""A film as one Matroska file that is nowhere stored: clusters are made from the fragments when they are
sent, and where each lies is known before, because a block's length follows from its sample's.
"""

import os
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from polyreel.core.delivery.media_view import Made
from polyreel.core.delivery.tracks import Film, Track
from polyreel.infra.bmff import Malformed
from polyreel.infra.fragments import read_defaults, read_run
from polyreel.infra.matroska import (
    BLOCK_BYTES,
    CLUSTER_BYTES,
    Cue,
    MkvTrack,
    block_header,
    cluster_header,
    make_front,
    track_of_init,
)
from polyreel.infra.samples import Chunk
from polyreel.infra.storage import Storage
from polyreel.kit.errors import Unsupported

# A cluster begins with a keyframe, unless the last one is this long ago; none is much shorter than a
# second. Times within one have 16 bits, and a chunk is twenty seconds at most.
LONGEST_US = 5_000_000
LEAST_US = 1_000_000


class WholeMkv:
    """`size` bytes: the front with its index, then the clusters. Reads `storage` when it is sent."""

    def __init__(self, film: Film, storage: Storage) -> None:
        self._film = film
        self._storage = storage
        self._defaults = [read_defaults(track.init) for track in film.tracks]
        # Of each cluster: the first chunk in the film's order, its time, where it ends.
        self._firsts = array("I")
        self._times_ms = array("Q")
        self._ends = array("Q")
        cues = self._lay_out()
        self._front = _front_of(film, cues, self._ends[-1] if self._ends else 0)
        self.size = len(self._front) + (self._ends[-1] if self._ends else 0)

    @property
    def memory_bytes(self) -> int:
        """About what it takes to keep it."""
        samples = sum(len(track.samples.sizes) for track in self._film.tracks)
        return len(self._front) + 20 * samples + 100 * len(self._film)

    def _lay_out(self) -> list[Cue]:
        cues: list[Cue] = []
        seen = [0] * len(self._film.tracks)
        began_us, size = 0, 0
        for position in range(len(self._film)):
            number, chunk = self._film.at(position)
            track = self._film.tracks[number]
            start_us = self._film.start_us(position)
            is_lead = number == 0 and not chunk.skip
            since_us = start_us - began_us
            if not self._firsts or since_us >= (LEAST_US if is_lead else LONGEST_US):
                self._close(size)
                self._firsts.append(position)
                self._times_ms.append(start_us // 1000)
                began_us, size = start_us, 0
                if is_lead:
                    shown = chunk.start + track.samples.offsets[seen[0]]
                    time_ms = max(0, _ms(shown, track))
                    cues.append(Cue(time_ms, 1, self._ends[-1] if self._ends else 0))
            seen[number] += chunk.samples
            size += chunk.size + BLOCK_BYTES * chunk.samples
        if self._firsts:
            self._close(size)
        return cues

    def _close(self, size: int) -> None:
        """End the cluster that was begun last, if there is one."""
        if len(self._ends) < len(self._firsts):
            before = self._ends[-1] if self._ends else 0
            self._ends.append(before + CLUSTER_BYTES + size)

    def pieces(self, start: int, length: int) -> Iterator[bytes | Made]:
        """What `length` bytes from `start` consist of."""
        end = start + length
        base = len(self._front)
        if start < base and end > start:
            yield self._front[start:end]
            start = base
        number = bisect_right(self._ends, start - base)
        while start < end:
            begin = base + (self._ends[number - 1] if number else 0)
            size = base + self._ends[number] - begin
            skip = start - begin
            wanted = min(size - skip, end - start)
            yield self._made(number, skip, wanted)
            start += wanted
            number += 1

    def _made(self, number: int, skip: int, size: int) -> Made:
        return Made(size, lambda: self._cluster(number)[skip : skip + size])

    def _cluster(self, number: int) -> bytes:
        """One whole cluster; what is in its blocks is read from the fragments."""
        first = self._firsts[number]
        is_last = number + 1 == len(self._firsts)
        stop = len(self._film) if is_last else self._firsts[number + 1]
        blocks: list[tuple[int, int, bytes, bytes]] = []
        fds: dict[str, int] = {}
        try:
            for position in range(first, stop):
                track, chunk = self._film.at(position)
                key = self._film.tracks[track].files[chunk.file]
                if key not in fds:
                    fds[key] = self._storage.open_read(key)
                blocks += self._blocks(fds[key], track, chunk, self._times_ms[number])
        finally:
            for fd in fds.values():
                os.close(fd)
        # In the order of decoding; of one moment, the picture first.
        blocks.sort(key=lambda block: block[:2])
        data = b"".join(part for block in blocks for part in block[2:])
        return cluster_header(self._times_ms[number], len(data)) + data

    def _blocks(
        self, fd: int, number: int, chunk: Chunk, cluster_ms: int
    ) -> Iterator[tuple[int, int, bytes, bytes]]:
        """(time of decoding in microseconds, track, header, data) of the samples of a chunk."""
        track = self._film.tracks[number]
        run = read_run(os.pread(fd, chunk.moof_size, chunk.moof), self._defaults[number])
        data = os.pread(fd, chunk.size, chunk.place)
        if len(data) < chunk.size:
            raise OSError("the file is shorter than its index says")
        syncs = frozenset(run.syncs)
        timescale = track.samples.timescale
        shown = run.start + sum(run.durations[: chunk.skip])
        decoded, at = chunk.start, 0
        for sample in range(chunk.skip, chunk.skip + chunk.samples):
            size = run.sizes[sample]
            time_ms = _ms(shown + run.offsets[sample], track) - cluster_ms
            header = block_header(number + 1, time_ms, size, is_sync=sample in syncs)
            yield decoded * 1_000_000 // timescale, number, header, data[at : at + size]
            at += size
            shown += run.durations[sample]
            decoded += run.durations[sample]


def _ms(time: int, track: Track) -> int:
    """A time of the track in milliseconds, rounded."""
    timescale = track.samples.timescale
    return (2000 * time + timescale) // (2 * timescale)


def _front_of(film: Film, cues: Sequence[Cue], clusters_bytes: int) -> bytes:
    duration_ms = max(
        (1000 * track.samples.end / track.samples.timescale for track in film.tracks), default=0
    )
    try:
        tracks = [_described(film, track) for track in film.tracks]
    except Malformed as error:
        raise Unsupported("The stored film cannot be read; it has to be made anew.") from error
    return make_front(tracks, cues, duration_ms=duration_ms, clusters_bytes=clusters_bytes)


def _described(film: Film, track: Track) -> MkvTrack:
    found = track_of_init(track.init, track.samples)
    rendition = track.rendition
    first = next(one for one in film.tracks if one.rendition.kind == rendition.kind)
    return MkvTrack(
        kind=found.kind,
        codec=found.codec,
        private=found.private,
        shape=found.shape,
        frame_ns=found.frame_ns,
        uid=rendition.id,
        language=rendition.language,
        title=rendition.title,
        is_default=track is first,
    )
