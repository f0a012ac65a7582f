"""Cross-origin rules. At first every origin may read: who calls is told by a bearer token, never by a
cookie. An administrator may name origins, and let those send cookies; beside `*` nobody may.

Source: the contract, 1.7.
"""

from collections.abc import Callable, Sequence

from polyreel.core.options import Options, OptionsCache
from polyreel.http.auth import header
from polyreel.http.middleware import ASGIApp, Headers, Message, Receive, Scope, Send
from polyreel.http.options import options_now

__all__ = ["with_cors"]

_METHODS = "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS"
_REQUEST_HEADERS = (
    "Authorization,Content-Type,Tus-Resumable,Upload-Length,Upload-Offset,Upload-Metadata,"
    "Upload-Concat,X-HTTP-Method-Override,Upload-Defer-Length,Upload-Checksum,X-Requested-With,"
    "X-Request-ID"
)
_EXPOSED = (
    "Location,Tus-Resumable,Tus-Version,Tus-Extension,Tus-Max-Size,Upload-Expires,Upload-Length,"
    "Upload-Offset,Upload-Metadata,Upload-Concat,Upload-Defer-Length,Tus-Checksum-Algorithm"
)
_VARY = (b"vary", b"Origin")


def with_cors(
    app: ASGIApp, options: OptionsCache, *, answers_options: Callable[[str], bool]
) -> ASGIApp:
    """`app`, readable from the origins that the options name; OPTIONS is answered 204 here, whatever
    the path, unless `app` has something to add for that path.
    """

    async def readable(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        now = await options_now(options)
        origin = header(scope["headers"], "origin")
        if scope["method"] != "OPTIONS":
            await app(scope, receive, _with_headers(send, _headers(now, origin)))
        elif answers_options(scope["path"]):
            await app(scope, receive, _with_headers(send, _preflight(now, origin)))
        else:
            headers = _preflight(now, origin)
            await send({"type": "http.response.start", "status": 204, "headers": headers})
            await send({"type": "http.response.body", "body": b""})

    return readable


def _headers(options: Options, origin: str | None) -> Headers:
    """What an answer says to the page of another site."""
    if origin is None:
        return [_VARY]
    return [
        _VARY,
        *_allowed(options, origin),
        (b"access-control-expose-headers", _EXPOSED.encode()),
    ]


def _preflight(options: Options, origin: str | None) -> Headers:
    """What a browser is told before it asks."""
    wanted = f"{options.cors_headers},{_REQUEST_HEADERS}"
    return [
        *_allowed(options, origin or ""),
        _VARY,
        (b"vary", b"Access-Control-Request-Method"),
        (b"vary", b"Access-Control-Request-Headers"),
        (b"access-control-allow-methods", _METHODS.encode()),
        (b"access-control-allow-headers", wanted.encode("latin-1", "ignore")),
        (b"access-control-max-age", b"7200"),
    ]


def _allowed(options: Options, origin: str) -> Headers:
    origins = [each.strip() for each in options.cors_origins.split(",")]
    if "*" in origins:
        return [(b"access-control-allow-origin", b"*")]
    if not origin or origin not in origins:
        return []
    found = [(b"access-control-allow-origin", origin.encode("latin-1"))]
    if options.cors_credentials:
        found.append((b"access-control-allow-credentials", b"true"))
    return found


def _with_headers(send: Send, more: Sequence[tuple[bytes, bytes]]) -> Send:
    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await send(message)

    return told
