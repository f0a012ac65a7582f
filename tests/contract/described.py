"""Answers held against the API document: whatever a contract test asks, what it gets must be described."""

import re
from collections.abc import Mapping
from typing import Any

import jsonschema_rs
import msgspec

from polyreel.http.middleware import ASGIApp, Message, Receive, Scope, Send
from polyreel.http.openapi import make_document
from polyreel.http.operations import Api

__all__ = ["described"]

# What a test breaks on purpose is no answer of the API's.
CRASH = 500


class Undescribed(AssertionError):
    """An answer that the document does not know."""


def described(app: ASGIApp, api: Api) -> ASGIApp:
    """`app`, whose answers to the requests that `api` describes are compared with what it says."""
    told = _told.get(api.name) or _Told(make_document([api]))
    _told[api.name] = told

    async def compared(scope: Scope, receive: Receive, send: Send) -> None:
        messages: list[Message] = []

        async def noted(message: Message) -> None:
            messages.append(message)
            await send(message)

        await app(scope, receive, noted)
        if scope["type"] == "http" and messages and not messages[-1].get("more_body"):
            told.check(scope["method"], scope["path"], messages)

    return compared


# An API says the same of itself, whatever it stands on.
_told: dict[str, "_Told"] = {}


class _Told:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._paths = [
            (re.compile(re.sub(r"{[a-z_0-9]+}", "[^/]+", path)), each)
            # Those without braces first, as the specification has it.
            for path, each in sorted(document["paths"].items(), key=lambda item: "{" in item[0])
        ]
        self._validators: dict[int, jsonschema_rs.Validator] = {}

    def check(self, method: str, path: str, messages: list[Message]) -> None:
        operation = self._find(method, path)
        status = messages[0]["status"]
        if operation is None or status == CRASH:
            return
        where = f"{method} {path}: {status}"
        if str(status) not in operation["responses"]:
            raise Undescribed(f"{where} is not described")
        fields = {key.lower(): text for key, text in messages[0]["headers"]}
        body = b"".join(each.get("body", b"") for each in messages[1:])
        content = operation["responses"][str(status)].get("content", {})
        if not body:
            return
        kind = fields.get(b"content-type", b"").decode().partition(";")[0]
        if kind not in content:
            raise Undescribed(f"{where} is {kind}, and not one of {list(content)}")
        if kind == "application/json":
            self._check_json(where, content[kind]["schema"], body)

    def _find(self, method: str, path: str) -> Mapping[str, Any] | None:
        for pattern, each in self._paths:
            if pattern.fullmatch(path):
                found: Mapping[str, Any] | None = each.get(method.lower())
                return found
        return None

    def _check_json(self, where: str, schema: Mapping[str, Any], body: bytes) -> None:
        validator = self._validators.get(id(schema))
        if validator is None:
            whole = {**schema, "components": self._document["components"]}
            validator = self._validators[id(schema)] = jsonschema_rs.validator_for(whole)
        value = msgspec.json.decode(body)
        problem = next(iter(validator.iter_errors(value)), None)
        if problem is not None:
            raise Undescribed(f"{where}: {problem}")
