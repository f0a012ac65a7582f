"""Answers of text, packed with gzip on their way out, for clients that want that.

Whole answers to GET alone, of 1 KiB or more. What goes out piece by piece (bytes of media, streams
of events) passes untouched, as does what is packed already, or a range.

A browser adds a cookie to what another site's page makes it ask. Who can do that, and sees how long
the packed answers are, can guess at secrets in them (BREACH): so with a cookie an answer is packed
only where the browser says that a page of ours, or the person, asked. Answers that hand out a
token are never packed.
"""

import asyncio
from collections.abc import Iterable

from polyreel.http.auth import header
from polyreel.http.encodings import choose_coding, is_packable, pack
from polyreel.http.middleware import ASGIApp, Headers, Message, Receive, Scope, Send

__all__ = ["packed"]

_LEAST_BYTES = 1024
# Longer ones are packed by a thread: this much takes about a millisecond.
_IN_LOOP_BYTES = 32 * 1024
_WITH_TOKENS = ("/setup", "/api/auth/")
_FROM_OURS = ("same-origin", "none")


def packed(app: ASGIApp) -> ASGIApp:
    """`app`, its texts packed."""

    async def smaller(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await app(scope, receive, send)
            return
        await app(scope, receive, _Packer(scope, send))

    return smaller


class _Packer:
    """`send` for one answer: keeps its start back until the first piece tells whether it is whole."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._start: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._begin(message)
            return
        start, self._start = self._start, None
        if start is None:
            await self._send(message)
        elif self._scope["method"] == "HEAD":
            await self._send({**start, "headers": _marked(start["headers"])})
            await self._send(message)
        else:
            await self._send_packed(start, message)

    async def _begin(self, message: Message) -> None:
        headers: Headers = list(message.get("headers", ()))
        if message["status"] == 304:
            headers = _unchanged(headers, header(self._scope["headers"], "if-none-match") or "")
        elif _is_text(headers):
            headers = _varying(headers)
            if message["status"] != 206 and self._is_wanted() and _is_long(headers):
                self._start = {**message, "headers": headers}
                return
        await self._send({**message, "headers": headers})

    async def _send_packed(self, start: Message, message: Message) -> None:
        body: bytes = message.get("body", b"")
        if message.get("more_body") or len(body) < _LEAST_BYTES:
            await self._send(start)
            await self._send(message)
            return
        in_loop = len(body) <= _IN_LOOP_BYTES
        small = pack(body) if in_loop else await asyncio.to_thread(pack, body)
        length = (b"content-length", str(len(small)).encode())
        await self._send({**start, "headers": [*_marked(start["headers"]), length]})
        await self._send({**message, "body": small})

    def _is_wanted(self) -> bool:
        headers = self._scope["headers"]
        if choose_coding(header(headers, "accept-encoding"), ["gzip"]) is None:
            return False
        if self._scope["path"].startswith(_WITH_TOKENS):
            return False
        site = header(headers, "sec-fetch-site")
        return header(headers, "cookie") is None or site in _FROM_OURS


def _is_text(headers: Headers) -> bool:
    if header(headers, "content-encoding") is not None:
        return False
    if "no-transform" in (header(headers, "cache-control") or ""):
        return False
    return is_packable(header(headers, "content-type") or "")


def _is_long(headers: Headers) -> bool:
    """Whether it is worth it, where the length is told."""
    told = header(headers, "content-length") or ""
    return not told.isdecimal() or int(told) >= _LEAST_BYTES


def _varying(headers: Headers) -> Headers:
    named = ",".join(text.decode("latin-1").lower() for name, text in headers if name == b"vary")
    if "accept-encoding" in [each.strip() for each in named.split(",")]:
        return headers
    return [*headers, (b"vary", b"Accept-Encoding")]


def _marked(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers of the packed form: same meaning, other bytes, hence a weak validator (RFC 9110,
    8.8.1), and no ranges.
    """
    gone = (b"content-length", b"accept-ranges")
    kept = [
        (name, b"W/" + text if name == b"etag" and text.startswith(b'"') else text)
        for name, text in headers
        if name not in gone
    ]
    return [*kept, (b"content-encoding", b"gzip")]


def _unchanged(headers: Headers, known: str) -> Headers:
    """Those of a 304, with the validator in the form in which the client has it."""
    tags = [each.strip() for each in known.split(",")]
    found = [
        (name, b"W/" + text)
        if name == b"etag" and f"W/{text.decode('latin-1')}" in tags
        else (name, text)
        for name, text in headers
    ]
    is_weak = found != headers
    return _varying(found) if is_weak or _is_text(headers) else found
