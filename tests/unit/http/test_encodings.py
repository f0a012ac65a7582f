"""Which coding a client wants."""

import gzip

import pytest

from polyreel.http.encodings import choose_coding, is_packable, pack


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        (None, None),
        ("", None),
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("GZIP", "gzip"),
        ("gzip, deflate, br, zstd", "br"),
        ("br;q=0.5, gzip;q=0.8", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("gzip;q=0", None),
        ("gzip; q=0.000", None),
        ("*", "br"),
        ("*;q=0", None),
        ("gzip;q=0, *", "br"),
        ("br;q=0, *;q=0.1", "gzip"),
        ("identity", None),
        ("identity;q=0.5, gzip;q=0.4", None),
        ("identity, gzip;q=0.9", None),
        ("identity;q=0.5, gzip;q=0.6", "gzip"),
        ("gzip;q=nan", None),
        ("gzip;q=-1", None),
        ("gzip;q=1e3", None),
        ("gzip;level=9;q=0", None),
        ("gzipped, sgzip", None),
        ("deflate", None),
        (",;=,;;", None),
    ],
)
def test_the_heaviest_is_chosen_and_ours_among_equals(accepted, chosen):
    assert choose_coding(accepted, ["br", "gzip"]) == chosen


def test_nothing_is_chosen_that_is_not_there():
    assert choose_coding("br", ["gzip"]) is None
    assert choose_coding("br, gzip;q=0.1", ["gzip"]) == "gzip"


@pytest.mark.parametrize(
    ("kind", "packable"),
    [
        ("application/json", True),
        ("text/html; charset=utf-8", True),
        ("TEXT/PLAIN; charset=UTF-8", True),
        ("application/vnd.apple.mpegurl", True),
        ("image/svg+xml", True),
        ("text/event-stream", False),
        ("video/mp4", False),
        ("audio/mp4", False),
        ("image/webp", False),
        ("font/woff2", False),
        ("application/octet-stream", False),
        ("", False),
    ],
)
def test_texts_are_packed_and_media_never(kind, packable):
    assert is_packable(kind) is packable


def test_what_is_packed_is_the_same_each_time():
    assert pack(b"a" * 5000) == pack(b"a" * 5000)
    assert gzip.decompress(pack(b"a" * 5000)) == b"a" * 5000
