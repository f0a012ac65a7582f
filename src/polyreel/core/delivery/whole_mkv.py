"""A film as one Matroska file that is nowhere stored: clusters are made from the fragments when they are
sent, and where each lies is known before, because a block's length follows from its sample's.
"""

import os
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from polyreel.core.delivery.media_view import Made, Place
from polyreel.core.delivery.tracks import Film, Track
from polyreel.infra.bmff import Malformed
from polyreel.infra.cues import TextCue, read_ass, read_vtt
from polyreel.infra.fragments import read_defaults, read_run
from polyreel.infra.matroska import (
    BLOCK_BYTES,
    CLUSTER_BYTES,
    Attachment,
    Chapter,
    Cue,
    MkvTrack,
    attachment_headers,
    block_header,
    cluster_header,
    make_front,
    text_block,
    text_track,
    track_of_init,
)
from polyreel.infra.samples import Chunk
from polyreel.infra.storage import Storage
from polyreel.kit.errors import Unsupported

# A cluster begins with a keyframe, unless the last one is this long ago; none is much shorter than a
# second. Times within one have 16 bits, and a chunk is twenty seconds at most.
LONGEST_US = 5_000_000
LEAST_US = 1_000_000
LONGEST_TEXT_MS = 30_000


@dataclass(frozen=True)
class TextTrack:
    """Subtitles that go along: the text of a file in WebVTT or, with `is_ass`, in ASS."""

    text: str
    is_ass: bool = False
    language: str | None = None
    title: str | None = None
    is_default: bool = False
    is_forced: bool = False


@dataclass(frozen=True)
class Extras:
    """What goes along with the tracks of a film: subtitles, chapters, and fonts as they lie."""

    texts: Sequence[TextTrack] = ()
    chapters: Sequence[Chapter] = ()
    fonts: Sequence[tuple[Attachment, Place]] = ()


class _Cluster(NamedTuple):
    """Which chunks of the film's order are in it, its time, the bytes of their blocks, where a reader may
    begin with it, and the subtitles that begin in it.
    """

    first: int
    stop: int
    time_ms: int
    size: int
    cue_ms: int | None = None
    texts: bytes = b""


class WholeMkv:
    """`size` bytes: the front with its index, then the clusters. Reads `storage` when it is sent."""

    def __init__(self, film: Film, storage: Storage, extras: Extras) -> None:
        self._film = film
        self._storage = storage
        self._defaults = [read_defaults(track.init) for track in film.tracks]
        heads, texts = _read_texts(extras.texts, len(film.tracks))
        self._clusters = _with_texts(list(_lay_out(film)), texts)
        self._ends = array("Q")
        cues: list[Cue] = []
        end = 0
        for cluster in self._clusters:
            if cluster.cue_ms is not None:
                cues.append(Cue(cluster.cue_ms, 1, end))
            end += CLUSTER_BYTES + cluster.size + len(cluster.texts)
            self._ends.append(end)
        headers = attachment_headers([font for font, _ in extras.fonts])
        places = [place for _, place in extras.fonts]
        self._tail = [part for pair in zip(headers, places, strict=True) for part in pair]
        self._front = make_front(
            [*_describe(film), *_describe_texts(film, extras.texts, heads)],
            cues,
            duration_ms=_duration_ms(film),
            clusters_bytes=end,
            chapters=extras.chapters,
            attached_bytes=sum(map(_length, self._tail)),
        )
        self.size = len(self._front) + end + sum(map(_length, self._tail))

    @property
    def memory_bytes(self) -> int:
        """About what it takes to keep it."""
        samples = sum(len(track.samples.sizes) for track in self._film.tracks)
        return len(self._front) + 20 * samples + 300 * len(self._film)

    def pieces(self, start: int, length: int) -> Iterator[bytes | Place | Made]:
        """What `length` bytes from `start` consist of."""
        end = start + length
        base = len(self._front)
        if start < base and end > start:
            yield self._front[start:end]
            start = base
        clusters_end = base + (self._ends[-1] if self._ends else 0)
        yield from self._cluster_pieces(start, min(end, clusters_end))
        at = clusters_end
        for part in self._tail:
            first, stop = max(start - at, 0), min(end - at, _length(part))
            if first < stop and isinstance(part, Place):
                yield Place(part.key, part.offset + first, stop - first)
            elif first < stop and isinstance(part, bytes):
                yield part[first:stop]
            at += _length(part)

    def _cluster_pieces(self, start: int, end: int) -> Iterator[Made]:
        base = len(self._front)
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
        cluster = self._clusters[number]
        blocks: list[tuple[int, int, bytes, bytes]] = []
        fds: dict[str, int] = {}
        try:
            for position in range(cluster.first, cluster.stop):
                track, chunk = self._film.at(position)
                key = self._film.tracks[track].files[chunk.file]
                if key not in fds:
                    fds[key] = self._storage.open_read(key)
                blocks += self._blocks(fds[key], track, chunk, cluster.time_ms)
        finally:
            for fd in fds.values():
                os.close(fd)
        # In the order of decoding; of one moment, the picture first.
        blocks.sort(key=lambda block: block[:2])
        data = b"".join([cluster.texts, *(part for block in blocks for part in block[2:])])
        return cluster_header(cluster.time_ms, len(data)) + data

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


def _length(part: bytes | Place) -> int:
    return part.size if isinstance(part, Place) else len(part)


def _lay_out(film: Film) -> Iterator[_Cluster]:
    """The film's chunks in clusters, most of which begin with a keyframe."""
    seen = [0] * len(film.tracks)
    first, began_us, size = 0, 0, 0
    cue_ms: int | None = None
    for position in range(len(film)):
        number, chunk = film.at(position)
        track = film.tracks[number]
        start_us = film.start_us(position)
        is_lead = number == 0 and not chunk.skip
        since_us = start_us - began_us
        if not position or since_us >= (LEAST_US if is_lead else LONGEST_US):
            if position:
                yield _Cluster(first, position, began_us // 1000, size, cue_ms)
            first, began_us, size, cue_ms = position, start_us, 0, None
            if is_lead:
                shown = chunk.start + track.samples.offsets[seen[0]]
                cue_ms = max(0, _ms(shown, track))
        seen[number] += chunk.samples
        size += chunk.size + BLOCK_BYTES * chunk.samples
    if len(film):
        yield _Cluster(first, len(film), began_us // 1000, size, cue_ms)


def _read_texts(
    texts: Sequence[TextTrack], tracks: int
) -> tuple[list[str | None], list[tuple[TextCue, int]]]:
    """(the head of each script, every cue with the number of its track, by time)."""
    heads: list[str | None] = []
    cues: list[tuple[TextCue, int]] = []
    for number, track in enumerate(texts, tracks + 1):
        head, found = read_ass(track.text) if track.is_ass else (None, read_vtt(track.text))
        heads.append(head)
        cues += [(cue, number) for cue in found]
    return heads, sorted(cues, key=lambda pair: pair[0].start_ms)


def _with_texts(
    clusters: Sequence[_Cluster], cues: Sequence[tuple[TextCue, int]]
) -> list[_Cluster]:
    """Each cue in the cluster in which it begins, or in one of its own where that is too long ago."""
    made: list[_Cluster] = []
    waiting = list(reversed(cues))
    for number, cluster in enumerate(clusters):
        after_ms = clusters[number + 1].time_ms if number + 1 < len(clusters) else None
        made.append(cluster)
        while waiting and (after_ms is None or waiting[-1][0].start_ms < after_ms):
            cue, track = waiting.pop()
            last = made[-1]
            if cue.start_ms - last.time_ms > LONGEST_TEXT_MS:
                last = _Cluster(last.stop, last.stop, cue.start_ms, 0)
                made.append(last)
            block = text_block(
                track,
                max(-LONGEST_TEXT_MS, cue.start_ms - last.time_ms),
                cue.end_ms - cue.start_ms,
                cue.text.encode("utf-8", "ignore"),
            )
            made[-1] = last._replace(texts=last.texts + block)
    return made


def _duration_ms(film: Film) -> float:
    return max(
        (1000 * track.samples.end / track.samples.timescale for track in film.tracks), default=0
    )


def _describe(film: Film) -> list[MkvTrack]:
    """Raises Unsupported."""
    firsts = {track.rendition.kind: track for track in reversed(film.tracks)}
    try:
        return [
            replace(
                track_of_init(track.init, track.samples),
                uid=track.rendition.id,
                language=track.rendition.language,
                title=track.rendition.title,
                is_default=track is firsts[track.rendition.kind],
            )
            for track in film.tracks
        ]
    except Malformed as error:
        raise Unsupported("The stored film cannot be read; it has to be made anew.") from error


def _describe_texts(
    film: Film, texts: Sequence[TextTrack], heads: Sequence[str | None]
) -> list[MkvTrack]:
    beyond = max((track.rendition.id for track in film.tracks), default=0)
    return [
        replace(
            text_track(head),
            uid=beyond + number,
            language=track.language,
            title=track.title,
            is_default=track.is_default,
            is_forced=track.is_forced,
        )
        for number, (track, head) in enumerate(zip(texts, heads, strict=True), 1)
    ]
