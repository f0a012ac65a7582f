"""What a route says about itself: what it takes, what it gives, and who may. The API document, its page
and the matrix of tests are made of nothing else.

A handler of the framework carries its `Operation` in its `opt`, under "operation"; what is raw ASGI
lists its routes beside the code that answers them.
"""

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from litestar.handlers import HTTPRouteHandler

from polyreel.http.middleware import ASGIApp, Receive, Scope, Send

__all__ = [
    "OPERATION",
    "Api",
    "ApiApp",
    "Given",
    "Operation",
    "Parameter",
    "Route",
    "Who",
    "find_operation",
    "routes_of",
]

OPERATION = "operation"
"""Where a handler's `opt` has it."""

Who = Literal["anyone", "viewer", "known", "login", "admin"]
"""Who may at all. `anyone`: without credentials; `viewer`: with the ticket that the player page gives;
`known`: a person with a login or a key; `login`: not with a key; `admin`: an administrator's login."""

Schema = Any
"""A type that msgspec knows, or a JSON schema as a mapping."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One value outside the body. What stands in a path is always `required`."""

    name: str
    place: Literal["path", "query", "header"]
    schema: Schema = field(default_factory=lambda: {"type": "string"})
    required: bool = False
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Given:
    """One answer. `bodies` by media type, none of them: it is empty; `headers` with what they hold."""

    note: str
    bodies: Mapping[str, Schema] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One route's declaration. `takes` by media type; `models` are what the handler binds, to compare.

    With `admins_reach_all` an administrator may name anybody's things, and everyone else their own.
    """

    chapter: str
    who: Who
    answers: Mapping[int, Given]
    parameters: Sequence[Parameter] = ()
    takes: Mapping[str, Schema] = field(default_factory=dict)
    must_take: bool = False
    admins_reach_all: bool = False
    models: tuple[type, ...] = ()

    @property
    def success(self) -> int:
        """The status of its usual answer."""
        return min(self.answers)

    def __deepcopy__(self, memo: object) -> "Operation":
        """Itself: nothing of it changes, and the framework copies whatever it registers."""
        return self


@dataclass(frozen=True, kw_only=True)
class Route:
    """A method at a path (`/v/{uuid}`), what it does in a few sentences, and its declaration; None
    where somebody forgot it, which a test finds.
    """

    method: str
    path: str
    says: str
    operation: Operation | None


@dataclass(frozen=True, kw_only=True)
class Api:
    """One API of the server: how it introduces itself, what it serves, and by what one is known there
    (`security`: what the document says of each `Who`, names of `schemes`).
    """

    name: str
    title: str
    says: str
    routes: Sequence[Route]
    schemes: Mapping[str, Mapping[str, str]]
    security: Mapping[Who, Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class ApiApp:
    """An ASGI app that can say what it serves."""

    api: Api
    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self.app(scope, receive, send)


def find_operation(handler: Any) -> Operation | None:
    """The declaration in the handler's `opt`, or None."""
    found = handler.opt.get(OPERATION)
    return found if isinstance(found, Operation) else None


def routes_of(handlers: Iterable[HTTPRouteHandler]) -> list[Route]:
    """Every path and method of the framework's handlers, by path."""
    found = [
        Route(
            method=str(method),
            path=re.sub(r":[a-z]+}", "}", path),
            says=inspect.getdoc(handler.fn) or "",
            operation=find_operation(handler),
        )
        for handler in handlers
        for path in handler.paths
        for method in handler.http_methods
    ]
    return sorted(found, key=lambda each: (each.path, each.method))
