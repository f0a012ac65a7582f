"""Every API of this server in one OpenAPI document, and the same as the page about it wants it."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec

from polyreel.http.openapi import make_document
from polyreel.http.operations import Api

__all__ = ["ApiDocument"]

_VERBS = ("get", "head", "post", "put", "patch", "delete", "options")


class ApiDocument:
    """The document of these APIs, made when it is first asked for."""

    def __init__(self, apis: Sequence[Api]) -> None:
        self._apis = apis

    @cached_property
    def whole(self) -> Mapping[str, Any]:
        """As a mapping."""
        return make_document(self._apis)

    @cached_property
    def text(self) -> bytes:
        """As JSON."""
        return msgspec.json.encode(self.whole)

    @cached_property
    def etag(self) -> str:
        """Names these bytes."""
        return f'"{hashlib.sha256(self.text).hexdigest()[:20]}"'

    @cached_property
    def chapters(self) -> Sequence[Mapping[str, Any]]:
        """For the page: `title`, and `operations` in the order of their paths."""
        found: dict[str, list[dict[str, Any]]] = {
            each["name"]: [] for each in self.whole["tags"] if ": " in each["name"]
        }
        for path, methods in self.whole["paths"].items():
            for method in _VERBS:
                if method in methods:
                    found[methods[method]["tags"][-1]].append(_shown(path, method, methods[method]))
        return [{"title": title, "operations": each} for title, each in found.items()]

    @cached_property
    def shapes(self) -> Sequence[Mapping[str, Any]]:
        """For the page: every named shape, with its fields."""
        return [
            {"name": name, "says": schema.get("description", ""), "fields": list(_fields(schema))}
            for name, schema in sorted(self.whole["components"]["schemas"].items())
        ]


def _shown(path: str, method: str, told_of: Mapping[str, Any]) -> dict[str, Any]:
    """One operation as the page wants it."""
    bodies: Mapping[str, Any] = told_of.get("requestBody", {}).get("content", {})
    schema: Mapping[str, Any] = next((each["schema"] for each in bodies.values()), {})
    return {
        "id": told_of["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": told_of["summary"],
        "says": told_of["description"],
        "who": told_of["x-who"],
        "keys": [name for each in told_of["security"] for name in each],
        "parameters": [
            {
                "name": each["name"],
                "place": each["in"],
                "required": each["required"],
                "says": each.get("description", ""),
                **_kind(each["schema"]),
            }
            for each in told_of.get("parameters", ())
        ],
        "kinds": list(bodies),
        "fields": list(_fields(schema)),
        "bytes": bool(bodies) and "properties" not in schema,
        "answers": [_answer(number, each) for number, each in told_of["responses"].items()],
    }


def _answer(number: str, told_of: Mapping[str, Any]) -> dict[str, Any]:
    content = told_of.get("content", {})
    schemas = [each["schema"] for each in content.values()]
    return {
        "status": number,
        "says": told_of["description"],
        "kinds": list(content),
        "headers": list(told_of.get("headers", ())),
        **_kind(schemas[0] if schemas else {}),
    }


def _fields(schema: Mapping[str, Any], prefix: str = "") -> Iterator[dict[str, Any]]:
    """The fields of an object, those of objects in it too, by the way to them."""
    required = schema.get("required", ())
    for name, each in schema.get("properties", {}).items():
        yield {
            "name": prefix + name,
            "required": name in required,
            "says": each.get("description", ""),
            **_kind(each),
        }
        if "$ref" not in each.get("items", each):
            suffix = "[]." if "items" in each else "."
            yield from _fields(each.get("items", each), f"{prefix}{name}{suffix}")


def _kind(schema: Mapping[str, Any]) -> dict[str, str]:
    """In words: `kind`, the named `shape` in it or "", and its `rules`."""
    if "anyOf" in schema:
        each = [_kind(one) for one in schema["anyOf"]]
        return {
            "kind": " or ".join(one["kind"] for one in each if one["kind"]),
            "shape": next((one["shape"] for one in each if one["shape"]), ""),
            "rules": ", ".join(one["rules"] for one in each if one["rules"]),
        }
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return {"kind": name, "shape": name, "rules": ""}
    if "items" in schema:
        inner = _kind(schema["items"])
        return {**inner, "kind": f"list of {inner['kind']}", "rules": _rules(schema)}
    if "const" in schema:
        return {"kind": msgspec.json.encode(schema["const"]).decode(), "shape": "", "rules": ""}
    kind = schema.get("format") or schema.get("type", "")
    return {"kind": kind, "shape": "", "rules": _rules(schema)}


def _rules(schema: Mapping[str, Any]) -> str:
    """What limits there are, in a few words."""
    told_of = []
    for low, high, of in (
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " items"),
        ("minimum", "maximum", ""),
    ):
        least, most = schema.get(low), schema.get(high)
        if of == "" and most is not None and most >= 2**53:
            most = None
        if least is not None and most is not None:
            told_of.append(f"{least} to {most}{of}")
        elif most is not None:
            told_of.append(f"at most {most}{of}")
        elif least:
            told_of.append(f"at least {least}{of}")
    if "enum" in schema:
        told_of.append("one of " + ", ".join(map(str, schema["enum"])))
    if "pattern" in schema:
        told_of.append(schema["pattern"])
    return ", ".join(told_of)
