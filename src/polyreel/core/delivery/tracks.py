"""The tracks of a film as they lie in storage: every sample of them, found by reading headers alone."""

import os
import struct
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from polyreel.core.media import Rendition
from polyreel.infra.bmff import Malformed, parse_init
from polyreel.infra.fragments import Defaults, read_defaults, read_run
from polyreel.infra.samples import Chunk, SampleTable
from polyreel.infra.storage import Storage
from polyreel.kit.errors import Unsupported

# Most headers of a fragment are shorter; longer ones are read in two goes.
_FIRST_READ = 4096
_HEADER = struct.Struct(">I4s")


@dataclass(frozen=True)
class Track:
    """One rendition that is whole, its samples, and the keys of the files that chunks name by number."""

    rendition: Rendition
    init: bytes
    samples: SampleTable
    files: Sequence[str]

    def start_us(self, chunk: int) -> int:
        """Decode time of a chunk in microseconds of the film."""
        return self.samples.starts[chunk] * 1_000_000 // self.samples.timescale


class Film:
    """Tracks and the order in which their chunks follow each other: by time, the first track first.

    `ends` are sums of the sizes of the chunks so far.
    """

    def __init__(self, tracks: Sequence[Track]) -> None:
        self.tracks = tracks
        order = sorted(
            (track.start_us(chunk), number, chunk)
            for number, track in enumerate(tracks)
            for chunk in range(track.samples.chunks)
        )
        self._tracks = array("H", [number for _, number, _ in order])
        self._chunks = array("I", [chunk for _, _, chunk in order])
        self.ends = array("Q")
        length = 0
        for number, chunk in self.order:
            length += tracks[number].samples.chunk_sizes[chunk]
            self.ends.append(length)

    def __len__(self) -> int:
        return len(self._chunks)

    @property
    def order(self) -> Iterator[tuple[int, int]]:
        """(track, chunk) one after another."""
        return zip(self._tracks, self._chunks, strict=True)

    def at(self, position: int) -> tuple[int, Chunk]:
        """(track, chunk) at a position of the order."""
        number = self._tracks[position]
        return number, self.tracks[number].samples.chunk(self._chunks[position])

    def start_us(self, position: int) -> int:
        """Decode time at a position of the order."""
        return self.tracks[self._tracks[position]].start_us(self._chunks[position])

    def find(self, offset: int) -> int:
        """The position whose chunk holds this byte of all chunks together."""
        return bisect_right(self.ends, offset)


def read_track(storage: Storage, rendition: Rendition) -> Track:
    """Read the headers of all its fragments; some ten thousand a second.

    Raises Unsupported when they are not as they should be, FileNotFoundError when they are gone.
    """
    init = rendition.init or b""
    files: list[str] = []
    try:
        samples = SampleTable(parse_init(init).timescale)
        defaults = read_defaults(init)
        for part in rendition.parts:
            if part.key is not None and any(fragment.size for fragment in part.fragments):
                spans = [(one.offset, one.size) for one in part.fragments if one.size]
                _read_file(storage, part.key, spans, defaults, samples, len(files))
                files.append(part.key)
    except Malformed as error:
        raise Unsupported("The stored film cannot be read; it has to be made anew.") from error
    return Track(rendition, init, samples, files)


def _read_file(
    storage: Storage,
    key: str,
    spans: Sequence[tuple[int, int]],
    defaults: Defaults,
    samples: SampleTable,
    number: int,
) -> None:
    fd = storage.open_read(key)
    try:
        # Headers are some kilobytes every other megabyte: nothing shall be read ahead.
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
        for offset, size in spans:
            at, end = offset, offset + size
            while at < end:
                moof, at_next = _read_pair(fd, at, end)
                samples.add(read_run(moof, defaults), number, at, len(moof))
                at = at_next
    finally:
        os.close(fd)


def _read_pair(fd: int, at: int, end: int) -> tuple[bytes, int]:
    """(the moof at this place, where its mdat ends). Raises Malformed."""
    data = os.pread(fd, min(_FIRST_READ, end - at), at)
    size = _box_size(data, 0, b"moof")
    if len(data) < size + 16:
        data = os.pread(fd, min(size + 16, end - at), at)
    follows = at + size + _box_size(data, size, b"mdat")
    if follows > end:
        raise Malformed("a fragment that reaches over the next one")
    return data[:size], follows


def _box_size(data: bytes, at: int, wanted: bytes) -> int:
    try:
        size, kind = _HEADER.unpack_from(data, at)
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, at + 8)
    except struct.error as error:
        raise Malformed(str(error)) from error
    if kind != wanted or size < 8:
        raise Malformed(f"{kind!r} where {wanted!r} should be")
    return int(size)
