"""How a request wants to be answered: known wherever it is being handled, errors included."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, cast
from urllib.parse import quote

from litestar import Request

from polyreel.http.auth import Client, header
from polyreel.http.middleware import Scope, ensure_exchange
from polyreel.web.replies import PageClass

__all__ = [
    "Asking",
    "PageRequest",
    "asked",
    "client_of",
    "is_insecure",
    "now_asked",
    "read_asking",
    "scope_of",
]

PageRequest = Request[Any, Any, Any]


@dataclass(frozen=True, kw_only=True)
class Asking:
    """`wants_page`: a person is looking, not a script. `address`: path and query, for coming back
    after signing in; empty where going there again makes no sense. `page`: how an error may look.
    `home`: where the library is.
    """

    wants_page: bool = True
    address: str = ""
    app_name: Callable[[], str] = lambda: "Polyreel"
    page: PageClass = "plain"
    home: str = "/"


_now: ContextVar[Asking] = ContextVar("polyreel.web.asking", default=Asking())  # noqa: B039 - frozen


def read_asking(
    scope: Scope, *, app_name: Callable[[], str], embed_allowed: bool, home: str = "/"
) -> Asking:
    """What a request wants, from its headers."""
    accepted = header(scope["headers"], "accept") or "*/*"
    wants_page = "text/html" in accepted or "*/*" in accepted
    is_player = scope["path"].startswith(("/v/", "/captcha/")) and embed_allowed
    query = scope["query_string"].decode("latin-1")
    path = quote(scope["path"], safe="/~!*'()@:,;=", errors="replace")
    return Asking(
        wants_page=wants_page and scope["path"] not in ("/upload", "/events", "/session"),
        address=(f"{path}?{query}" if query else path) if scope["method"] == "GET" else "",
        app_name=app_name,
        page="embed" if is_player else "plain",
        home=home,
    )


@contextmanager
def asked(asking: Asking) -> Iterator[None]:
    """Inside the block `now_asked` is `asking`, also in the threads it uses."""
    token = _now.set(asking)
    try:
        yield
    finally:
        _now.reset(token)


def now_asked() -> Asking:
    """How the request that is being handled wants to be answered."""
    return _now.get()


def is_insecure(client: Client) -> bool:
    """Whether others can read along: plain HTTP from another machine."""
    if client.scheme == "https" or not client.address:
        return False
    return not ip_address(client.address).is_loopback


def client_of(scope: Scope) -> Client:
    """The other end of a request."""
    return ensure_exchange(scope).client


def scope_of(request: PageRequest) -> Scope:
    """The scope of a framework's request, as our own functions take it."""
    return cast(Scope, request.scope)
