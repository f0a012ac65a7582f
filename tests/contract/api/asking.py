"""A request for any route, made of its declaration and of what somebody has."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

PICTURE = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99=\x1d\x00\x00\x00\x00IEND\xaeB`\x82"
)
BOUNDARY = "b0undary"


@dataclass(frozen=True)
class Wish:
    """One request; `named`: which of somebody's things it names."""

    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    named: frozenset[str] = frozenset()


def make_wish(route, told, things, special):
    """The request of `route`, whose part of the document is `told`. `special` goes before `things`."""
    known = {**things, **special}
    named: set[str] = set()

    def value(name, schema):
        if name in known:
            named.add(name)
            return known[name]
        return sample(schema)

    path, query, headers = route.path, {}, {}
    body_of = told.get("requestBody", {}).get("content", {})
    for each in told.get("parameters", ()):
        name = each["name"]
        wanted = each["required"] or name in special or (name in known and not body_of)
        if not wanted:
            continue
        found = value(name, each["schema"])
        if each["in"] == "path":
            path = path.replace(f"{{{name}}}", str(found))
        elif each["in"] == "query":
            query[name] = found
        else:
            headers[name] = str(found)
    body = b""
    if body_of:
        kind = "application/json" if "application/json" in body_of else next(iter(body_of))
        schema = body_of[kind]["schema"]
        if schema.get("properties"):
            fields = {
                name: value(name, each)
                for name, each in schema["properties"].items()
                if name in schema.get("required", ()) or name in known
            }
            body, kind = _packed(fields, kind)
        else:
            body = special.get("body", b"1234")
        headers["content-type"] = kind
    address = f"{path}?{urlencode(query)}" if query else path
    return Wish(address, body, headers, frozenset(named))


def _packed(fields: dict[str, Any], kind: str) -> tuple[bytes, str]:
    if kind == "application/json":
        return json.dumps(fields).encode(), kind
    if kind.startswith("application/x-www"):
        return urlencode(fields).encode(), kind
    parts = []
    for name, each in fields.items():
        is_file = isinstance(each, bytes)
        more = '; filename="film.mp4"\r\nContent-Type: image/png' if is_file else ""
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
        parts.append(head.encode() + (each if is_file else str(each).encode()) + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode(), f"{kind}; boundary={BOUNDARY}"


def sample(schema: dict[str, Any]) -> Any:
    """Something that fits a schema."""
    if "anyOf" in schema:
        return sample(schema["anyOf"][-1])
    for word, pick in FIXED.items():
        if word in schema:
            return pick(schema[word])
    kind = schema.get("type")
    if kind == "array":
        return [sample(schema["items"])] * max(1, schema.get("minItems", 1))
    if kind == "object":
        return {name: sample(each) for name, each in schema["properties"].items()}
    if kind == "boolean":
        return True
    if kind in ("integer", "number"):
        return max(1, schema.get("minimum", 1))
    return "a" * max(3, schema.get("minLength", 1))


FORMATS = {
    "binary": PICTURE,
    "uuid": "00000000-0000-7000-8000-000000000000",
    "uri": "https://example.org/somewhere",
}
FIXED: dict[str, Callable[[Any], Any]] = {
    "const": lambda value: value,
    "enum": lambda values: values[0],
    "format": FORMATS.__getitem__,
}
