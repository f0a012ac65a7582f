"""What a handler of this API says about itself: `@put("/api/file", opt=told(FILES, takes=RenamedLink))`.

The usual is what need not be said: a person with a login or a key, an empty 200, and the errors that
follow from what is taken. Contract: sections 1.2 to 1.6.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from polyreel.dialects.videocms.binder import Field
from polyreel.dialects.videocms.schemas import (
    FORM,
    JSON,
    MULTIPART,
    XML,
    fields_of,
    is_flat,
    object_of,
)
from polyreel.http.operations import OPERATION, Given, Operation, Parameter, Who

__all__ = ["EMPTY", "TEXT", "bodies_of", "error_given", "errors_given", "file_told", "told"]

Models = type | tuple[type, ...]

EMPTY: Mapping[str, Any] = {}
"""An answer without a body."""

TEXT: Mapping[str, Any] = {"text/plain": {"type": "string"}}
"""An answer of plain text, which the panel shows as it is."""

_FRAMEWORK = {
    "type": "object",
    "properties": {"error": {"type": "string", "const": "Not found"}},
    "required": ["error"],
}
_NOTES = {
    400: "What was sent is malformed, breaks a rule of its fields, or names what is not there.",
    401: "The player page gives the cookie that is missing.",
    403: "No credentials, or none that are enough.",
    404: "Not there.",
    405: "Not with this method.",
    409: "Not in its present state.",
    410: "It was there, and is gone.",
    412: "Another version of the protocol.",
    413: "Larger than is allowed.",
    423: "Another request is at work on it.",
    460: "The bytes are not those of the checksum.",
    429: "Too fast, or too much at once.",
    503: "Not now; Retry-After says when.",
}


def told(  # noqa: PLR0913 - what there is to say
    chapter: str,
    *,
    who: Who = "known",
    admins: bool = False,
    query: Models = (),
    takes: Models | Mapping[str, Any] = (),
    gives: Any = EMPTY,
    status: int = 200,
    path: Mapping[str, Any] | None = None,
    also: Sequence[int] = (),
    fails: Mapping[int, Any] | None = None,
) -> dict[str, Any]:
    """The `opt` of a handler. `gives` is a type, told as JSON, or bodies by media type; `also` are
    error statuses beside the usual, `fails` those with a body of their own; `path` says what ids in the path are, where they are no numbers.

    What a handler reads from its body or its query, whichever has it, is in `takes` and in `query`.
    """
    models = _tuple(query) + (() if isinstance(takes, Mapping) else _tuple(takes))
    bodies = dict(takes) if isinstance(takes, Mapping) else _bodies(_tuple(takes))
    ids = path or {}
    parameters = [Parameter(name=name, place="path", schema=ids[name]) for name in ids]
    parameters += _query(_tuple(query), is_optional=bool(bodies))
    statuses = {403} if who != "anyone" else set()
    statuses |= {400} if models or bodies or ids else set()
    statuses |= {413} if bodies else set()
    operation = Operation(
        chapter=chapter,
        who=who,
        admins_reach_all=admins,
        parameters=parameters,
        takes=bodies,
        must_take=bool(bodies) and not query,
        answers={
            status: Given(note=_good(gives), bodies=_given(gives)),
            **errors_given(statuses | set(also) | {429, 503}),
            **{
                number: Given(note=_NOTES[number], bodies=_given(body))
                for number, body in (fails or {}).items()
            },
        },
        models=models,
    )
    access = {"access": "anyone"} if who == "anyone" else {}
    return {OPERATION: operation, **access}


def file_told(file: str, model: type, **texts: Any) -> dict[str, Any]:
    """What `takes` is of a form with a file in it."""
    form = object_of(fields_of(model))
    form["properties"] = {
        **form["properties"],
        file: {"type": "string", "format": "binary"},
        **texts,
    }
    form["required"] = [*form.get("required", ()), file]
    return {MULTIPART: form}


def bodies_of(fields: Mapping[str, Field]) -> dict[str, Any]:
    """What `takes` is of these fields, by media type: forms hold no objects in lists."""
    told_of = object_of(fields)
    kinds = (JSON, FORM, MULTIPART, XML) if is_flat(fields) else (JSON, XML)
    return dict.fromkeys(kinds, told_of)


def errors_given(statuses: set[int]) -> dict[int, Given]:
    """What this API says with each of these."""
    return {status: error_given(status) for status in sorted(statuses)}


def error_given(status: int) -> Given:
    """Plain text; JSON where upstream's framework speaks."""
    bodies = dict(TEXT)
    if status in (404, 413):
        bodies[JSON] = _FRAMEWORK
    headers = {"Retry-After": "Seconds."} if status == 503 else {}
    return Given(note=_NOTES[status], bodies=bodies, headers=headers)


def _tuple(models: Models) -> tuple[type, ...]:
    return models if isinstance(models, tuple) else (models,)


def _bodies(models: tuple[type, ...]) -> dict[str, Any]:
    if not models:
        return {}
    return bodies_of({name: each for model in models for name, each in fields_of(model).items()})


def _query(models: tuple[type, ...], *, is_optional: bool) -> list[Parameter]:
    found = []
    for model in models:
        told_of = object_of(fields_of(model))
        required = () if is_optional else told_of.get("required", ())
        for name, schema in told_of["properties"].items():
            note = "Instead of the body." if is_optional else ""
            found.append(
                Parameter(
                    name=name, place="query", schema=schema, required=name in required, note=note
                )
            )
    return found


def _given(gives: Any) -> Mapping[str, Any]:
    if isinstance(gives, Mapping):
        # A schema of its own says what type it is; bodies by media type do not.
        return {JSON: gives} if "type" in gives else gives
    return {JSON: gives}


def _good(gives: Any) -> str:
    return "Done." if gives == EMPTY else "Here it is." if gives != TEXT else "Done, in words."
