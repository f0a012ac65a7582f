"""Write EBML elements, the stuff that Matroska files are made of. Source: RFC 8794."""

import struct

__all__ = ["element", "floating", "text", "unsigned", "unsigned8", "wide_header"]


def element(name: int, *content: bytes) -> bytes:
    """One element; `name` is its id as documents write it, length bits included."""
    size = sum(map(len, content))
    return b"".join((_id(name), _size(size), *content))


def wide_header(name: int, size: int) -> bytes:
    """The beginning of an element whose size always takes eight bytes."""
    return _id(name) + struct.pack(">Q", 1 << 56 | size)


def unsigned(name: int, value: int) -> bytes:
    """An unsigned integer in as few bytes as it needs."""
    return element(name, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def unsigned8(name: int, value: int) -> bytes:
    """An unsigned integer that always takes eight bytes."""
    return element(name, struct.pack(">Q", value))


def floating(name: int, value: float) -> bytes:
    """A number of eight bytes."""
    return element(name, struct.pack(">d", value))


def text(name: int, value: str) -> bytes:
    """UTF-8; what no text may hold is left out."""
    return element(name, value.replace("\0", "").encode("utf-8", "ignore"))


def _id(name: int) -> bytes:
    return name.to_bytes((name.bit_length() + 7) // 8, "big")


def _size(size: int) -> bytes:
    # All bits set mean that the size is not known: such a number takes one byte more.
    width = next(width for width in range(1, 9) if size < (1 << 7 * width) - 1)
    return (1 << 7 * width | size).to_bytes(width, "big")
