"""What an error looks like in this API: the bodies of the vendor's framework (Laravel)."""

import msgspec

from polyreel.core.ingest import StorageFull
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

__all__ = ["UPLOADS_AT_ONCE", "answer"]

UPLOADS_AT_ONCE = 300
"""Uploads a tenant may begin at once; what X-RateLimit-Limit says."""

# Kind -> status and, where the API has words of its own, its message.
_TABLE: dict[type[AppError], tuple[int, str | None]] = {
    Invalid: (422, None),
    Unauthenticated: (401, "Unauthenticated."),
    Forbidden: (403, None),
    NotFound: (404, None),
    WrongMethod: (405, None),
    Conflict: (409, None),
    Gone: (410, None),
    TooLarge: (413, "The POST data is too large."),
    QuotaExceeded: (413, None),
    Unsupported: (415, None),
    Busy: (429, "Too Many Attempts."),
    Crash: (500, None),
    Unavailable: (503, None),
    StorageFull: (507, None),
}


def answer(error: AppError) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an error."""
    status, message = next(
        (_TABLE[kind] for kind in type(error).__mro__ if kind in _TABLE), (500, "Server Error")
    )
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    body: dict[str, object] = {"message": message or error.message}
    if isinstance(error, Invalid):
        fields = error.fields or {"video": [error.message]}
        body = {"message": _summary(fields), "errors": fields}
    elif isinstance(error, WrongMethod):
        headers["Allow"] = ", ".join(error.allowed)
        body["message"] = (
            f"The {error.method} method is not supported for route {error.path.strip('/')}. "
            f"Supported methods: {headers['Allow']}."
        )
    elif isinstance(error, Unavailable):
        headers["Retry-After"] = str(error.retry_after_s)
    elif isinstance(error, Busy):
        headers |= {
            "Retry-After": str(error.retry_after_s),
            "X-RateLimit-Limit": str(UPLOADS_AT_ONCE),
            "X-RateLimit-Remaining": "0",
        }
    return status, headers, msgspec.json.encode(body)


def _summary(fields: dict[str, list[str]]) -> str:
    """The first sentence, and how many more there are."""
    texts = [text for each in fields.values() for text in each] or ["The given data was invalid."]
    more = len(texts) - 1
    return texts[0] + (f" (and {more} more error{'s' if more > 1 else ''})" if more else "")
