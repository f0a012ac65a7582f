"""Read and write the boxes of a fragmented MP4 with one track.

Source: ISO/IEC 14496-12 (box structure, moof, tfhd, tfdt, trun), 23001-8 (colr).
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from polyreel.infra.codec_strings import CONFIGURATIONS, Unknown, codec_string, range_of_transfer

__all__ = [
    "FragmentReader",
    "Init",
    "Malformed",
    "Samples",
    "box",
    "children",
    "find_box",
    "make_fragment",
    "parse_init",
    "parse_moof",
    "payload_of",
]

_HEADER = struct.Struct(">I4s")
# A box that claims more than this is damage, not data: a fragment is some seconds of one track.
_MAX_BOX = 1 << 30
# Hours of one track; a count above it would only cost memory.
_MOST_SAMPLES = 1 << 20


class Malformed(ValueError):
    """The bytes are not the fragmented MP4 that our own encoder was asked for."""


@dataclass(frozen=True)
class Init:
    """What an initialisation segment says: its bytes, units per second, codec as RFC 6381 spells it,
    and HLS's VIDEO-RANGE.
    """

    data: bytes
    timescale: int
    codec: str
    width: int
    height: int
    video_range: str = "SDR"


@dataclass(frozen=True)
class Samples:
    """The samples of one moof: decode time of the first, offset of its presentation, and the lists of
    durations and sizes; times in units of the track.
    """

    start: int
    first_offset: int
    durations: Sequence[int]
    sizes: Sequence[int]

    @property
    def duration(self) -> int:
        """Sum of the durations."""
        return sum(self.durations)


class FragmentReader:
    """Takes an MP4 as it is being written and hands on its init and each whole fragment.

    `on_init(bytes)` gets everything before the first moof; `on_fragment(moof, mdat)` gets both boxes,
    headers included. Raises Malformed.
    """

    def __init__(
        self, on_init: Callable[[bytes], None], on_fragment: Callable[[bytes, bytes], None]
    ) -> None:
        self._on_init = on_init
        self._on_fragment = on_fragment
        self._buffer = bytearray()
        self._init: bytearray | None = bytearray()
        self._moof: bytes | None = None

    def feed(self, data: bytes) -> None:
        """Take the next bytes, in any portion."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= 8:
            size, kind = _HEADER.unpack_from(buffer)
            if size == 1:
                if len(buffer) < 16:
                    return
                (size,) = struct.unpack_from(">Q", buffer, 8)
            if not 8 <= size <= _MAX_BOX:
                raise Malformed(f"box {kind!r} of {size} bytes")
            if len(buffer) < size:
                return
            box = bytes(memoryview(buffer)[:size])
            del buffer[:size]
            self._take(kind, box)

    def _take(self, kind: bytes, box: bytes) -> None:
        if kind == b"moof":
            if self._init is not None:
                self._on_init(bytes(self._init))
                self._init = None
            self._moof = box
        elif kind == b"mdat" and self._moof is not None:
            moof, self._moof = self._moof, None
            self._on_fragment(moof, box)
        elif self._init is not None:
            self._init += box
            if kind == b"moov":
                self._on_init(bytes(self._init))
                self._init = None


def children(data: bytes, start: int, end: int) -> list[tuple[bytes, int, int]]:
    """(kind, content start, end) of the boxes between two offsets. Raises Malformed."""
    found = []
    while start + 8 <= end:
        size, kind = _HEADER.unpack_from(data, start)
        content = start + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            content = start + 16
        if size < content - start or start + size > end:
            raise Malformed(f"box {kind!r} reaches over its parent")
        found.append((kind, content, start + size))
        start += size
    return found


def find_box(data: bytes, path: Sequence[bytes], start: int, end: int) -> tuple[int, int]:
    """Content start and end of the first box of this path. Raises Malformed."""
    for kind, first, last in children(data, start, end):
        if kind == path[0]:
            return (first, last) if len(path) == 1 else find_box(data, path[1:], first, last)
    raise Malformed(f"no box {path[0]!r}")


def parse_init(data: bytes) -> Init:
    """Read an init segment. Raises Malformed."""
    try:
        mdia = find_box(data, [b"moov", b"trak", b"mdia"], 0, len(data))
        mdhd, _ = find_box(data, [b"mdhd"], *mdia)
        (timescale,) = struct.unpack_from(">I", data, mdhd + (20 if data[mdhd] == 1 else 12))
        if not timescale:
            raise Malformed("no units in a second")
        stsd, end = find_box(data, [b"minf", b"stbl", b"stsd"], *mdia)
        entry, first, last = children(data, stsd + 8, end)[0]
        if entry not in CONFIGURATIONS:
            raise Malformed(f"sample entry {entry!r}")
        is_sound = entry == b"mp4a"
        boxes = first + (28 if is_sound else 78)
        config, stop = find_box(data, [CONFIGURATIONS[entry]], boxes, last)
        codec = codec_string(entry, data[config:stop])
        if is_sound:
            return Init(data, timescale, codec, 0, 0)
        width, height = struct.unpack_from(">HH", data, first + 24)
        transfer = _transfer(data, boxes, last)
        return Init(data, timescale, codec, width, height, range_of_transfer(transfer))
    except (struct.error, IndexError, Unknown) as error:
        raise Malformed(str(error)) from error


def _transfer(data: bytes, start: int, end: int) -> int:
    """The number of the transfer function in a sample entry's `colr`; 2 where there is none."""
    for kind, first, last in children(data, start, end):
        if kind == b"colr" and data[first : first + 4] == b"nclx" and last - first >= 8:
            return int.from_bytes(data[first + 6 : first + 8], "big")
    return 2


def parse_moof(moof: bytes) -> Samples:
    """Read the one track fragment of a moof. Raises Malformed."""
    try:
        traf_start, traf_end = find_box(moof, [b"traf"], 8, len(moof))
        default_duration = default_size = 0
        start: int | None = None
        first_offset = 0
        durations: list[int] = []
        sizes: list[int] = []
        for kind, first, last in children(moof, traf_start, traf_end):
            content = moof[first:last]
            if kind == b"tfhd":
                default_duration, default_size = _read_tfhd(content)
            elif kind == b"tfdt":
                layout = ">Q" if content[:1] == b"\x01" else ">I"
                (start,) = struct.unpack_from(layout, content, 4)
            elif kind == b"trun":
                more_durations, more_sizes, offset = _read_trun(
                    content, default_duration, default_size
                )
                if not durations:
                    first_offset = offset
                durations += more_durations
                sizes += more_sizes
    except struct.error as error:
        raise Malformed(str(error)) from error
    if start is None or not durations:
        raise Malformed("a fragment without samples")
    return Samples(start, first_offset, durations, sizes)


def _read_tfhd(tfhd: bytes) -> tuple[int, int]:
    (flags,) = struct.unpack_from(">I", tfhd)
    position = 8 + (8 if flags & 0x1 else 0) + (4 if flags & 0x2 else 0)
    duration = size = 0
    if flags & 0x8:
        (duration,) = struct.unpack_from(">I", tfhd, position)
        position += 4
    if flags & 0x10:
        (size,) = struct.unpack_from(">I", tfhd, position)
    return duration, size


def _read_trun(
    trun: bytes, default_duration: int, default_size: int
) -> tuple[list[int], list[int], int]:
    flags, count = struct.unpack_from(">II", trun)
    if count > _MOST_SAMPLES:
        raise Malformed(f"{count} samples in a fragment")
    position = 8 + (4 if flags & 0x1 else 0) + (4 if flags & 0x4 else 0)
    columns = [bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]
    width = len(columns)
    values = struct.unpack_from(f">{count * width}I", trun, position)

    def column(bit: int, default: int) -> list[int]:
        return list(values[columns.index(bit) :: width]) if bit in columns else [default] * count

    offset = column(0x800, 0)[0] if count else 0
    signed = offset - (1 << 32) if offset >= 1 << 31 else offset
    return column(0x100, default_duration), column(0x200, default_size), signed


def payload_of(mdat: bytes, samples: Samples) -> memoryview:
    """The bytes of the samples, one after another. Raises Malformed when they are not all there."""
    header = 16 if mdat[:4] == b"\0\0\0\x01" else 8
    if sum(samples.sizes) != len(mdat) - header:
        raise Malformed("a fragment whose samples are not its data")
    return memoryview(mdat)[header:]


def make_fragment(
    sequence: int, start: int, durations: Sequence[int], sizes: Sequence[int], payload: bytes
) -> bytes:
    """A moof and its mdat for samples that can each be decoded by themselves (sound)."""
    uniform = len(set(durations)) == 1
    flags = 0x201 if uniform else 0x301
    if uniform:
        rows = struct.pack(f">{len(sizes)}I", *sizes)
    else:
        pairs = [value for pair in zip(durations, sizes, strict=True) for value in pair]
        rows = struct.pack(f">{len(pairs)}I", *pairs)
    mfhd = box(b"mfhd", struct.pack(">II", 0, sequence))
    # default-base-is-moof, default duration, default flags: a sync sample that depends on no other.
    tfhd = box(b"tfhd", struct.pack(">IIII", 0x020028, 1, durations[0], 0x02000000))
    tfdt = box(b"tfdt", struct.pack(">IQ", 0x01000000, start))
    trun_size = 8 + 12 + len(rows)
    moof_size = 8 + len(mfhd) + 8 + len(tfhd) + len(tfdt) + trun_size
    trun = box(b"trun", struct.pack(">III", flags, len(sizes), moof_size + 8) + rows)
    moof = box(b"moof", mfhd + box(b"traf", tfhd + tfdt + trun))
    return moof + _HEADER.pack(len(payload) + 8, b"mdat") + payload


def box(kind: bytes, content: bytes) -> bytes:
    """One box; content below 4 GiB."""
    return _HEADER.pack(len(content) + 8, kind) + content
