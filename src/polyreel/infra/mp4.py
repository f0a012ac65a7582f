"""Write the front of a plain MP4 file: `ftyp`, `moov` with whole sample tables, the header of `mdat`.

Source: ISO/IEC 14496-12: 8.2 to 8.7. What says how to decode (`stsd`) and what kind of track it is comes from
the init segment of the track as it is. Times of showing that come before those of decoding are told by
later ones for all and an edit list, which every reader knows, instead of by negative offsets.
"""

import itertools
import struct
import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from polyreel.infra.bmff import Malformed, box, children, find_box
from polyreel.infra.samples import SampleTable

__all__ = ["Mp4Track", "make_head"]

# Units of the film's own times; those of a track are its own.
_SECOND = 90_000
_UNITY = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_MOST_32 = (1 << 32) - 1
_UNKNOWN_LANGUAGE = "und"
_IN_MOVIE, _ENABLED = 0x2, 0x1
_BRANDS = {b"avc1": b"avc1", b"avc3": b"avc1"}


@dataclass(frozen=True)
class Mp4Track:
    """One track: its init segment, its samples, an ISO 639-2 or BCP 47 language, a title for people.

    Of tracks with the same `group` (not 0) a player plays one, at first the enabled one.
    """

    init: bytes
    samples: SampleTable
    language: str | None = None
    title: str | None = None
    is_enabled: bool = True
    group: int = 0


def make_head(tracks: Sequence[Mp4Track], order: Iterable[tuple[int, int]]) -> bytes:
    """All that comes before the data, which then follow chunk by chunk: `order` names (track, chunk).

    Raises Malformed for an init that is none.
    """
    places = [array("Q") for _ in tracks]
    length = 0
    for track, chunk in order:
        places[track].append(length)
        length += tracks[track].samples.chunk_sizes[chunk]
    parts = [_Parts(track) for track in tracks]
    ftyp = _ftyp(parts)
    small = len(ftyp) + len(_moov(parts, places, None, is_wide=False)) + 8
    is_wide = small + length > _MOST_32
    # The offsets are of one width, so the length does not depend on what they say.
    size = len(_moov(parts, places, None, is_wide=is_wide))
    if is_wide:
        header = struct.pack(">I4sQ", 1, b"mdat", length + 16)
    else:
        header = struct.pack(">I4s", length + 8, b"mdat")
    base = len(ftyp) + size + len(header)
    return ftyp + _moov(parts, places, base, is_wide=is_wide) + header


class _Parts:
    """What of a track does not depend on where its data lie."""

    def __init__(self, track: Mp4Track) -> None:
        self.track = track
        init, samples = track.init, track.samples
        trak = find_box(init, [b"moov", b"trak"], 0, len(init))
        tkhd, end = find_box(init, [b"tkhd"], *trak)
        self.shape = init[end - 44 : end]
        mdia = find_box(init, [b"mdia"], *trak)
        hdlr, end = find_box(init, [b"hdlr"], *mdia)
        self.handler, self.handler_name = init[hdlr + 8 : hdlr + 12], init[hdlr + 24 : end]
        if tkhd + 80 > end or len(self.handler) != 4:
            raise Malformed("an init that is cut short")
        minf = find_box(init, [b"minf"], *mdia)
        kept = [(kind, init[a:b]) for kind, a, b in children(init, *minf) if kind != b"stbl"]
        self.media_header = b"".join(box(kind, content) for kind, content in kept)
        stsd, end = find_box(init, [b"stbl", b"stsd"], *minf)
        self.entry = init[stsd + 12 : stsd + 16]
        self.shift = -min(0, min(samples.offsets, default=0))
        self.duration = sum(samples.deltas)
        tables = [box(b"stsd", init[stsd:end]), _stts(samples), _ctts(samples, self.shift)]
        self.tables = b"".join([*tables, _stss(samples), _stsc(samples), _stsz(samples)])

    @property
    def is_sound(self) -> bool:
        return self.handler == b"soun"

    @property
    def delay(self) -> int:
        """From the film's beginning to the first sample, in the film's units."""
        samples = self.track.samples
        return max(0, samples.first_shown) * _SECOND // samples.timescale

    @property
    def shown(self) -> int:
        """How long it is shown, in the film's units, rounded up."""
        return -(-self.duration * _SECOND // self.track.samples.timescale)


def _ftyp(parts: Sequence[_Parts]) -> bytes:
    brands = {_BRANDS[one.entry]: None for one in parts if one.entry in _BRANDS}
    return box(b"ftyp", b"isom\0\0\2\0" + b"isomiso2" + b"".join(brands) + b"mp41")


def _moov(
    parts: Sequence[_Parts], places: Sequence["array[int]"], base: int | None, *, is_wide: bool
) -> bytes:
    duration = max((one.delay + one.shown for one in parts), default=0)
    times = _times(duration, struct.pack(">I", _SECOND))
    rest = struct.pack(">IH10x", 0x10000, 0x100) + _UNITY + bytes(24)
    mvhd = box(b"mvhd", times + rest + struct.pack(">I", len(parts) + 1))
    traks = [
        _trak(one, number, _chunk_offsets(place, base, is_wide=is_wide))
        for number, (one, place) in enumerate(zip(parts, places, strict=True), 1)
    ]
    return box(b"moov", mvhd + b"".join(traks))


def _times(duration: int, between: bytes, *, flags: int = 0) -> bytes:
    """Version and flags, two dates that nobody knows, what is `between`, a duration."""
    if duration <= _MOST_32:
        return struct.pack(">IQ", flags, 0) + between + struct.pack(">I", duration)
    return struct.pack(">I16x", 0x1000000 | flags) + between + struct.pack(">Q", duration)


def _trak(parts: _Parts, number: int, chunk_offsets: bytes) -> bytes:
    track = parts.track
    flags = _IN_MOVIE | (_ENABLED if track.is_enabled else 0)
    tkhd = _times(parts.delay + parts.shown, struct.pack(">II", number, 0), flags=flags)
    volume = 0x100 if parts.is_sound else 0
    tkhd += struct.pack(">8xHHHH", 0, track.group, volume, 0) + parts.shape
    language, tag = _language(track.language)
    mdhd = _times(parts.duration, struct.pack(">I", track.samples.timescale)) + language
    name = track.title.replace("\0", "").encode() + b"\0" if track.title else parts.handler_name
    hdlr = struct.pack(">II4s12x", 0, 0, parts.handler) + name
    stbl = box(b"stbl", parts.tables + chunk_offsets)
    mdia = box(b"mdhd", mdhd) + tag + box(b"hdlr", hdlr)
    mdia += box(b"minf", parts.media_header + stbl)
    return box(b"trak", box(b"tkhd", tkhd) + _edits(parts) + box(b"mdia", mdia))


def _edits(parts: _Parts) -> bytes:
    samples = parts.track.samples
    begin = (samples.offsets[0] if samples.offsets else 0) + parts.shift
    # What is shown before the film begins is not shown.
    begin += max(0, -samples.first_shown)
    entries = [(parts.delay, -1)] if parts.delay else []
    entries.append((parts.shown, begin))
    is_long = max(length for length, _ in entries) > _MOST_32 or begin > _MOST_32 >> 1
    row = struct.Struct(">QqI" if is_long else ">IiI")
    rows = b"".join(row.pack(length, time, 0x10000) for length, time in entries)
    return box(b"edts", box(b"elst", struct.pack(">II", is_long << 24, len(entries)) + rows))


def _language(text: str | None) -> tuple[bytes, bytes]:
    """(of mdhd, an `elng` box for what it cannot say)."""
    code = (text or _UNKNOWN_LANGUAGE).lower()
    tag = b""
    if len(code) != 3 or not (code.isascii() and code.isalpha()):
        if code.isascii() and code.replace("-", "").isalnum():
            tag = box(b"elng", bytes(4) + code.encode() + b"\0")
        code = _UNKNOWN_LANGUAGE
    first, second, third = (ord(letter) - 0x60 for letter in code)
    return struct.pack(">HH", first << 10 | second << 5 | third, 0), tag


def _stts(samples: SampleTable) -> bytes:
    return _runs(b"stts", samples.deltas)


def _ctts(samples: SampleTable, shift: int) -> bytes:
    if not any(samples.offsets):
        return b""
    return _runs(b"ctts", (offset + shift for offset in samples.offsets))


def _runs(kind: bytes, values: Iterable[int]) -> bytes:
    """A table of (how often, value)."""
    flat = array("I")
    for value, same in itertools.groupby(values):
        flat.append(sum(1 for _ in same))
        flat.append(value)
    return box(kind, struct.pack(">II", 0, len(flat) // 2) + _big_endian(flat))


def _stss(samples: SampleTable) -> bytes:
    if len(samples.syncs) == len(samples.sizes):
        return b""
    numbers = array("I", [number + 1 for number in samples.syncs])
    return box(b"stss", struct.pack(">II", 0, len(numbers)) + _big_endian(numbers))


def _stsc(samples: SampleTable) -> bytes:
    rows = array("I")
    last = None
    for number, count in enumerate(samples.counts, 1):
        if count != last:
            rows.extend((number, count, 1))
            last = count
    return box(b"stsc", struct.pack(">II", 0, len(rows) // 3) + _big_endian(rows))


def _stsz(samples: SampleTable) -> bytes:
    return box(b"stsz", struct.pack(">III", 0, 0, len(samples.sizes)) + _big_endian(samples.sizes))


def _chunk_offsets(places: "array[int]", base: int | None, *, is_wide: bool) -> bytes:
    width = "Q" if is_wide else "I"
    if base is None:
        absolute = array(width, [0]) * len(places)
    else:
        absolute = array(width, [base + place for place in places])
    kind = b"co64" if is_wide else b"stco"
    return box(kind, struct.pack(">II", 0, len(places)) + _big_endian(absolute))


def _big_endian(values: "array[int]") -> bytes:
    if sys.byteorder == "little":
        values = values[:]
        values.byteswap()
    return values.tobytes()
