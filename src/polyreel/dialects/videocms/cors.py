"""Cross-origin rules. Every origin may read: who calls is told by a bearer token, never by a cookie.

Source: the contract, 1.7; credentials stay off, which browsers demand beside `*`.
"""

from collections.abc import Callable, Sequence

from polyreel.http.middleware import ASGIApp, Message, Receive, Scope, Send

__all__ = ["with_cors"]

_METHODS = "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS"
_REQUEST_HEADERS = (
    "*,Authorization,Content-Type,Tus-Resumable,Upload-Length,Upload-Offset,Upload-Metadata,"
    "Upload-Concat,X-HTTP-Method-Override,Upload-Defer-Length,Upload-Checksum,X-Requested-With,"
    "X-Request-ID"
)
_EXPOSED = (
    "Location,Tus-Resumable,Tus-Version,Tus-Extension,Tus-Max-Size,Upload-Expires,Upload-Length,"
    "Upload-Offset,Upload-Metadata,Upload-Concat,Upload-Defer-Length,Tus-Checksum-Algorithm"
)
_ORIGIN = (b"access-control-allow-origin", b"*")
_VARY = (b"vary", b"Origin")
_PREFLIGHT = (
    _ORIGIN,
    _VARY,
    (b"vary", b"Access-Control-Request-Method"),
    (b"vary", b"Access-Control-Request-Headers"),
    (b"access-control-allow-methods", _METHODS.encode()),
    (b"access-control-allow-headers", _REQUEST_HEADERS.encode()),
    (b"access-control-max-age", b"7200"),
)


def with_cors(app: ASGIApp, *, answers_options: Callable[[str], bool]) -> ASGIApp:
    """`app`, readable from every origin; OPTIONS is answered 204 here, whatever the path, unless
    `app` has something to add for that path.
    """

    async def readable(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS" and answers_options(scope["path"]):
            await app(scope, receive, _with_headers(send, _PREFLIGHT))
            return
        if scope["method"] == "OPTIONS":
            start = {"type": "http.response.start", "status": 204, "headers": list(_PREFLIGHT)}
            await send(start)
            await send({"type": "http.response.body", "body": b""})
            return
        is_cross = any(name == b"origin" for name, _ in scope["headers"])

        more = [_VARY]
        if is_cross:
            more += [_ORIGIN, (b"access-control-expose-headers", _EXPOSED.encode())]
        await app(scope, receive, _with_headers(send, more))

    return readable


def _with_headers(send: Send, more: Sequence[tuple[bytes, bytes]]) -> Send:
    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await send(message)

    return told
