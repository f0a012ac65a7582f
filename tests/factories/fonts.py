"""A TrueType font made by hand, small and whole: browsers take it."""

import struct

__all__ = ["make_font"]

_EM = 1000


def make_font(
    family: str = "Looking Glass", *, width: int = 2 * _EM, typographic: str = ""
) -> bytes:
    """A font in which every letter is a filled box, `width` thousandths of its size wide;
    `typographic` is a second name of the family, which comes first where it is there.
    """
    box = _box(width)
    glyphs = box + box
    tables = {
        b"OS/2": _os2(width),
        b"cmap": _cmap(),
        b"glyf": glyphs,
        b"head": _head(width),
        b"hhea": struct.pack(">IhhhHhhhhhh8xhH", 0x10000, 800, -200, 0, width, 0, 0, width, 1, 0, 0, 0, 2),
        b"hmtx": struct.pack(">HhHh", width, 0, width, 0),
        b"loca": struct.pack(">III", 0, len(box), len(glyphs)),
        b"maxp": struct.pack(">IHHHHHHHHHHHHHH", 0x10000, 2, 4, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0),
        b"name": _name(family, typographic),
        b"post": struct.pack(">IIhhIIIII", 0x30000, 0, -100, 50, 0, 0, 0, 0, 0),
    }  # fmt: skip
    return _file(tables)


def _file(tables: dict[bytes, bytes]) -> bytes:
    count = len(tables)
    power = 1 << (count.bit_length() - 1)
    head = struct.pack(
        ">IHHHH", 0x10000, count, 16 * power, power.bit_length() - 1, 16 * (count - power)
    )
    rows, body, at = b"", b"", 12 + 16 * count
    for tag, data in tables.items():
        padded = data + bytes(-len(data) % 4)
        total = sum(word for (word,) in struct.iter_unpack(">I", padded)) & 0xFFFFFFFF
        rows += struct.pack(">4sIII", tag, total, at + len(body), len(data))
        body += padded
    return head + rows + body


def _box(width: int) -> bytes:
    """A contour of four points on the curve, coordinates in two bytes each."""
    head = struct.pack(">hhhhh", 1, 0, 0, width, 700) + struct.pack(">HH", 3, 0)
    across = struct.pack(">hhhh", 0, 0, width, 0)
    up = struct.pack(">hhhh", 0, 700, 0, -700)
    outline = head + b"\1\1\1\1" + across + up
    return outline + bytes(-len(outline) % 4)


def _head(width: int) -> bytes:
    times = bytes(16)
    edges = struct.pack(">hhhh", 0, 0, width, 700)
    return (
        struct.pack(">IIIIHH", 0x10000, 0x10000, 0, 0x5F0F3CF5, 3, _EM)
        + times
        + edges
        + struct.pack(">HHhhh", 0, 8, 2, 1, 0)
    )


def _cmap() -> bytes:
    """Every printable character of ASCII is glyph 1."""
    first, last = 0x20, 0x7E
    ends = struct.pack(">HHH", last, 0xFFFF, 0)
    starts = struct.pack(">HH", first, 0xFFFF)
    deltas = struct.pack(">HH", 0, 1)
    # From its own place, the first range's glyphs begin after the second range's offset.
    offsets = struct.pack(">HH", 4, 0)
    glyphs = struct.pack(f">{last - first + 1}H", *[1] * (last - first + 1))
    rest = struct.pack(">HHHH", 4, 4, 1, 0) + ends + starts + deltas + offsets + glyphs
    table = struct.pack(">HHH", 4, 6 + len(rest), 0) + rest
    return struct.pack(">HHHHI", 0, 1, 3, 1, 12) + table


def _name(family: str, typographic: str) -> bytes:
    names = {1: family, 2: "Regular", 4: family, 6: family.replace(" ", "")}
    if typographic:
        names[16] = typographic
    rows, texts = b"", b""
    for kind, text in names.items():
        raw = text.encode("utf-16-be")
        rows += struct.pack(">HHHHHH", 3, 1, 0x409, kind, len(raw), len(texts))
        texts += raw
    return struct.pack(">HHH", 0, len(names), 6 + len(rows)) + rows + texts


def _os2(width: int) -> bytes:
    return (
        struct.pack(">HhHHH", 4, width, 400, 5, 0)
        + struct.pack(">10h", 650, 600, 0, 75, 650, 600, 0, 350, 50, 250)
        + struct.pack(">h", 0) + bytes(10) + struct.pack(">4I", 1, 0, 0, 0) + b"NONE"
        + struct.pack(">HHH", 0x40, 0x20, 0x7E) + struct.pack(">hhhHH", 800, -200, 0, 800, 200)
        + struct.pack(">II", 1, 0) + struct.pack(">hhHHH", 500, 700, 0, 0x20, 1)
    )  # fmt: skip
