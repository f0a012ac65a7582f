"""Subtitle files as people send them: encodings, kinds, and what only looks like one."""

import itertools

import pytest

from polyreel.infra.texts import ASS, SRT, VTT, conversion_args, decode_text, find_text_kind

WORDS = "Zoë, ça va? Ñandú, Straße"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_the_words_are_the_same_in_every_encoding(encoding):
    assert decode_text(WORDS.encode(encoding)) == WORDS


def test_big_endian_is_told_by_its_mark():
    assert decode_text(b"\xfe\xff" + WORDS.encode("utf-16-be")) == WORDS


def test_half_a_character_at_the_end_does_not_matter():
    assert decode_text(b"\xff\xfea\0b").startswith("a")


def test_every_kind_of_line_end_becomes_one():
    assert decode_text(b"a\r\nb\rc\n") == "a\nb\nc\n"


def test_control_characters_do_not_pass():
    assert decode_text(b"a\0b\x1b[31mc\td\x07\n") == "ab[31mc\td\n"


def test_arbitrary_bytes_are_some_text():
    assert isinstance(decode_text(bytes(range(256)) * 3), str)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("WEBVTT\n\n00:01.000 --> 00:02.000\nHi\n", VTT),
        ("\n\nWEBVTT - with a title\n", VTT),
        ("[Script Info]\nTitle: x\n", ASS),
        ("[script info]\n", ASS),
        ("1\n00:00:01,000 --> 00:00:02,000\nHi\n", SRT),
        ("00:00:01.5 --> 00:00:02.5\nHi\n", SRT),
        ("1\n0:00:01,000  -->  0:00:02,000 X1:10\nHi\n", SRT),
    ],
)
def test_the_kind_is_told_from_the_text(text, kind):
    assert find_text_kind(text) == kind


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Dear reader",
        "#EXTM3U\n#EXT-X-VERSION:7\nfile:///etc/passwd\n",
        "ffconcat version 1.0\nfile /etc/passwd\n",
        "<!doctype html><script>",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\n",
        "web vtt",
        "x" * 5000 + "\n00:00:01,000 --> 00:00:02,000\n",
        "00:00:01,000 -> 00:00:02,000\n",
    ],
)
def test_what_is_none_of_them_is_none(text):
    assert find_text_kind(text) is None


def test_a_line_that_goes_on_for_ever_is_looked_at_for_a_moment():
    assert find_text_kind("0" * (1 << 20) + ":00") is None


def test_ffmpeg_may_read_that_file_as_that_kind_only(tmp_path):
    args = conversion_args(tmp_path / "-i; rm.srt", SRT)
    given = dict(itertools.pairwise(args))
    assert given["-protocol_whitelist"] == "file"
    assert given["-format_whitelist"] == "srt"
    assert given["-i"].startswith("file:")
    assert args.index("-format_whitelist") < args.index("-i")
