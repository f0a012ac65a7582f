"""From a request to the fields of a dataclass, as the upstream framework does it: names in any case,
from JSON, forms and the query, and the same words for the first rule that fails.

A field says its name in the API and its rules: `name: Annotated[str, Param("Name", REQUIRED, most(120))]`.
Numbers are unsigned. Source: the contract, 1.2 and 1.3.
"""

import dataclasses
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from litestar import Request

from polyreel.http.multipart import Form, Part
from polyreel.kit.errors import Invalid

__all__ = [
    "REQUIRED",
    "Malformed",
    "Param",
    "Rule",
    "Sent",
    "bind",
    "bind_texts",
    "least",
    "most",
    "sent_of",
]

_MOST_FIELDS = 1000
_GREATEST = 2**63 - 1
_QUERY_METHODS = frozenset({"GET", "HEAD", "DELETE"})

Pairs = Sequence[tuple[str, str]]
Model = TypeVar("Model")


class Malformed(Invalid):
    """A body or a value that is not even of the right kind."""

    default = "The request is malformed."


@dataclass(frozen=True)
class Rule:
    """`name` and `parameter` are what the client reads when `holds` is false."""

    name: str
    parameter: str
    holds: Callable[[Any], bool]


REQUIRED = Rule("required", "", bool)
"""Zero, the empty text and null count as missing."""


def least(limit: int) -> Rule:
    """At least so many characters, or so much."""
    return Rule("min", str(limit), lambda value: _measure(value) >= limit)


def most(limit: int) -> Rule:
    """At most so many characters, or so much."""
    return Rule("max", str(limit), lambda value: _measure(value) <= limit)


class Param:
    """A field's name in the API and its rules, in the order in which they are tried.

    A field that is not REQUIRED and was left out, or is empty, is not measured.
    """

    def __init__(self, name: str, *rules: Rule) -> None:
        self.name = name
        self.rules = rules

    def check(self, value: str | int) -> None:
        """Raises Invalid with the first rule that fails."""
        if not value and REQUIRED not in self.rules:
            return
        for rule in self.rules:
            if not rule.holds(value):
                raise Invalid(f"{self.name} [{rule.name}] : {rule.parameter}")


@dataclass(frozen=True, kw_only=True)
class Sent:
    """As much of a request as fields can come from; `query` without its question mark."""

    method: str = "GET"
    query: bytes = b""
    content_type: str = ""
    body: bytes = b""


def sent_of(request: Request[Any, Any, Any], body: bytes = b"") -> Sent:
    """The request, with its whole body where it has one."""
    return Sent(
        method=request.method,
        query=request.scope["query_string"],
        content_type=request.headers.get("content-type", ""),
        body=body,
    )


def bind(model: type[Model], sent: Sent, *, query: bool = False) -> Model:
    """The request's fields as a `model`, a dataclass; with `query` those of the query too.

    Raises Malformed, Invalid.
    """
    found: dict[str, Any] = {}
    params = _params(model)
    if query and sent.method in _QUERY_METHODS:
        found |= _from_texts(params, _pairs(sent.query))
    if sent.body:
        found |= _from_body(params, sent)
    return _checked(model, params, found)


def bind_texts(model: type[Model], texts: Mapping[str, str]) -> Model:
    """Fields that were read as text already. Raises Malformed, Invalid."""
    params = _params(model)
    return _checked(model, params, _from_texts(params, list(texts.items())))


def _params(model: type[Any]) -> dict[str, tuple[Param, type]]:
    """Field -> its Param and its type."""
    hints = typing.get_type_hints(model, include_extras=True)
    found = {}
    for field in dataclasses.fields(model):
        kind, param = typing.get_args(hints[field.name])
        found[field.name] = (param, kind)
    return found


def _checked(
    model: type[Model], params: Mapping[str, tuple[Param, type]], found: Mapping[str, Any]
) -> Model:
    values = {field: found.get(field, kind()) for field, (_, kind) in params.items()}
    for field, (param, _) in params.items():
        param.check(values[field])
    return model(**values)


def _from_body(params: Mapping[str, tuple[Param, type]], sent: Sent) -> dict[str, Any]:
    kind = sent.content_type.partition(";")[0].strip().lower()
    if kind == "application/json":
        return _from_json(params, sent.body)
    if kind == "application/x-www-form-urlencoded":
        return _from_texts(params, _pairs(sent.body))
    if kind == "multipart/form-data":
        return _from_texts(params, _parts(sent))
    raise Malformed


def _from_json(params: Mapping[str, tuple[Param, type]], body: bytes) -> dict[str, Any]:
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed from None
    if not isinstance(given, dict):
        raise Malformed
    found = {}
    for field, (param, kind) in params.items():
        value = _named(list(given.items()), param.name)
        if value is None:
            continue
        # A boolean is a number to Python, not to a client.
        if type(value) is not kind or (isinstance(value, int) and not 0 <= value <= _GREATEST):
            raise Malformed
        found[field] = value
    return found


def _from_texts(params: Mapping[str, tuple[Param, type]], pairs: Pairs) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field, (param, kind) in params.items():
        text = _named(pairs, param.name)
        if text is not None:
            found[field] = _number(text) if kind is int else text
    return found


def _named(pairs: Sequence[tuple[str, Any]], name: str) -> Any:
    """The value of this exact name, else of the first that differs in case alone; None without."""
    exact = next((value for key, value in pairs if key == name), None)
    if exact is not None:
        return exact
    return next((value for key, value in pairs if key.lower() == name.lower()), None)


def _number(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()) or len(text) > 40 or int(text) > _GREATEST:
        raise Malformed
    return int(text)


def _pairs(encoded: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            encoded.decode("latin-1"),
            keep_blank_values=True,
            errors="replace",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        raise Malformed from None


def _parts(sent: Sent) -> list[tuple[str, str]]:
    """The text parts of a form; files are no fields."""
    form = Form(sent.content_type)
    pairs: list[tuple[str, str]] = []
    part, data = None, bytearray()
    for event in form.parse(sent.body):
        if isinstance(event, Part):
            part = event
            data.clear()
        elif event is not None:
            data += event
        elif part is not None and not part.is_file:
            pairs.append((part.name, data.decode(errors="replace")))
    form.close()
    return pairs


def _measure(value: str | int) -> int:
    return len(value) if isinstance(value, str) else value
