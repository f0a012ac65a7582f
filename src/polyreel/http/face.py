"""A Face: one Litestar application with its own way to know people and its own voice for errors.

A handler is a plain `def` with `sync_to_thread=True`; it may ask for `tools: ServerTools` and for
`actor: KnownActor` (or `AnyActor`); those two names are fixed.
Every route needs a known person, unless its `opt` says otherwise: `access="known"` finds out who
it is where that is said (`actor` may be None), `access="anyone"` does not look.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, cast

from litestar import Litestar, Request, Response, Router
from litestar.concurrency import sync_to_thread
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.exceptions import (
    ClientException,
    HTTPException,
    MethodNotAllowedException,
    NotAuthorizedException,
    NotFoundException,
    PermissionDeniedException,
    TooManyRequestsException,
    ValidationException,
)
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import BaseRouteHandler
from litestar.params import SkipValidation

from polyreel.core.users import Actor, KeyAudit
from polyreel.http.middleware import (
    ASGIApp,
    Message,
    Receive,
    Scope,
    Send,
    ensure_exchange,
    head_from_get,
)
from polyreel.http.uploads import ClientGone
from polyreel.infra.tools import Tools
from polyreel.kit.errors import (
    AppError,
    Busy,
    Forbidden,
    Invalid,
    NotFound,
    TooLarge,
    Unauthenticated,
)

__all__ = [
    "Access",
    "Answer",
    "AnyActor",
    "Authenticate",
    "Crash",
    "KnownActor",
    "Routes",
    "ServerTools",
    "WrongMethod",
    "kind_of",
    "make_face",
    "raw_of",
    "send_answer",
]

Access = Literal["login", "known", "anyone"]

Answer = Callable[[AppError], tuple[int, Mapping[str, str], bytes]]
"""What an error looks like in one API: status, headers, body. It never raises."""

Authenticate = Callable[[Tools, Scope], Actor | None]
"""Who sent this request; None where it does not say. Runs in a thread. Raises Unauthenticated,
Forbidden."""

KnownActor = SkipValidation[NamedDependency[Actor]]
AnyActor = SkipValidation[NamedDependency[Actor | None]]
ServerTools = SkipValidation[NamedDependency[Tools]]

MAX_BODY_BYTES = 1024 * 1024
# Anyone may send a form: nobody holds a connection for ever by sending it a byte at a time.
BODY_S = 60.0

_log = logging.getLogger(__name__)


class WrongMethod(AppError):
    """The path is known, the method is not among `allowed`."""

    default = "This method is not possible here."

    def __init__(self, method: str, path: str, allowed: Sequence[str]) -> None:
        self.method, self.path, self.allowed = method, path, tuple(allowed)
        super().__init__()


class Crash(AppError):
    """A mistake of ours; `request_id` finds it in the log, and is all that is told."""

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        super().__init__(f"Something went wrong (request {request_id}).")


def make_face(  # noqa: PLR0913 - all that makes one API different from another
    name: str,
    routes: Sequence[BaseRouteHandler],
    *,
    tools: Tools,
    answer: Answer,
    authenticate: Authenticate,
    audit: KeyAudit | None = None,
    auth_first: bool = False,
) -> ASGIApp:
    """The ASGI app of one API. Bodies are read up to 1 MiB; a route may say `request_max_body_size`.

    `audit` notes every request made with a key. With `auth_first` nobody unknown learns which paths
    and methods there are.
    """
    gate = _Gate(name=name, tools=tools, answer=answer, authenticate=authenticate, audit=audit)
    litestar = Litestar(
        # Inside a router, since Litestar breaks handlers that share a path at the top of an app.
        route_handlers=[Routes(path="/", route_handlers=list(routes))],
        guards=[] if auth_first else [gate.guard],
        exception_handlers={HTTPException: gate.say, Exception: gate.say},
        dependencies={
            "tools": Provide(lambda: tools, sync_to_thread=False),
            "actor": Provide(_actor_of, sync_to_thread=False),
        },
        state=State({"tools": tools}),
        request_class=_Request,
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=None,
        logging_config=None,
    )

    async def face(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            ensure_exchange(scope)
            if auth_first and not await gate.opens(scope, send):
                return
        await litestar(cast(Any, scope), cast(Any, _unbroken(receive)), cast(Any, send))

    return head_from_get(face)


class Routes(Router):
    """The framework's, made for one app, which would copy every handler anew: a quarter of a start."""

    def __deepcopy__(self, memo: object) -> Self:
        return self


class _Request(Request[Any, Any, Any]):
    """The framework's, where JSON that is no text, or too deep, is as wrong as any other, and a body
    that is read as a whole comes soon or not at all.
    """

    async def body(self) -> bytes:
        try:
            async with asyncio.timeout(BODY_S):
                return await super().body()
        except TimeoutError:
            raise ClientGone from None

    async def json(self) -> Any:
        try:
            return await super().json()
        except (UnicodeDecodeError, RecursionError):
            raise Invalid from None


def _unbroken(receive: Receive) -> Receive:
    """`receive` that raises ClientGone for a body that ends early: the framework calls that our crash."""

    async def told() -> Message:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        return message

    return told


@dataclass(frozen=True, kw_only=True)
class _Gate:
    """Who comes in, and what is said to who may not."""

    name: str
    tools: Tools
    answer: Answer
    authenticate: Authenticate
    audit: KeyAudit | None

    async def guard(
        self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
    ) -> None:
        """Litestar asks this for every route it found."""
        await self._know(cast(Scope, connection.scope), handler.opt.get("access", "login"))

    async def opens(self, scope: Scope, send: Send) -> bool:
        """Ask before there is a route; where the answer is no it is sent."""
        try:
            await self._know(scope, "login")
        except Exception as error:  # noqa: BLE001 - every error has an answer
            await send_answer(send, self.answer(kind_of(error, scope, self.name)))
            return False
        return True

    def say(self, request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        """What Litestar sends for an exception, also for those of its own router."""
        scope = cast(Scope, request.scope)
        status, headers, body = self.answer(kind_of(error, scope, self.name))
        given = {name.lower(): text for name, text in headers.items()}
        # As a header, since to a media type of text the framework adds its own charset.
        return Response(content=body, status_code=status, headers=given)

    async def _know(self, scope: Scope, access: Access) -> None:
        if access == "anyone":
            return
        exchange = ensure_exchange(scope)
        try:
            exchange.actor = await sync_to_thread(self.authenticate, self.tools, scope)
        except Unauthenticated:
            if access == "login":
                raise
        if exchange.actor is None:
            if access == "login":
                raise Unauthenticated
        elif self.audit is not None:
            address = exchange.client.address
            self.audit.record(exchange.actor, scope["method"], scope["path"], address)


async def send_answer(send: Send, answered: tuple[int, Mapping[str, str], bytes]) -> None:
    """Send one whole answer from outside the framework."""
    status, headers, body = answered
    lines = [(key.lower().encode(), text.encode("latin-1")) for key, text in headers.items()]
    lines.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def raw_of(request: Request[Any, Any, Any]) -> tuple[Scope, Receive]:
    """The ASGI scope and channel of a request, for a handler that reads the body itself."""
    return cast(Scope, request.scope), cast(Receive, request.receive)


def _actor_of(request: Request[Any, Any, Any]) -> Actor | None:
    return ensure_exchange(cast(Scope, request.scope)).actor


def kind_of(error: Exception, scope: Any, face: str) -> AppError:
    """The kind behind any exception; what is no error of ours or the framework's is logged."""
    exchange = ensure_exchange(scope)
    kind = error if isinstance(error, AppError) else _kind_of_framework(error, scope)
    if kind is None:
        kind = Crash(exchange.id)
        _log.error(
            "%s: request %s crashed", face, exchange.id, exc_info=error, extra={"face": face}
        )
    exchange.error = type(kind).__name__
    return kind


def _kind_of_framework(error: Exception, scope: Any) -> AppError | None:
    if isinstance(error, MethodNotAllowedException):
        return WrongMethod(scope["method"], scope["path"], _allowed(error))
    if isinstance(error, ValidationException):
        return Invalid(fields=_fields(error.extra))
    for framework, ours in _KINDS.items():
        if isinstance(error, framework):
            return ours()
    return None


_KINDS: dict[type[Exception], type[AppError]] = {
    NotFoundException: NotFound,
    NotAuthorizedException: Unauthenticated,
    PermissionDeniedException: Forbidden,
    RequestEntityTooLarge: TooLarge,
    TooManyRequestsException: Busy,
    # A body that is no JSON, a length that lies, a host that is none.
    ClientException: Invalid,
}


def _allowed(error: MethodNotAllowedException) -> list[str]:
    names = {each.strip() for each in (error.headers or {}).get("allow", "").split(",")}
    names -= {"", "OPTIONS"}
    return sorted(names | {"HEAD"} if "GET" in names else names)


def _fields(extra: object) -> dict[str, list[str]]:
    """Field -> sentences, of what the framework says about a body or query that does not fit."""
    found: dict[str, list[str]] = {}
    for each in extra if isinstance(extra, list) else []:
        if isinstance(each, dict):
            found.setdefault(str(each.get("key", "")), []).append(str(each.get("message", "")))
    return found
