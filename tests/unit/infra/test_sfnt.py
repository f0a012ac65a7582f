"""The family of a font, from fonts that are whole, odd, broken, or none."""

import struct

import pytest

from polyreel.infra.sfnt import font_family
from tests.factories.fonts import make_font


def test_the_family_is_read():
    assert font_family(make_font("Looking Glass")) == "Looking Glass"


def test_the_typographic_family_comes_first():
    assert font_family(make_font("Glass Thin", typographic="Glass")) == "Glass"


def test_spaces_around_it_are_no_part_of_it():
    assert font_family(make_font("  Glass ")) == "Glass"


def test_a_collection_is_known_by_its_first_font():
    font = make_font("First")
    count = struct.unpack_from(">H", font, 4)[0]
    shifted = bytearray(font)
    for row in range(count):
        at = 12 + 16 * row + 8
        struct.pack_into(">I", shifted, at, struct.unpack_from(">I", font, at)[0] + 16)
    assert font_family(b"ttcf" + struct.pack(">III", 0x10000, 1, 16) + bytes(shifted)) == "First"


def test_a_name_of_any_length_is_cut():
    family = font_family(make_font("x" * 5000))
    assert family is not None
    assert len(family) == 120


@pytest.mark.parametrize("name", ["a\0b", "a\u202eb", "\n", "", " "])
def test_what_nobody_can_read_is_no_name(name):
    assert font_family(make_font(name)) is None


@pytest.mark.parametrize("data", [b"", b"\0\1\0\0", b"OTTO", b"ttcf\0", b"PK\3\4" + bytes(99), bytes(2000)])  # fmt: skip
def test_what_is_no_font_has_none(data):
    assert font_family(data) is None


def test_a_font_that_ends_anywhere_never_raises():
    font = make_font()
    for end in range(0, len(font), 7):
        assert font_family(font[:end]) in (None, "Looking Glass")


def test_a_table_that_points_past_the_end_has_no_name():
    font = bytearray(make_font())
    at = font.index(b"name") + 8
    struct.pack_into(">I", font, at, 0xFFFFFFF0)
    assert font_family(bytes(font)) is None
