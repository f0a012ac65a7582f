"""Errors as pages for people and as JSON for our scripts: one table, one function."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from polyreel.core.ingest import StorageFull
from polyreel.http.face import Crash, WrongMethod
from polyreel.http.uploads import ClientGone
from polyreel.kit.errors import (
    AppError,
    Busy,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    QuotaExceeded,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unsupported,
)
from polyreel.web.asking import Asking, now_asked
from polyreel.web.render import render, size
from polyreel.web.replies import html_reply

__all__ = ["answer"]

_TABLE: Mapping[type[AppError], tuple[int, str]] = {
    Invalid: (400, "That does not look right"),
    Unauthenticated: (401, "Please sign in"),
    Forbidden: (403, "Not allowed"),
    NotFound: (404, "Not here"),
    WrongMethod: (405, "Not possible here"),
    ClientGone: (408, "The connection ended"),
    Conflict: (409, "Not possible now"),
    Gone: (410, "This is gone"),
    TooLarge: (413, "Too large"),
    Unsupported: (415, "Not supported"),
    Busy: (429, "One moment"),
    Unavailable: (503, "Not available"),
    StorageFull: (507, "The disk is full"),
}
_MISSING = "There is nothing at this address, or it is not shared with you."
_CRASH = "Something went wrong on the server. It has been written down."
_RETRY_STATUSES = (408, 429, 500, 503)


def answer(error: AppError) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and body of an error, in the form the present request wants.

    Somebody unknown who wants a page is sent to sign in, and back after that.
    """
    asking = now_asked()
    status, title = _line(error)
    extra = _extra_headers(error)
    message = _sentence(error, status)
    if not asking.wants_page:
        return status, {**extra, "content-type": "application/json"}, _json(error, message)
    if isinstance(error, Unauthenticated) and asking.address:
        where = (
            "/login"
            if asking.address == asking.home
            else f"/login?next={quote(asking.address, safe='/')}"
        )
        return 303, {"location": where, "cache-control": "private, no-store"}, b""
    return _page(
        asking, status, {"title": title, "message": message, **_help(error, status)}, extra
    )


def _page(
    asking: Asking, status: int, context: Mapping[str, Any], extra: Mapping[str, str]
) -> tuple[int, Mapping[str, str], bytes]:
    body = render("error.html", status=status, **context)
    reply = html_reply(body, status=status, page=asking.page)
    return status, {**dict(reply.headers), **extra}, reply.body


def _line(error: AppError) -> tuple[int, str]:
    for kind in type(error).__mro__:
        if kind in _TABLE:
            return _TABLE[kind]
    return 500, "Something went wrong"


def _sentence(error: AppError, status: int) -> str:
    if status == 500:
        return _CRASH
    if isinstance(error, QuotaExceeded):
        limit = size(error.limit_bytes or 0)
        return f"Your storage is full: {size(error.used_bytes)} of {limit} are in use."
    if isinstance(error, TooLarge) and error.limit_bytes:
        return f"This is larger than the {size(error.limit_bytes)} this server accepts."
    if isinstance(error, NotFound) and error.message == NotFound.default:
        return _MISSING
    return error.message


def _extra_headers(error: AppError) -> dict[str, str]:
    if isinstance(error, Busy | Unavailable):
        return {"retry-after": str(error.retry_after_s)}
    if isinstance(error, WrongMethod):
        return {"allow": ", ".join(error.allowed)}
    return {}


def _help(error: AppError, status: int) -> dict[str, Any]:
    error_id = error.request_id if isinstance(error, Crash) else None
    return {"error_id": error_id, "retry": status in _RETRY_STATUSES}


def _json(error: AppError, message: str) -> bytes:
    said: dict[str, object] = {"message": message}
    if isinstance(error, Invalid) and error.fields:
        said["errors"] = error.fields
    if isinstance(error, Crash):
        said["error_id"] = error.request_id
    return msgspec.json.encode(said)
