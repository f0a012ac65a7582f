"""What an error looks like in this API: plain text, which its panel shows as it is."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from polyreel.http.face import Crash, WrongMethod
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

__all__ = ["answer", "answer_media", "missing_is_invalid"]

_TEXT = "text/plain; charset=UTF-8"
# Upstream's framework says the same whatever went wrong; the panel reads only the status there.
_FRAMEWORK_BODY = b'{"error":"Not found"}\n'
_TOO_FAST = "Too fast"

_API: Mapping[type[AppError], int] = {
    Invalid: 400,
    Unsupported: 400,
    # Never 401: the panel takes it for a broken server.
    Unauthenticated: 403,
    Forbidden: 403,
    QuotaExceeded: 403,
    NotFound: 404,
    WrongMethod: 404,
    Conflict: 409,
    Gone: 410,
    TooLarge: 413,
    Busy: 429,
    Crash: 500,
    Unavailable: 503,
}
# A fragment that is not made yet is no fault of the player's, which asks again after a 503.
_MEDIA = {**_API, Unauthenticated: 401, Busy: 503}


def answer(error: AppError) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an error under `/api`. Source: the contract, 1.4 and 1.6."""
    status = _status(error, _API)
    if status == 500 or _is_of_framework(error):
        return status, {"Content-Type": "application/json"}, _FRAMEWORK_BODY
    text = error.message
    if isinstance(error, Busy) and text == Busy.default:
        text = _TOO_FAST
    return status, _headers(error), text.encode()


def answer_media(error: AppError) -> tuple[int, dict[str, str], bytes]:
    """The same for media addresses; what has no words of its own is said by the status alone.

    Source: the contract, 4.2 and 4.4.
    """
    status = _status(error, _MEDIA)
    is_bare = status == 500 or (isinstance(error, NotFound) and error.message == NotFound.default)
    return status, _headers(error), b"" if is_bare else error.message.encode()


@contextmanager
def missing_is_invalid() -> Iterator[None]:
    """In most of this API an unknown id in a request is a wrong field of it, not a missing page."""
    try:
        yield
    except NotFound as error:
        raise Invalid(error.message) from None


def _status(error: AppError, table: Mapping[type[AppError], int]) -> int:
    return next((table[kind] for kind in type(error).__mro__ if kind in table), 500)


def _is_of_framework(error: AppError) -> bool:
    """True for an unknown path, a wrong method, a body beyond the limit of all bodies."""
    if isinstance(error, WrongMethod):
        return True
    return type(error) in (NotFound, TooLarge) and error.message == error.default


def _headers(error: AppError) -> dict[str, str]:
    headers = {"Content-Type": _TEXT}
    if isinstance(error, Busy | Unavailable):
        headers["Retry-After"] = str(error.retry_after_s)
    return headers
