"""Conditions and ranges by RFC 9110, sections 13 and 14."""

import time

import pytest

from polyreel.http.ranges import Selected, Validators, http_date, select

SIZE = 1000
ETAG = '"7-1-0"'
MODIFIED = 1_700_000_000
DATE, EARLIER, LATER = (http_date(MODIFIED + shift) for shift in (0, -1, 1))
WHOLE = Selected(200, 0, SIZE)
NONE = Selected(416, 0, 0)


def ask(size=SIZE, **headers):
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return select(given, size, Validators(ETAG, MODIFIED))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bytes=0-0", Selected(206, 0, 1)),
        ("bytes=0-999", Selected(206, 0, 1000)),
        ("bytes=0-", Selected(206, 0, 1000)),
        ("bytes=500-", Selected(206, 500, 500)),
        ("bytes=500-600", Selected(206, 500, 101)),
        ("bytes=999-999", Selected(206, 999, 1)),
        ("bytes=900-5000", Selected(206, 900, 100)),
        ("bytes=900-999999999999999999", Selected(206, 900, 100)),
        ("bytes=-1", Selected(206, 999, 1)),
        ("bytes=-1000", Selected(206, 0, 1000)),
        ("bytes=-5000", Selected(206, 0, 1000)),
        ("Bytes=0-9", Selected(206, 0, 10)),
        ("bytes= 0-9 ", Selected(206, 0, 10)),
        ("bytes=1000-", NONE),
        ("bytes=1000-2000", NONE),
        ("bytes=999999999999999999-", NONE),
        ("bytes=-0", NONE),
    ],
)
def test_one_range_is_honoured(text, expected):
    assert ask(range=text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-4",
        "bytes=--5",
        "bytes=1-2-3",
        "bytes=+1-2",
        "bytes=1 - 2",
        "bytes=0x1-2",
        "bytes=1.0-2",
        "bytes=\u0661-\u0662",
        "bytes=\u00b2-",
        "items=0-9",
        "0-9",
        "bytes=0-9,20-29",
        "bytes=0-0,",
        "bytes=," * 5000,
        "bytes=" + "9" * 19 + "-",
        "bytes=0-" + "9" * 100_000,
        "bytes=" + "0" * 100_000,
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_single_range_is_ignored_at_once(text):
    began = time.thread_time()
    assert ask(range=text) == WHOLE
    assert time.thread_time() - began < 0.1


def test_nothing_of_nothing_can_be_selected():
    assert ask(size=0) == Selected(200, 0, 0)
    assert ask(size=0, range="bytes=0-") == NONE
    assert ask(size=0, range="bytes=-5") == NONE


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (ETAG, 206),
        (f"W/{ETAG}", 200),
        ('"other"', 200),
        (DATE, 206),
        (EARLIER, 200),
        (LATER, 200),
        ("nonsense", 200),
        ("", 200),
    ],
)
def test_a_range_is_taken_only_of_what_the_client_has_begun(condition, status):
    assert ask(range="bytes=0-9", if_range=condition).status == status


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (ETAG, 304),
        (f"W/{ETAG}", 304),
        (f'"x", {ETAG}', 304),
        ("*", 304),
        ('"x"', 200),
        ("", 200),
        ("7-1-0", 200),
    ],
)
def test_what_the_client_has_is_not_sent_again(condition, status):
    assert ask(if_none_match=condition).status == status


def test_dates_count_where_there_is_no_tag():
    assert ask(if_modified_since=DATE).status == 304
    assert ask(if_modified_since=LATER).status == 304
    assert ask(if_modified_since=EARLIER).status == 200
    assert ask(if_modified_since="nonsense").status == 200
    assert ask(if_modified_since="Sat, 99 Nov 99999 99:99:99 GMT").status == 200
    assert ask(if_none_match='"x"', if_modified_since=LATER).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if_match": ETAG}, 200),
        ({"if_match": "*"}, 200),
        ({"if_match": f'"x", {ETAG}'}, 200),
        ({"if_match": f"W/{ETAG}"}, 412),
        ({"if_match": '"x"'}, 412),
        ({"if_unmodified_since": DATE}, 200),
        ({"if_unmodified_since": EARLIER}, 412),
        ({"if_match": ETAG, "if_unmodified_since": EARLIER}, 200),
        ({"if_match": '"x"', "if_none_match": ETAG, "range": "bytes=0-"}, 412),
        ({"if_none_match": ETAG, "range": "bytes=0-"}, 304),
    ],
    ids=str,
)
def test_preconditions_come_in_the_rfc_s_order(headers, status):
    assert ask(**headers).status == status


def test_dates_are_written_as_the_rfc_wants():
    assert http_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT"
