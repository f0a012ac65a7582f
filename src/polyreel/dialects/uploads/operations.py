"""What a handler of this API says about itself. Errors are the same everywhere: its document, section 1."""

from collections.abc import Mapping
from typing import Any

import msgspec

from polyreel.http.operations import OPERATION, Given, Operation, Parameter

__all__ = ["told"]

JSON = "application/json"
_NO_STORE = {"Cache-Control": "no-store"}


class Refused(msgspec.Struct):
    """Why not."""

    message: str


class RefusedFields(msgspec.Struct):
    """Why not, and by field."""

    message: str
    errors: dict[str, list[str]]


_ERRORS: Mapping[int, tuple[str, Any]] = {
    401: ("No key, or none that is known.", Refused),
    403: ("The key may not do this.", Refused),
    404: ("Not there.", Refused),
    413: ("Larger than is allowed, or than there is room for.", Refused),
    422: ("A field is missing or wrong.", RefusedFields),
    429: ("Too many at once; Retry-After says when.", Refused),
    503: ("Not now; Retry-After says when.", Refused),
    507: ("The disk is full.", Refused),
}


def told(
    gives: Any,
    *errors: int,
    status: int = 200,
    takes: Mapping[str, Any] | None = None,
    parameters: tuple[Parameter, ...] = (),
) -> dict[str, Any]:
    """The `opt` of a handler that answers with a `gives`; `errors` beside those of every route."""
    refused = {
        number: Given(note=_ERRORS[number][0], bodies={JSON: _ERRORS[number][1]})
        for number in sorted({401, 403, 503, *errors})
    }
    good = Given(note="Here it is.", bodies={JSON: gives}, headers=_NO_STORE)
    return {
        OPERATION: Operation(
            chapter="Uploads",
            who="known",
            parameters=parameters,
            takes=takes or {},
            must_take=bool(takes),
            answers={status: good, **refused},
        )
    }
