"""What the binder takes, as JSON schemas: the same fields and rules that it checks with. Pure."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from polyreel.dialects.videocms.binder import GREATEST, REQUIRED, Field, fields_of
from polyreel.dialects.videocms.rules import Rule

__all__ = [
    "FORM",
    "JSON",
    "MULTIPART",
    "ROW_ID",
    "UUID_TEXT",
    "XML",
    "fields_of",
    "is_flat",
    "object_of",
    "texts_row",
]

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
XML = "application/xml"

ROW_ID: Mapping[str, Any] = {"type": "integer", "minimum": 0, "maximum": GREATEST}
"""A row's number in a path."""

UUID_TEXT: Mapping[str, Any] = {"type": "string", "format": "uuid"}

_KINDS = {int: "integer", float: "number", bool: "boolean", str: "string"}
# How a limit is called depends on what it measures.
_LEAST = {"integer": "minimum", "number": "minimum", "string": "minLength", "array": "minItems"}
_MOST = {"integer": "maximum", "number": "maximum", "string": "maxLength", "array": "maxItems"}


def object_of(fields: Mapping[str, Field]) -> dict[str, Any]:
    """The object that holds these fields; others in it are ignored."""
    told: dict[str, Any] = {
        "type": "object",
        "properties": {each.param.sent_as: _schema(each) for each in fields.values()},
    }
    required = [each.param.sent_as for each in fields.values() if REQUIRED in each.param.rules]
    return {**told, "required": required} if required else told


def texts_row(names: Iterable[str]) -> dict[str, Any]:
    """A row whose columns are all texts."""
    times = {"type": "string", "format": "date-time"}
    properties: dict[str, Any] = {
        "ID": {"type": "integer"},
        "CreatedAt": times,
        "UpdatedAt": times,
        "DeletedAt": {"type": "null"},
        **{name: {"type": "string"} for name in names},
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def is_flat(fields: Mapping[str, Field]) -> bool:
    """Whether a form can hold them."""
    return not any(dataclasses.is_dataclass(each.kind) for each in fields.values())


def _schema(field: Field) -> dict[str, Any]:
    item = _one(field.kind)
    if not field.is_list:
        return _with_empty(field, _ruled(item, field.param.rules))
    return _ruled({"type": "array", "items": _ruled(item, field.param.each)}, field.param.rules)


def _one(kind: Any) -> dict[str, Any]:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return object_of(fields_of(kind))
    if kind is int:
        return dict(ROW_ID)
    return {"type": _KINDS[kind]}


def _ruled(schema: dict[str, Any], rules: tuple[Rule, ...]) -> dict[str, Any]:
    kind = schema["type"]
    for rule in rules:
        told = dict(rule.tells)
        least, most = told.pop("least", None), told.pop("most", None)
        if rule is REQUIRED and kind in ("string", "integer"):
            least = max(1, schema.get(_LEAST[kind], 0))
        if least is not None:
            told[_LEAST[kind]] = max(least, schema.get(_LEAST[kind], least))
        if most is not None:
            told[_MOST[kind]] = most
        schema |= told
    return schema


def _with_empty(field: Field, schema: dict[str, Any]) -> dict[str, Any]:
    """What need not be sent may be empty too, whatever its rules say of what is not."""
    is_measured = field.may_be_none or REQUIRED in field.param.rules
    if is_measured or set(schema) <= {"type", "minimum", "maximum", "maxLength"}:
        return schema
    return {"anyOf": [{"const": "" if field.kind is str else 0}, schema]}
