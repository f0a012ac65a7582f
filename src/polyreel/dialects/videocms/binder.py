"""From a request to the fields of a dataclass, as the upstream framework does it: names in any case,
from JSON, XML, forms and the query, and the same words for the first rule that fails.

A field says its name in the API and its rules: `name: Annotated[str, Param("Name", REQUIRED, most(120))]`.
It is an int, a float, a bool or a str; with `| None` it is known whether it was sent; or a list of
ints, of strs or of such dataclasses. Integers are unsigned. Source: the contract, 1.2 and 1.3.
"""

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from litestar import Request

from polyreel.dialects.videocms.rules import (
    FALSE_TEXTS,
    REQUIRED,
    TRUE_TEXTS,
    Rule,
    least,
    most,
)
from polyreel.dialects.videocms.xml_bodies import Element, NotXml, read_xml
from polyreel.http.multipart import text_parts
from polyreel.kit.errors import Invalid

__all__ = [
    "GREATEST",
    "REQUIRED",
    "Field",
    "Malformed",
    "Param",
    "Rule",
    "Sent",
    "bind",
    "bind_fields",
    "bind_texts",
    "fields_of",
    "least",
    "most",
    "sent_of",
    "text_fields",
]

_MOST_FIELDS = 1000
GREATEST = 2**63 - 1
"""The largest number that is taken."""

_QUERY_METHODS = frozenset({"GET", "HEAD", "DELETE"})

Pairs = Sequence[tuple[str, Any]]
Model = TypeVar("Model")


class Malformed(Invalid):
    """A body or a value that is not even of the right kind."""

    default = "The request is malformed."


class Param:
    """A field's name in the API and its rules, in the order in which they are tried; `each` are the
    rules of a list's items. `sent_as` is how clients spell it, where that is not the name.

    A field that is not REQUIRED and was left out, or is empty, is not measured; one that may be None
    is measured as soon as it was sent.
    """

    def __init__(
        self, name: str, *rules: Rule, each: Iterable[Rule] = (), sent_as: str = ""
    ) -> None:
        self.name = name
        self.sent_as = sent_as or name
        self.rules = rules
        self.each = tuple(each)

    def check(self, value: Any, *, is_measured: bool = False) -> None:
        """Raises Invalid with the first rule that fails."""
        if value is None or not (value or is_measured or isinstance(value, list)):
            if REQUIRED in self.rules and not REQUIRED.holds(value):
                raise _broken(self.name, REQUIRED)
            return
        for rule in self.rules:
            if not rule.holds(value):
                raise _broken(self.name, rule)
        if isinstance(value, list):
            self._check_items(value)

    def _check_items(self, items: Sequence[Any]) -> None:
        for number, item in enumerate(items):
            for rule in self.each:
                if not rule.holds(item):
                    raise _broken(f"{self.name}[{number}]", rule)


@dataclass(frozen=True, kw_only=True)
class Sent:
    """As much of a request as fields can come from; `query` without its question mark."""

    method: str = "GET"
    query: bytes = b""
    content_type: str = ""
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a model: `kind` int, float, bool, str, or a dataclass; of each item where it `is_list`."""

    param: Param
    kind: Any
    is_list: bool = False
    may_be_none: bool = False

    @property
    def missing(self) -> Any:
        """The value where nothing was sent."""
        if self.may_be_none or (self.is_list and REQUIRED in self.param.rules):
            return None
        return [] if self.is_list else self.kind()


Fields = Mapping[str, Field]


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
    return model(**_checked(fields_of(model), sent, query=query))


def bind_fields(wanted: Mapping[str, Param], sent: Sent) -> dict[str, str]:
    """Texts from the request's body by the names of `wanted`, for what is listed in a table. Raises
    Malformed, Invalid.
    """
    return _checked(text_fields(wanted), sent)


def text_fields(wanted: Mapping[str, Param]) -> Fields:
    """A text for each name of a table."""
    return {name: Field(param=param, kind=str) for name, param in wanted.items()}


def bind_texts(model: type[Model], texts: Mapping[str, str]) -> Model:
    """Fields that were read as text already. Raises Malformed, Invalid."""
    fields = fields_of(model)
    return model(**_complete(fields, _from_texts(fields, list(texts.items()))))


def _broken(name: str, rule: Rule) -> Invalid:
    return Invalid(f"{name} [{rule.name}] : {rule.parameter}")


def fields_of(model: Any) -> Fields:
    """Every field of a model, by its name in our code."""
    return _worked_out(model)


# It is asked for with every item of a list.
@functools.cache
def _worked_out(model: type[Any]) -> Fields:
    hints = typing.get_type_hints(model, include_extras=True)
    return {field.name: _field(hints[field.name]) for field in dataclasses.fields(model)}


def _field(hint: Any) -> Field:
    kind, param = typing.get_args(hint)
    if typing.get_origin(kind) is list:
        return Field(param=param, kind=typing.get_args(kind)[0], is_list=True)
    if isinstance(kind, types.UnionType):
        return Field(param=param, kind=typing.get_args(kind)[0], may_be_none=True)
    return Field(param=param, kind=kind)


def _checked(fields: Fields, sent: Sent, *, query: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if query and sent.method in _QUERY_METHODS:
        found |= _from_texts(fields, _pairs(sent.query))
    if sent.body:
        found |= _from_body(fields, sent)
    return _complete(fields, found)


def _complete(fields: Fields, found: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: found.get(name, field.missing) for name, field in fields.items()}
    for name, field in fields.items():
        field.param.check(values[name], is_measured=field.may_be_none)
    return values


def _from_body(fields: Fields, sent: Sent) -> dict[str, Any]:
    kind = sent.content_type.partition(";")[0].strip().lower()
    if kind == "application/json":
        return _from_json(fields, sent.body)
    if kind == "application/x-www-form-urlencoded":
        return _from_texts(fields, _pairs(sent.body))
    if kind == "multipart/form-data":
        return _from_texts(fields, text_parts(sent.content_type, sent.body))
    if kind in ("application/xml", "text/xml"):
        return _from_xml(fields, sent.body)
    raise Malformed


def _from_json(fields: Fields, body: bytes) -> dict[str, Any]:
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed from None
    return _from_object(fields, given)


def _from_xml(fields: Fields, body: bytes) -> dict[str, Any]:
    try:
        given = read_xml(body)
    except NotXml:
        raise Malformed from None
    return _from_element(fields, given)


def _from_element(fields: Fields, given: Element) -> dict[str, Any]:
    found = {}
    for name, field in fields.items():
        values = [
            _from_inside(field.kind, each) for each in _all_named(given.inside, field.param.sent_as)
        ]
        if values:
            found[name] = values if field.is_list else values[0]
    return found


def _from_inside(kind: Any, element: Element) -> Any:
    """An element as a `kind`."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        fields = fields_of(kind)
        return kind(**_complete(fields, _from_element(fields, element)))
    return _from_text(kind, element.text if kind is str else element.text.strip())


def _from_object(fields: Fields, given: object) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise Malformed
    pairs = list(given.items())
    found = {}
    for name, field in fields.items():
        value = _named(pairs, field.param.sent_as)
        if value is None:
            continue
        if not field.is_list:
            found[name] = _from_value(field.kind, value)
        elif isinstance(value, list):
            found[name] = [_from_value(field.kind, each) for each in value]
        else:
            raise Malformed
    return found


def _from_value(kind: Any, value: Any) -> Any:
    """A value of JSON as a `kind`."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        fields = fields_of(kind)
        return kind(**_complete(fields, _from_object(fields, value)))
    if kind is float and type(value) is int:
        value = float(value) if abs(value) <= GREATEST else math.inf
    # A boolean is a number to Python, not to a client.
    if type(value) is not kind:
        raise Malformed
    if kind is int and not 0 <= value <= GREATEST:
        raise Malformed
    if kind is float and not math.isfinite(value):
        raise Malformed
    return value


def _from_texts(fields: Fields, pairs: Pairs) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, field in fields.items():
        if dataclasses.is_dataclass(field.kind):
            continue
        if field.is_list:
            texts = _all_named(pairs, field.param.sent_as)
            if texts:
                found[name] = [_from_text(field.kind, text) for text in texts]
            continue
        text = _named(pairs, field.param.sent_as)
        if text is not None:
            found[name] = _from_text(field.kind, text)
    return found


def _from_text(kind: Any, text: str) -> Any:
    """A text of a form or a query as a `kind`; the empty one is zero."""
    if kind is str:
        return text
    if not text:
        return kind()
    if kind is bool:
        if text not in TRUE_TEXTS | FALSE_TEXTS:
            raise Malformed
        return text in TRUE_TEXTS
    return _number(text) if kind is int else _decimal(text)


def _named(pairs: Pairs, name: str) -> Any:
    """The value of this exact name, else of the first that differs in case alone; None without."""
    exact = next((value for key, value in pairs if key == name), None)
    if exact is not None:
        return exact
    return next((value for key, value in pairs if key.lower() == name.lower()), None)


def _all_named(pairs: Pairs, name: str) -> list[Any]:
    exact = [value for key, value in pairs if key == name]
    return exact or [value for key, value in pairs if key.lower() == name.lower()]


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 40 or int(text) > GREATEST:
        raise Malformed
    return int(text)


def _decimal(text: str) -> float:
    try:
        value = float(text) if len(text) <= 40 and "_" not in text else math.inf
    except ValueError:
        raise Malformed from None
    if not math.isfinite(value):
        raise Malformed
    return value


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
