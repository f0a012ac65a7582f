"""What those of our pages say about themselves that belong to an API: the player's, the captcha's, the
document's own.
"""

from collections.abc import Mapping
from typing import Any

from polyreel.http.operations import OPERATION, Given, Operation, Parameter, Who

__all__ = ["HTML", "told"]

HTML: Mapping[str, Any] = {"text/html": {"type": "string"}}
_NOTES = {
    303: "Go on there.",
    400: "What was sent does not look right.",
    404: "There is nothing at this address, or it is not shared with you.",
    429: "Too fast.",
    503: "Not now; Retry-After says when.",
}


def told(
    chapter: str,
    *errors: int,
    who: Who = "anyone",
    gives: Mapping[str, Any] = HTML,
    parameters: tuple[Parameter, ...] = (),
    takes: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What a handler's `opt` has besides `access`; `gives` nothing where the answer leads elsewhere."""
    answers = {number: Given(note=_NOTES[number], bodies=HTML) for number in (*errors, 429, 503)}
    if 303 in answers:
        answers[303] = Given(note=_NOTES[303], headers={"Location": "Where."})
    if gives:
        answers[200] = Given(note="Here it is.", bodies=gives, headers=headers or {})
    return {
        OPERATION: Operation(
            chapter=chapter, who=who, answers=answers, parameters=parameters, takes=takes or {}
        )
    }
