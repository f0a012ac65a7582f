"""The index of a part: where each fragment lies, when it starts and how long it lasts."""

import struct
from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple, overload

_ENTRY = struct.Struct("<qIQII")
# The longest fragment that an index can tell.
LONGEST_US = (1 << 32) - 1


class Fragment(NamedTuple):
    """One fragment: times in microseconds of the film, place in the part's file in bytes. `key_size`:
    how many of its bytes hold the first picture, headers included; 0 for sound.
    """

    start_us: int
    duration_us: int
    offset: int
    size: int
    key_size: int = 0


class PackedIndex(Sequence[Fragment]):
    """The fragments of a packed index, read one by one when asked for: a process keeps the indexes of
    many films, and 28 bytes a fragment are a tenth of what the values would take.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data) // _ENTRY.size

    def __iter__(self) -> Iterator[Fragment]:
        return map(Fragment._make, _ENTRY.iter_unpack(self._data))

    @overload
    def __getitem__(self, place: int) -> Fragment: ...
    @overload
    def __getitem__(self, place: slice) -> list[Fragment]: ...
    def __getitem__(self, place: int | slice) -> Fragment | list[Fragment]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        number = range(len(self))[place]
        return Fragment(*_ENTRY.unpack_from(self._data, number * _ENTRY.size))


def pack_index(fragments: Sequence[Fragment]) -> bytes:
    """28 bytes a fragment, little-endian: how an index is kept in its row."""
    return b"".join(_ENTRY.pack(*fragment) for fragment in fragments)


def unpack_index(data: bytes | None) -> Sequence[Fragment]:
    """The fragments of a packed index; none for None."""
    return PackedIndex(data or b"")


def pack_cuts(cuts: Sequence[int]) -> bytes:
    """Cut times in microseconds as 64-bit little-endian integers."""
    return struct.pack(f"<{len(cuts)}q", *cuts)


def unpack_cuts(data: bytes | None) -> Sequence[int]:
    """Cut times in microseconds; empty for None."""
    cuts = array("q")
    cuts.frombytes(data or b"")
    return cuts
