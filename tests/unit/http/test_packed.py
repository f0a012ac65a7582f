"""Packing answers on their way out."""

import gzip

import pytest

from polyreel.http.packed import packed

pytestmark = pytest.mark.anyio

TEXT = b'{"name":"film"},' * 200
JSON = [(b"content-type", b"application/json")]


async def nothing(*_):
    raise AssertionError


async def ask(body=TEXT, *, headers=JSON, status=200, method="GET", path="/api/files", **given):
    """(status, headers, body) of one answer; `given` are the request's headers, `_` for `-`."""
    pieces = body if isinstance(body, list) else [body]
    length = [(b"content-length", str(len(body)).encode())] if isinstance(body, bytes) else []

    async def app(scope, receive, send):
        start = {"type": "http.response.start", "status": status}
        await send({**start, "headers": [*headers, *length]})
        for number, piece in enumerate(pieces):
            shown = b"" if method == "HEAD" else piece
            more = number + 1 < len(pieces)
            await send({"type": "http.response.body", "body": shown, "more_body": more})

    sent = []

    async def send(message):
        sent.append(message)

    asked = {"accept_encoding": "gzip", **given}
    lines = [(k.replace("_", "-").encode(), v.encode()) for k, v in asked.items() if v is not None]
    scope = {"type": "http", "method": method, "path": path, "headers": lines}
    await packed(app)(scope, nothing, send)
    assert [message["type"] for message in sent[:1]] == ["http.response.start"]
    found = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
    assert len(found) == len(sent[0]["headers"]), "a header came twice"
    return sent[0]["status"], found, b"".join(message["body"] for message in sent[1:])


async def test_a_long_text_is_packed():
    status, headers, body = await ask()
    assert (status, gzip.decompress(body)) == (200, TEXT)
    assert headers["content-encoding"] == "gzip"
    assert headers["content-length"] == str(len(body))
    assert headers["vary"] == "Accept-Encoding"


async def test_a_very_long_text_is_packed_too():
    status, headers, body = await ask(TEXT * 100)
    assert (status, gzip.decompress(body)) == (200, TEXT * 100)
    assert headers["content-length"] == str(len(body))


@pytest.mark.parametrize("accepted", [None, "br", "gzip;q=0", "identity"])
async def test_who_does_not_want_it_gets_it_plain_and_caches_are_told(accepted):
    _, headers, body = await ask(accept_encoding=accepted)
    assert body == TEXT
    assert "content-encoding" not in headers
    assert headers["vary"] == "Accept-Encoding"
    assert headers["content-length"] == str(len(TEXT))


@pytest.mark.parametrize(
    "given",
    [
        {"body": TEXT[:1023]},
        {"body": b""},
        {"headers": [(b"content-type", b"text/event-stream")]},
        {"headers": [(b"content-type", b"video/mp4")]},
        {"headers": []},
        {"headers": [*JSON, (b"content-encoding", b"br")]},
        {"headers": [*JSON, (b"cache-control", b"private, no-transform")]},
        {"status": 206},
        {"method": "POST"},
        {"method": "DELETE"},
        {"body": [TEXT, TEXT]},
        {"path": "/setup"},
        {"path": "/api/auth/refresh"},
    ],
)
async def test_what_is_short_or_packed_or_no_text_or_secret_stays(given):
    given = {"body": TEXT, **given}
    _, headers, body = await ask(**given)
    wanted = given["body"]
    assert body == (wanted if isinstance(wanted, bytes) else b"".join(wanted))
    assert headers.get("content-encoding") in (None, "br")


@pytest.mark.parametrize(
    ("given", "is_packed"),
    [
        ({}, True),
        ({"authorization": "Bearer x"}, True),
        ({"sec_fetch_site": "cross-site"}, True),
        ({"cookie": "a=b"}, False),
        ({"cookie": "a=b", "sec_fetch_site": "cross-site"}, False),
        ({"cookie": "a=b", "sec_fetch_site": "same-site"}, False),
        ({"cookie": "a=b", "sec_fetch_site": "same-origin"}, True),
        ({"cookie": "a=b", "sec_fetch_site": "none"}, True),
    ],
)
async def test_with_a_cookie_only_what_we_or_the_person_asked_for(given, is_packed):
    _, headers, _ = await ask(**given)
    assert (headers.get("content-encoding") == "gzip") is is_packed


async def test_the_packed_form_has_a_weak_validator_and_no_ranges():
    told = [*JSON, (b"etag", b'"v1"'), (b"accept-ranges", b"bytes"), (b"vary", b"Origin")]
    found = await ask(headers=[line for line in told if line[0] != b"vary"])
    assert found[1]["etag"] == 'W/"v1"'
    assert "accept-ranges" not in found[1]
    plain = await ask(headers=told[:3], accept_encoding=None)
    assert (plain[1]["etag"], plain[1]["accept-ranges"]) == ('"v1"', "bytes")


async def test_unchanged_is_said_of_the_form_the_client_has():
    told = [*JSON, (b"etag", b'"v1"')]
    for known, etag in (('W/"v1"', 'W/"v1"'), ('"v1"', '"v1"'), ('"x", W/"v1"', 'W/"v1"')):
        status, headers, body = await ask(b"", headers=told, status=304, if_none_match=known)
        assert (status, body, headers["etag"]) == (304, b"", etag)
        assert headers["vary"] == "Accept-Encoding"


async def test_head_says_what_get_would_but_the_length():
    _, headers, body = await ask(method="HEAD", headers=[*JSON, (b"etag", b'"v1"')])
    assert body == b""
    assert (headers["content-encoding"], headers["etag"]) == ("gzip", 'W/"v1"')
    assert "content-length" not in headers
    _, headers, _ = await ask(TEXT[:100], method="HEAD")
    assert "content-encoding" not in headers
    assert headers["content-length"] == "100"


async def test_errors_are_packed_as_well():
    status, _, body = await ask(status=400)
    assert (status, gzip.decompress(body)) == (400, TEXT)


async def test_other_connections_pass():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    await packed(app)({"type": "lifespan"}, nothing, nothing)
    assert seen == ["lifespan"]
