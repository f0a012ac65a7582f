"""What surrounds every request: its id, its line in the log, the headers every answer has."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from polyreel.core.users import Actor
from polyreel.http.auth import Client, Proxies, read_client
from polyreel.infra.logs import log_request
from polyreel.kit.ids import new_request_id

__all__ = [
    "REQUEST_ID",
    "ASGIApp",
    "Exchange",
    "Headers",
    "Message",
    "Observer",
    "Receive",
    "Scope",
    "Send",
    "dressed",
    "ensure_exchange",
    "has_body",
    "head_from_get",
    "lingering",
    "observed",
    "size_of",
    "was_head",
]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

REQUEST_ID = b"x-request-id"
"""Every answer has this header."""

_KEY = "polyreel.exchange"
_HEAD_KEY = "polyreel.was_head"
_LINGER_BYTES = 16 * 1024 * 1024
_LINGER_S = 2.0
_LONGEST_PATH = 512
_DEFAULT_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    # For pages that just name it; what is read by the rules of CORS is not concerned.
    (b"cross-origin-resource-policy", b"same-origin"),
)

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Exchange:
    """One request and its answer, as far as they got. `path` is for the log, `error` the kind of error
    answered, `began` a reading of `time.perf_counter`.
    """

    method: str
    path: str
    client: Client
    id: str = field(default_factory=new_request_id)
    began: float = field(default_factory=time.perf_counter)
    actor: Actor | None = None
    error: str | None = None
    status: int = 0
    sent_bytes: int = 0


def ensure_exchange(scope: Scope) -> Exchange:
    """The exchange of a request; made here where nobody observes it, as in tests."""
    found = scope.get(_KEY)
    if isinstance(found, Exchange):
        return found
    return Observer(proxies=Proxies("")).begin(scope)


@dataclass(frozen=True, kw_only=True)
class Observer:
    """Sees every request come and its answer go, and logs one line for it (logger `polyreel.access`).

    `base_urls`: see `read_client`.
    """

    proxies: Proxies
    base_urls: Callable[[], Sequence[str]] = tuple

    def client(self, scope: Scope) -> Client:
        """Who asks."""
        return read_client(scope, self.proxies, base_urls=self.base_urls())

    def begin(self, scope: Scope) -> Exchange:
        """A request has come; from here on it has an id."""
        made = Exchange(scope["method"], _shown_path(scope), self.client(scope))
        scope[_KEY] = made
        return made

    def end(self, exchange: Exchange) -> None:
        """The answer has gone, as far as it got."""
        log_request(
            {
                "method": exchange.method,
                "path": exchange.path,
                "request_id": exchange.id,
                "status": exchange.status,
                "bytes": exchange.sent_bytes,
                "ms": round((time.perf_counter() - exchange.began) * 1000, 1),
                "client": exchange.client.address,
                "user_id": exchange.actor.user_id if exchange.actor else None,
                "error": exchange.error,
            }
        )


def dressed(headers: Headers) -> Headers:
    """The headers of an answer, with those that every answer has."""
    present = [name for name, _ in headers]
    return [*headers, *(pair for pair in _DEFAULT_HEADERS if pair[0] not in present)]


def observed(app: ASGIApp, observer: Observer) -> ASGIApp:
    """The outermost layer: tells `observer`, gives every answer an `X-Request-ID` and the headers every
    answer has where they are missing, and answers 500 for what nobody caught.
    """

    app = lingering(app)

    async def outermost(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        exchange = observer.begin(scope)

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                headers = dressed(list(message.get("headers", ())))
                message["headers"] = [*headers, (REQUEST_ID, exchange.id.encode())]
            else:
                exchange.sent_bytes += size_of(message)
            await send(message)

        try:
            await app(scope, receive, watched)
        except Exception:
            _log.exception("request %s crashed", exchange.id)
            if exchange.status:
                raise
            await _say_crash(exchange, watched)
        finally:
            observer.end(exchange)

    return outermost


def has_body(scope: Scope) -> bool:
    """Whether a body comes with the request."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )


def was_head(scope: Mapping[str, object]) -> bool:
    """True for a GET that `head_from_get` made of a HEAD; for the rare GET that changes something."""
    return bool(scope.get(_HEAD_KEY))


def head_from_get(app: ASGIApp) -> ASGIApp:
    """Answer HEAD as GET is answered, headers alone."""

    async def without_body(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await app(scope, receive, send)
            return

        async def headers_only(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
            elif not message.get("more_body", False):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        await app({**scope, "method": "GET", _HEAD_KEY: True}, receive, headers_only)

    return without_body


def lingering(app: ASGIApp) -> ASGIApp:
    """Where the answer is ready before the body was read, read a little more of it after the answer.

    A server that closes the connection at once resets it, and the client, still sending, never sees
    why. At most 16 MiB or 2 s; what asked first (`Expect: 100-continue`) need not be read.
    """

    async def patient(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not has_body(scope):
            await app(scope, receive, send)
            return
        is_read, is_begun = False, False

        async def noted() -> Message:
            nonlocal is_read, is_begun
            message = await receive()
            is_begun = True
            is_read = not message.get("more_body", False)
            return message

        async def unhurried(message: Message) -> None:
            is_last = message["type"] == "http.response.body" and not message.get("more_body")
            if not is_last or is_read or (_asked_first(scope) and not is_begun):
                await send(message)
                return
            await send({**message, "more_body": True})
            await _read_a_little(noted)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        await app(scope, noted, unhurried)

    return patient


async def _read_a_little(receive: Receive) -> None:
    left = _LINGER_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_S):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


def _asked_first(scope: Scope) -> bool:
    return any(name == b"expect" for name, _ in scope["headers"])


def size_of(message: Message) -> int:
    """Bytes of the body that a message of an answer holds, or names where they lie in a file."""
    return len(message.get("body", b"")) + int(message.get("count", 0))


async def _say_crash(exchange: Exchange, send: Send) -> None:
    body = f"Something went wrong (request {exchange.id}).\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _shown_path(scope: Scope) -> str:
    """The path as sent, without its query; nothing in it can break a line of the log."""
    raw = scope.get("raw_path")
    text = raw.decode("latin-1") if isinstance(raw, bytes) else quote(scope["path"])
    return text.partition("?")[0][:_LONGEST_PATH]
