"""Whole init segments made by hand, and readers of plain MP4 and of Matroska that share no code with the
writers under test.
"""

import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from tests.factories.boxes import box, walk

__all__ = ["Sample", "elements", "find", "picture_init", "samples_of", "sound_init"]

_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_MASTERS = {
    0x18538067,
    0x1549A966,
    0x1654AE6B,
    0xAE,
    0x1C53BB6B,
    0xBB,
    0xB7,
    0x1F43B675,
    0x114D9B74,
}
_MASTERS |= {0x4DBB, 0x1941A469, 0x61A7, 0x1043A770, 0x45B9, 0xB6, 0x80, 0xE0, 0xE1, 0x1A45DFA3}


def _init(kind: bytes, entry: bytes, timescale: int, width: int = 0, height: int = 0) -> bytes:
    tkhd = bytes(40) + _MATRIX + struct.pack(">II", width << 16, height << 16)
    mdhd = struct.pack(">IIIIIHH", 0, 0, 0, timescale, 0, 0, 0)
    hdlr = bytes(8) + kind + bytes(12) + b"Handler\0"
    stbl = box("stbl", box("stsd", struct.pack(">II", 0, 1), entry))
    head = box("vmhd", bytes(12)) if kind == b"vide" else box("smhd", bytes(8))
    minf = box("minf", head, box("dinf", b"dinf"), stbl)
    mdia = box("mdia", box("mdhd", mdhd), box("hdlr", hdlr), minf)
    trex = box("trex", struct.pack(">IIIIII", 0, 1, 1, 0, 0, 0))
    moov = box("moov", box("trak", box("tkhd", tkhd), mdia), box("mvex", trex))
    return box("ftyp", b"iso5\0\0\2\0") + moov


def picture_init(timescale: int = 1000, width: int = 320, height: int = 180) -> bytes:
    """An H.264 track as ffmpeg describes it."""
    avcc = box("avcC", bytes([1, 0x64, 0x00, 0x1F, 0xFF, 0xE0, 0]))
    head = bytes(24) + struct.pack(">HH", width, height) + bytes(50)
    return _init(b"vide", box("avc1", head, avcc), timescale, width, height)


def sound_init(timescale: int = 1000) -> bytes:
    """An AAC track, its descriptor lengths in four bytes as ffmpeg writes them."""

    def described(tag: int, content: bytes) -> bytes:
        return bytes([tag, 0x80, 0x80, 0x80, len(content)]) + content

    decoder = described(4, bytes([0x40, 0x15]) + bytes(11) + described(5, b"\x11\x90"))
    esds = box("esds", bytes(4), described(3, bytes(3) + decoder))
    head = bytes(16) + struct.pack(">HHIHH", 2, 16, 0, 48000, 0)
    return _init(b"soun", box("mp4a", head, esds), timescale)


@dataclass(frozen=True)
class Sample:
    """Where a sample lies, how long it is; times in units of its track, shown by the edit list."""

    place: int
    size: int
    decoded: int
    shown: int
    is_sync: bool


def samples_of(head: bytes) -> list[list[Sample]]:
    """Every sample of every track, by the tables of the `moov`."""
    moov = find(head, "moov")
    return [_samples(trak) for kind, _, trak in walk(moov) if kind == "trak"]


def find(data: bytes, *path: str) -> bytes:
    """The content of the box at this path."""
    for kind, _at, whole in walk_loosely(data):
        if kind == path[0]:
            content = whole[8:]
            return find(content, *path[1:]) if path[1:] else content
    raise AssertionError(f"no {path[0]}")


def walk_loosely(data: bytes) -> Iterator[tuple[str, int, bytes]]:
    """As `walk`; ends where a box (an `mdat` whose data are elsewhere) is not all there."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8:
            return
        yield kind.decode(), at, data[at : at + size]
        at += size


def _samples(trak: bytes) -> list[Sample]:
    inner = trak[8:]
    stbl = find(inner, "mdia", "minf", "stbl")
    tables = {kind: whole[8:] for kind, _, whole in walk(stbl)}
    sizes = _numbers(tables["stsz"], 12)
    deltas = [d for n, d in _pairs(tables["stts"]) for _ in range(n)]
    offsets = [o for n, o in _pairs(tables.get("ctts", bytes(8))) for _ in range(n)] or [0] * len(
        sizes
    )
    syncs = set(_numbers(tables["stss"], 8)) if "stss" in tables else set(range(1, len(sizes) + 1))
    if "co64" in tables:
        chunks = [n for (n,) in struct.iter_unpack(">Q", tables["co64"][8:])]
    else:
        chunks = _numbers(tables["stco"], 8)
    assert (
        len(sizes) == len(deltas) == len(offsets) == struct.unpack_from(">I", tables["stsz"], 8)[0]
    )
    begin = _begin(find(inner, "edts", "elst"))
    places = list(_places(_numbers(tables["stsc"], 8), chunks, sizes))
    found, time = [], 0
    for number, size in enumerate(sizes):
        shown = time + offsets[number] - begin
        found.append(Sample(places[number], size, time, shown, number + 1 in syncs))
        time += deltas[number]
    return found


def _begin(elst: bytes) -> int:
    """The time of the track that the last edit begins with."""
    layout = struct.Struct(">QqI" if elst[0] else ">IiI")
    rows = list(layout.iter_unpack(elst[8:]))
    assert all(rate == 0x10000 for _, _, rate in rows)
    assert [time for _, time, _ in rows[:-1]] == [-1] * (len(rows) - 1)
    return int(rows[-1][1])


def _numbers(table: bytes, skip: int) -> list[int]:
    return [number for (number,) in struct.iter_unpack(">I", table[skip:])]


def _pairs(table: bytes) -> list[tuple[int, int]]:
    return list(struct.iter_unpack(">II", table[8:]))


def _places(stsc: list[int], chunks: list[int], sizes: list[int]) -> Iterator[int]:
    rows = [*zip(stsc[::3], stsc[1::3], strict=True), (len(chunks) + 1, 0)]
    sample = 0
    for (first, count), (after, _) in itertools.pairwise(rows):
        for chunk in range(first, after):
            place = chunks[chunk - 1]
            for _ in range(count):
                yield place
                place += sizes[sample]
                sample += 1


def elements(
    data: bytes, start: int = 0, end: int | None = None
) -> Iterator[tuple[int, int, bytes]]:
    """(id, place, content) of the EBML elements, parents before what is in them; fails when an element
    reaches over its parent.
    """
    at, end = start, len(data) if end is None else end
    while at < end:
        name, content = _vint(data, at, keep=True)
        size, content = _vint(data, content, keep=False)
        assert content + size <= end, f"{name:x} at {at}"
        yield name, at, data[content : content + size]
        if name in _MASTERS:
            yield from elements(data, content, content + size)
        at = content + size


def _vint(data: bytes, at: int, *, keep: bool) -> tuple[int, int]:
    length = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + length], "big")
    return (value if keep else value & ((1 << 7 * length) - 1)), at + length
