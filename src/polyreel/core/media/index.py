"""The index of a part: where each fragment lies, when it starts and how long it lasts."""

import struct
from array import array
from collections.abc import Sequence
from typing import NamedTuple

_ENTRY = struct.Struct("<qIQI")


class Fragment(NamedTuple):
    """One fragment: times in microseconds of the film, place in the part's file in bytes."""

    start_us: int
    duration_us: int
    offset: int
    size: int


def pack_index(fragments: Sequence[Fragment]) -> bytes:
    """24 bytes a fragment, little-endian: how an index is kept in its row."""
    return b"".join(_ENTRY.pack(*fragment) for fragment in fragments)


def unpack_index(data: bytes | None) -> list[Fragment]:
    """The fragments of a packed index; none for None."""
    return [Fragment(*values) for values in _ENTRY.iter_unpack(data or b"")]


def pack_cuts(cuts: Sequence[int]) -> bytes:
    """Cut times in microseconds as 64-bit little-endian integers."""
    return struct.pack(f"<{len(cuts)}q", *cuts)


def unpack_cuts(data: bytes | None) -> Sequence[int]:
    """Cut times in microseconds; empty for None."""
    cuts = array("q")
    cuts.frombytes(data or b"")
    return cuts
