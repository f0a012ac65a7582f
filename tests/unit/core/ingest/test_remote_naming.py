"""What an answer of another server says about itself."""

import pytest

from polyreel.core.ingest.remote.naming import (
    SUFFIXES,
    NotMedia,
    check_type,
    name_of,
    name_of_film,
    strong_validator,
)

DATE = "Sat, 21 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ('attachment; filename="My Film.mp4"', "My Film.mp4"),
        ("attachment; filename=film.MKV", "film.MKV"),
        ("attachment; filename*=UTF-8''M%C3%BCnchen.webm", "M\u00fcnchen.webm"),
        ("attachment; filename=\"x.mp4\"; filename*=utf-8''y.mp4", "y.mp4"),
        ('attachment; filename="../../etc/film.mp4"', "film.mp4"),
        ('attachment; filename="C:\\\\temp\\\\film.mp4"', "film.mp4"),
        ('attachment; filename="a\u202egpj.mp4"', "agpj.mp4"),
        ('attachment; filename=" .. a   b?.mp4"', "a b_.mp4"),
    ],
)
def test_the_name_that_is_told_is_made_safe(value, name):
    assert name_of({"content-disposition": value}, "https://example.org/other.avi") == name


@pytest.mark.parametrize(
    ("urls", "name"),
    [
        (["https://example.org/a/b.mp4?x=1#y"], "b.mp4"),
        (["https://example.org/a%20b%2Fc.mp4"], "c.mp4"),
        (["https://cdn.example/0a1b2c", "https://example.org/film.mov"], "film.mov"),
        (["https://example.org/%FF%00film.ts"], "\ufffdfilm.ts"),
    ],
)
def test_else_the_address_names_it(urls, name):
    assert name_of({}, *urls) == name


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.org/watch", "watch.mp4"),
        ("https://example.org/", "video.mp4"),
        ("https://example.org/v1.2", "v1.2.mp4"),
    ],
)
def test_without_an_ending_the_type_gives_one(url, name):
    assert name_of({"content-type": "video/mp4; charset=x"}, url) == name


@pytest.mark.parametrize("kind", ["application/octet-stream", "", "audio/mpeg"])
def test_without_either_it_is_not_accepted(kind):
    with pytest.raises(NotMedia):
        name_of({"content-type": kind}, "https://example.org/setup.exe")


def test_names_are_short_and_keep_their_ending():
    for given in ("x" * 500 + ".mp4", "\u00e4" * 500 + ".mp4", "." * 200 + "a.mp4"):
        name = name_of({"content-disposition": f'inline; filename="{given}"'}, "")
        assert len(name) <= 128
        assert name.endswith(".mp4")
    assert len(name_of({"content-type": "video/mp4"}, "https://x.example/" + "y" * 500)) == 128


@pytest.mark.parametrize(
    "value", ["", ";;;", "attachment; filename", "x" * 5000, "attachment; filename*=x''%", "\udcff"]
)
def test_nonsense_names_nothing(value):
    assert name_of({"content-disposition": value}, "https://example.org/a.mp4") == "a.mp4"


@pytest.mark.parametrize(
    "kind",
    [
        "text/html",
        "TEXT/HTML; charset=utf-8",
        "application/xhtml+xml",
        "application/dash+xml",
        "application/x-mpegURL",
        "image/png",
        "application/json",
        "text/css",
    ],
)
def test_what_says_that_it_is_no_film_is_believed(kind):
    with pytest.raises(NotMedia):
        check_type({"content-type": kind})


@pytest.mark.parametrize("kind", ["video/mp4", "application/octet-stream", "", "text/plain"])
def test_what_may_be_a_film_is_looked_at_later(kind):
    check_type({"content-type": kind})


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"etag": '"abc"'}, '"abc"'),
        ({"etag": 'W/"abc"'}, None),
        ({"etag": '""'}, None),
        ({"etag": "abc"}, None),
        ({"etag": '"' + "x" * 300 + '"'}, None),
        ({"last-modified": "Sat, 21 Nov 2026 09:59:00 GMT", "date": DATE}, "same"),
        ({"last-modified": "Sat, 21 Nov 2026 09:59:01 GMT", "date": DATE}, None),
        ({"last-modified": "Sat, 21 Nov 2026 09:00:00 GMT"}, None),
        ({"last-modified": "yesterday", "date": DATE}, None),
        ({"etag": 'W/"a"', "last-modified": "Sat, 21 Nov 2026 09:00:00 GMT", "date": DATE}, None),
        ({}, None),
    ],
)
def test_only_what_is_certain_tells_one_file_from_another(headers, found):
    expected = headers["last-modified"] if found == "same" else found
    assert strong_validator(headers) == expected


def test_the_endings_are_those_of_the_contract():
    assert len(SUFFIXES) == 24
    assert {"mp4", "mkv", "webm", "dv", "m2ts"} <= SUFFIXES


@pytest.mark.parametrize(
    ("title", "suffix", "name"),
    [
        ("A film", ".mp4", "A film.mp4"),
        ("a/b\\c", ".WEBM", "a_b_c.webm"),
        ("../..", ".mkv", "_.mkv"),
        ("", ".mp4", "video.mp4"),
        ("x\u202egpj.exe\0", ".mp4", "xgpj.exe.mp4"),
        ("n" * 300, ".mp4", "n" * 124 + ".mp4"),
    ],
)
def test_the_title_of_a_page_becomes_a_name(title, suffix, name):
    assert name_of_film(title, suffix) == name


@pytest.mark.parametrize("suffix", ["", ".m4a", ".html", ".mp4.part"])
def test_a_film_of_a_page_has_an_ending_that_is_accepted(suffix):
    with pytest.raises(NotMedia):
        name_of_film("A film", suffix)
