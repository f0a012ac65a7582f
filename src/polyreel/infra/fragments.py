"""Read the samples of stored fragments: every size, time and place, without touching their data.

Source: ISO/IEC 14496-12, 8.8 (moof, tfhd, tfdt, trun, trex). Columns are arrays, read in one go: a film of
two hours has half a million samples.
"""

import struct
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from polyreel.infra.bmff import Malformed, children, find_box

__all__ = ["Defaults", "Run", "read_defaults", "read_run"]

_NOT_SYNC = 0x10000
_MOST_SAMPLES = 1 << 20


class Defaults(NamedTuple):
    """What holds for samples of which nothing else is said."""

    duration: int = 0
    size: int = 0
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """The samples of one moof, times in units of the track. `offsets` are those of showing, signed;
    `syncs` the positions of samples to begin at; `place` that of the first byte, from the moof's.
    """

    start: int
    durations: "array[int]"
    sizes: "array[int]"
    offsets: "array[int]"
    syncs: Sequence[int]
    place: int


def read_defaults(init: bytes) -> Defaults:
    """What an init says for all its fragments. Raises Malformed."""
    try:
        first, _ = find_box(init, [b"moov", b"mvex", b"trex"], 0, len(init))
        return Defaults(*struct.unpack_from(">III", init, first + 12))
    except Malformed:
        return Defaults()
    except struct.error as error:
        raise Malformed(str(error)) from error


def read_run(moof: bytes, defaults: Defaults) -> Run:
    """Read a moof with one track, whose data lie one after another. Raises Malformed."""
    try:
        return _read_run(moof, defaults)
    except (struct.error, ValueError, IndexError) as error:
        raise Malformed(str(error)) from error


def _read_run(moof: bytes, defaults: Defaults) -> Run:
    start: int | None = None
    run: Run | None = None
    for kind, first, last in children(moof, *find_box(moof, [b"traf"], 8, len(moof))):
        content = moof[first:last]
        if kind == b"tfhd":
            defaults = _read_tfhd(content, defaults)
        elif kind == b"tfdt":
            (start,) = struct.unpack_from(">Q" if content[:1] == b"\x01" else ">I", content, 4)
        elif kind == b"trun":
            more = _read_trun(content, defaults)
            run = more if run is None else _joined(run, more)
    if start is None or run is None or not run.sizes:
        raise Malformed("a fragment without samples")
    # Without a place of their own (version 0 of some writers) data begin behind the mdat's header.
    place = run.place or len(moof) + 8
    return Run(start, run.durations, run.sizes, run.offsets, run.syncs, place)


def _read_tfhd(tfhd: bytes, defaults: Defaults) -> Defaults:
    (flags,) = struct.unpack_from(">I", tfhd)
    at = 8 + (8 if flags & 0x1 else 0) + (4 if flags & 0x2 else 0)
    values = list(defaults)
    for number, bit in enumerate((0x8, 0x10, 0x20)):
        if flags & bit:
            (values[number],) = struct.unpack_from(">I", tfhd, at)
            at += 4
    return Defaults(*values)


def _read_trun(trun: bytes, defaults: Defaults) -> Run:
    flags, count = struct.unpack_from(">II", trun)
    if count > _MOST_SAMPLES:
        raise Malformed(f"{count} samples in a fragment")
    at, place, first_flags = 8, 0, defaults.flags
    if flags & 0x1:
        (place,) = struct.unpack_from(">i", trun, at)
        at += 4
    if flags & 0x4:
        (first_flags,) = struct.unpack_from(">I", trun, at)
        at += 4
    columns = [bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]
    values = _numbers(trun[at : at + 4 * count * len(columns)])
    if len(values) != count * len(columns):
        raise Malformed("a trun that is cut short")

    def column(bit: int, usual: int) -> "array[int]":
        found: array[int] = array("I", [usual]) * count
        return values[columns.index(bit) :: len(columns)] if bit in columns else found

    if 0x400 in columns:
        syncs = [n for n, value in enumerate(column(0x400, 0)) if not value & _NOT_SYNC]
    else:
        rest = [] if defaults.flags & _NOT_SYNC else list(range(1, count))
        syncs = rest if first_flags & _NOT_SYNC else [0, *rest]
    offsets = array("i", column(0x800, 0).tobytes())
    return Run(
        0, column(0x100, defaults.duration), column(0x200, defaults.size), offsets, syncs, place
    )


def _numbers(data: bytes) -> "array[int]":
    values = array("I", data)
    if sys.byteorder == "little":
        values.byteswap()
    return values


def _joined(run: Run, more: Run) -> Run:
    if more.place and more.place != run.place + sum(run.sizes):
        raise Malformed("a fragment whose data lie apart")
    later = [len(run.sizes) + number for number in more.syncs]
    return Run(
        run.start,
        run.durations + more.durations,
        run.sizes + more.sizes,
        run.offsets + more.offsets,
        [*run.syncs, *later],
        run.place,
    )
