"""A head that needs no parser gives the scope that a parser would make of it."""

import pytest

from polyreel.http.heads import read_plain_head

BEFORE = b"GET /a/out0.mp4?r=1 HTTP/1.1\r\nHost: x\r\nRange: bytes=0-9\r\nCookie: a=b\r\n\r\n"
SCOPE = {
    "method": "GET",
    "path": "/a/out0.mp4",
    "raw_path": b"/a/out0.mp4",
    "query_string": b"r=1",
    "headers": [(b"host", b"x"), (b"range", b"bytes=0-9"), (b"cookie", b"a=b")],
}


def after(data, before=BEFORE, scope=SCOPE):
    """Its scope, where it needs no parser after that one."""
    head, last = read_plain_head(data), read_plain_head(before)
    assert last is not None
    assert last.is_of(scope)
    return head.scope_like(scope) if head and head.fields == last.fields else None


def test_address_and_range_are_those_of_the_new_one():
    found = after(BEFORE.replace(b"out0.mp4?r=1", b"out1.mp4").replace(b"0-9", b"10-"))
    assert (found["path"], found["raw_path"]) == ("/a/out1.mp4", b"/a/out1.mp4")
    assert found["query_string"] == b""
    assert found["headers"] == [(b"host", b"x"), (b"cookie", b"a=b"), (b"range", b"bytes=10-")]
    assert SCOPE["headers"][1] == (b"range", b"bytes=0-9")


def test_the_range_may_be_the_first_field_or_the_last():
    first, last = b"Range: bytes=%d-9\r\nHost: x", b"Host: x\r\nrange:bytes=%d-9"
    for fields in (first, last):
        before, later = (b"GET / HTTP/1.1\r\n" + fields % n + b"\r\n\r\n" for n in (0, 4))
        scope = {"path": "/", "query_string": b"", "headers": [(b"range", b"bytes=0-9")]}
        assert (b"range", b"bytes=4-9") in after(later, before, scope)["headers"]


def test_there_may_be_none():
    found = after(BEFORE.replace(b"Range: bytes=0-9\r\n", b""))
    assert found["headers"] == [(b"host", b"x"), (b"cookie", b"a=b")]


@pytest.mark.parametrize(
    "changed",
    [
        {"path": "/a/out1.mp4"},
        {"query_string": b""},
        {"headers": []},
        {"headers": [(b"range", b"bytes=0-9 ")]},
        {"headers": [(b"range", b"bytes=0-9"), (b"range", b"bytes=0-9")]},
    ],
)
def test_what_a_parser_reads_otherwise_is_another(changed):
    head = read_plain_head(BEFORE)
    assert head is not None
    assert head.is_of(SCOPE)
    assert not head.is_of({**SCOPE, **changed})


def test_a_range_in_unusual_letters_is_seen_by_the_parser_alone():
    head = read_plain_head(b"GET / HTTP/1.1\r\nRange:\tbytes=0-9\r\n\r\n")
    found = {"path": "/", "query_string": b"", "headers": [(b"range", b"bytes=0-9")]}
    assert head is not None
    assert not head.is_of(found)


@pytest.mark.parametrize(
    "data",
    [
        BEFORE.replace(b"a=b", b"a=c"),
        BEFORE.replace(b"Cookie: a=b\r\n", b""),
        BEFORE.replace(b"\r\n\r\n", b"\r\nX: y\r\n\r\n"),
        BEFORE.replace(b"GET", b"HEAD"),
        BEFORE.replace(b"1.1", b"1.0"),
        BEFORE.replace(b"/a/out0", b"/%61/out0"),
        BEFORE.replace(b"/a/", b"http://x/a/"),
        BEFORE.replace(b"r=1", b"r=1#x"),
        BEFORE.replace(b"Cookie", b"Range: bytes=1-2\r\nCookie"),
        BEFORE.replace(b"Cookie", b"Range: bytes=1-2\r\nRange: bytes=1-2\r\nCookie"),
        BEFORE.replace(b"Cookie", b"RANGE: bytes=1-2\r\nCookie"),
        BEFORE[:-1],
        BEFORE + b"x",
        BEFORE * 2,
        b"\r\n" + BEFORE,
        b"",
    ],
)
def test_whatever_else_differs_is_for_the_parser(data):
    assert after(data) is None
