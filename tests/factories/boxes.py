"""Fragmented MP4 made by hand, and a walker that shares no code with the reader under test."""

import struct
from collections.abc import Iterator, Sequence

__all__ = [
    "box",
    "fragment",
    "init_of_picture",
    "init_of_sound",
    "init_timescale",
    "shown_times",
    "walk",
]


def box(kind: str, *content: bytes) -> bytes:
    """One box."""
    data = b"".join(content)
    return struct.pack(">I4s", 8 + len(data), kind.encode()) + data


def _init(timescale: int, entry: bytes) -> bytes:
    stsd = box("stsd", struct.pack(">II", 0, 1), entry)
    mdhd = box("mdhd", struct.pack(">IIIIIHH", 0, 0, 0, timescale, 0, 0, 0))
    mdia = box("mdia", mdhd, box("minf", box("stbl", stsd)))
    return box("ftyp", b"iso5\0\0\2\0") + box("moov", box("trak", mdia), box("mvex"))


def init_of_picture(*, timescale: int = 1000, width: int = 320, height: int = 180) -> bytes:
    """An init with one avc1 track: High profile, level 3.1."""
    avcc = box("avcC", bytes([1, 0x64, 0x00, 0x1F, 0xFF, 0xE0, 0]))
    head = bytes(24) + struct.pack(">HH", width, height) + bytes(50)
    return _init(timescale, box("avc1", head, avcc))


def init_of_sound(*, timescale: int = 1000, object_type: int = 2) -> bytes:
    """An init with one mp4a track."""
    config = bytes([object_type << 3, 0x90])
    specific = bytes([5, len(config)]) + config
    decoder = bytes([4, 13 + len(specific), 0x40, 0x15]) + bytes(11) + specific
    descriptor = bytes([3, 3 + len(decoder), 0, 1, 0]) + decoder
    return _init(timescale, box("mp4a", bytes(28), box("esds", bytes(4), descriptor)))


def fragment(
    start: int, durations: Sequence[int], sizes: Sequence[int], *, offset: int = 0, fill: int = 0
) -> bytes:
    """A moof and its mdat, every sample with its duration, size and offset of showing."""
    return moof_of(start, durations, sizes, offset=offset) + box("mdat", bytes([fill]) * sum(sizes))


def moof_of(
    start: int, durations: Sequence[int], sizes: Sequence[int], *, offset: int = 0
) -> bytes:
    """The moof alone, for samples that nobody has to make."""
    rows = b"".join(
        struct.pack(">IIi", duration, size, offset)
        for duration, size in zip(durations, sizes, strict=True)
    )
    trun = box("trun", struct.pack(">III", 0x01000B01, len(sizes), 0), rows)
    tfhd = box("tfhd", struct.pack(">II", 0x020000, 1))
    tfdt = box("tfdt", struct.pack(">IQ", 0x01000000, start))
    return box("moof", box("mfhd", bytes(8)), box("traf", tfhd, tfdt, trun))


def walk(data: bytes) -> Iterator[tuple[str, int, bytes]]:
    """(kind, offset, whole box) of the boxes at the top; fails when they do not fill `data`."""
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        assert 8 <= size <= len(data) - at, f"{kind!r} of {size} at {at} of {len(data)}"
        yield kind.decode(), at, data[at : at + size]
        at += size


def init_timescale(init: bytes) -> int:
    """Units per second of the one track of an init."""
    at = init.index(b"mdhd") + 4
    (units,) = struct.unpack_from(">I", init, at + (20 if init[at] == 1 else 12))
    return int(units)


def shown_times(data: bytes, timescale: int) -> list[float]:
    """When each sample of these fragments is shown, in seconds, ascending: as browsers count it.

    (libav shows tracks with negative offsets later by the largest of them.)
    """
    times: list[float] = []
    for kind, _, moof in walk(data):
        if kind != "moof":
            continue
        found = dict(_descend(moof[8:]))
        rows = _columns(found["trun"], found["tfhd"])
        at = struct.unpack_from(">Q", found["tfdt"], 4)[0]
        for duration, offset in rows:
            times.append((at + offset) / timescale)
            at += duration
    return sorted(times)


def _descend(data: bytes) -> Iterator[tuple[str, bytes]]:
    for kind, _, found in walk(data):
        if kind == "traf":
            yield from _descend(found[8:])
        else:
            yield kind, found[8:]


def _columns(trun: bytes, tfhd: bytes) -> list[tuple[int, int]]:
    flags, count = struct.unpack_from(">II", trun)
    at = 8 + 4 * bool(flags & 1) + 4 * bool(flags & 4)
    usual_flags, usual_at = struct.unpack_from(">I", tfhd)[0], 8
    usual = 0
    for bit, size in ((0x1, 8), (0x2, 4), (0x8, 4)):
        if usual_flags & bit:
            usual = struct.unpack_from(">I", tfhd, usual_at)[0] if bit == 0x8 else usual
            usual_at += size
    rows = []
    for _ in range(count):
        duration, offset = usual, 0
        for bit in (0x100, 0x200, 0x400, 0x800):
            if flags & bit:
                (value,) = struct.unpack_from(">i" if bit == 0x800 else ">I", trun, at)
                duration = value if bit == 0x100 else duration
                offset = value if bit == 0x800 else offset
                at += 4
        rows.append((duration, offset))
    return rows
