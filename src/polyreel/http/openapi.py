"""The OpenAPI 3.1 document of every API, made from what the routes say about themselves.

Source: the OpenAPI Specification 3.1.1.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polyreel import __version__
from polyreel.http.operations import Api, Given, Operation, Parameter, Route

__all__ = ["make_document", "operation_id"]

_INFO = """\
One server that speaks several existing HTTP APIs; each has its own paths, errors and credentials. A person
is the same in all of them. Everything below is made from the routes as they are served."""
_BODILESS = frozenset({"GET", "HEAD"})
_REF = "#/components/schemas/{name}"


def make_document(apis: Sequence[Api]) -> dict[str, Any]:
    """The whole document, ready to be written as JSON."""
    shapes = _Shapes(apis)
    paths: dict[str, dict[str, Any]] = {}
    for api in apis:
        for route in api.routes:
            if route.operation is not None:
                told = _operation(api, route, route.operation, shapes)
                paths.setdefault(route.path, {})[route.method.lower()] = told
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Polyreel",
            "version": __version__,
            "description": _INFO,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": _tags(apis),
        "paths": {path: paths[path] for path in sorted(paths)},
        "components": {
            "schemas": shapes.components,
            "securitySchemes": {
                name: dict(scheme) for api in apis for name, scheme in api.schemes.items()
            },
        },
    }


def operation_id(api: str, route: Route) -> str:
    """One word for a route, the same as long as its address is."""
    words = re.sub(r"[^A-Za-z0-9]+", "_", route.path).strip("_")
    return f"{api}_{route.method.lower()}_{words}"


class _Shapes:
    """Every type that any route names, as schemas that name each other."""

    def __init__(self, apis: Sequence[Api]) -> None:
        types: list[Any] = []
        for api in apis:
            for route in api.routes:
                if route.operation is not None:
                    types += [each for each in _schemas(route.operation) if not _is_made(each)]
        made, self.components = msgspec.json.schema_components(types, ref_template=_REF)
        self._made = {id(kind): schema for kind, schema in zip(types, made, strict=True)}
        # A type like list[Link] may be made anew with every use: kept, so that its id stays its own.
        self._types = types

    def of(self, schema: Any) -> dict[str, Any]:
        """The schema of a type, or the one that was given."""
        return dict(schema) if _is_made(schema) else self._made[id(schema)]


def _is_made(schema: Any) -> bool:
    return isinstance(schema, Mapping)


def _schemas(operation: Operation) -> list[Any]:
    found = [each.schema for each in operation.parameters]
    found += operation.takes.values()
    for given in operation.answers.values():
        found += given.bodies.values()
    return found


def _tags(apis: Sequence[Api]) -> list[dict[str, str]]:
    """Each API, then its chapters; what serves a part of an API goes on where that was."""
    found: dict[str, dict[str, str]] = {}
    for api in sorted(apis, key=lambda each: each.title):
        found.setdefault(api.title, {"name": api.title, "description": api.says})
        for route in api.routes:
            if route.operation is not None:
                name = _chapter_tag(api, route.operation.chapter)
                found.setdefault(name, {"name": name})
    return list(found.values())


def _chapter_tag(api: Api, chapter: str) -> str:
    return f"{api.title}: {chapter}"


def _operation(api: Api, route: Route, operation: Operation, shapes: _Shapes) -> dict[str, Any]:
    text = " ".join(route.says.split("\n\n", 1)[0].split())
    summary, _, _ = text.partition(". ")
    told: dict[str, Any] = {
        "operationId": operation_id(api.name, route),
        "summary": summary.rstrip("."),
        "description": text,
        "tags": [api.title, _chapter_tag(api, operation.chapter)],
        "security": [{name: []} for name in api.security[operation.who]],
        "x-who": operation.who,
    }
    if operation.parameters:
        told["parameters"] = [_parameter(each, shapes) for each in operation.parameters]
    if operation.takes and route.method not in _BODILESS:
        told["requestBody"] = {
            "content": _content(operation.takes, shapes),
            "required": operation.must_take,
        }
    told["responses"] = {
        str(status): _given(given, shapes) for status, given in sorted(operation.answers.items())
    }
    return told


def _parameter(each: Parameter, shapes: _Shapes) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": each.name,
        "in": each.place,
        "required": each.required or each.place == "path",
        "schema": shapes.of(each.schema),
    }
    if each.note:
        told["description"] = each.note
    return told


def _given(given: Given, shapes: _Shapes) -> dict[str, Any]:
    told: dict[str, Any] = {"description": given.note}
    if given.bodies:
        told["content"] = _content(given.bodies, shapes)
    if given.headers:
        told["headers"] = {
            name: {"description": note, "schema": {"type": "string"}}
            for name, note in given.headers.items()
        }
    return told


def _content(bodies: Mapping[str, Any], shapes: _Shapes) -> dict[str, Any]:
    return {kind: {"schema": shapes.of(schema)} for kind, schema in bodies.items()}
