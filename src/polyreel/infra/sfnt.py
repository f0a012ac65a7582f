"""What a font calls its family. Source: OpenType, the `name` table (ISO/IEC 14496-22, 5.2.5)."""

import struct

__all__ = ["font_family"]

_SIGNS = (b"\0\1\0\0", b"OTTO", b"true", b"ttcf")
# The typographic family comes before the one that Windows groups four styles by.
_WANTED = (16, 1)
_LONGEST = 120


def font_family(data: bytes) -> str | None:
    """The family's name; None for what is no TrueType or OpenType font, or a broken one."""
    if data[:4] not in _SIGNS:
        return None
    try:
        start = struct.unpack_from(">I", data, 12)[0] if data[:4] == b"ttcf" else 0
        return _family(data, _table(data, start, b"name"))
    except (struct.error, KeyError):
        return None


def _table(data: bytes, start: int, tag: bytes) -> int:
    (count,) = struct.unpack_from(">H", data, start + 4)
    for number in range(count):
        name, _, offset, _ = struct.unpack_from(">4sIII", data, start + 12 + 16 * number)
        if name == tag:
            return int(offset)
    raise KeyError(tag)


def _family(data: bytes, at: int) -> str | None:
    _, count, strings = struct.unpack_from(">HHH", data, at)
    found: dict[int, str] = {}
    for number in range(count):
        platform, _, language, kind, size, offset = struct.unpack_from(
            ">HHHHHH", data, at + 6 + 12 * number
        )
        raw = data[at + strings + offset :][:size]
        text = raw.decode("mac-roman" if platform == 1 else "utf-16-be", errors="replace")
        is_english = language in (0, 0x409)
        if len(raw) == size and text.isprintable() and (kind not in found or is_english):
            found[kind] = text.strip()[:_LONGEST]
    return next((found[kind] for kind in _WANTED if found.get(kind)), None)
