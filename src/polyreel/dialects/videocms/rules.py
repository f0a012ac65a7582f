"""The rules a field can have, named as the upstream framework names them in its answers.

Source: the contract, 1.3.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from polyreel.kit.ids import is_uuid

__all__ = [
    "ALPHA",
    "BOOLEAN",
    "EMAIL",
    "FALSE_TEXTS",
    "HTTP_URL",
    "NUMBER",
    "REQUIRED",
    "SHA256",
    "TRUE_TEXTS",
    "URL",
    "UUID",
    "Rule",
    "least",
    "most",
    "one_of",
]

TRUE_TEXTS = frozenset({"1", "t", "T", "TRUE", "true", "True"})
FALSE_TEXTS = frozenset({"0", "f", "F", "FALSE", "false", "False"})


@dataclass(frozen=True)
class Rule:
    """`name` and `parameter` are what the client reads when `holds` is false; `tells` is the same in the
    words of JSON schema, as far as that has them (`least` and `most` whatever it is that they measure).
    """

    name: str
    parameter: str
    holds: Callable[[Any], bool]
    tells: Mapping[str, Any] = field(default_factory=dict)


def least(limit: int) -> Rule:
    """At least so many characters or items, or so much."""
    return Rule("min", str(limit), lambda value: _measure(value) >= limit, {"least": limit})


def most(limit: int) -> Rule:
    """At most so many characters or items, or so much."""
    return Rule("max", str(limit), lambda value: _measure(value) <= limit, {"most": limit})


def one_of(*texts: str) -> Rule:
    """One of these words."""
    return Rule("oneof", " ".join(texts), lambda value: value in texts, {"enum": list(texts)})


def _is_there(value: object) -> bool:
    """Zero, the empty text and null count as missing; `false` and an empty list do not."""
    return isinstance(value, bool | list) or bool(value)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(parts.scheme and (parts.netloc or parts.path)) and parts.port != 0
    except ValueError:
        return False


def _is_http_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda text: compiled.fullmatch(text) is not None


def _pattern(name: str, pattern: str) -> Rule:
    """The whole text is like this."""
    return Rule(name, "", _matches(pattern), {"pattern": f"^{pattern}$"})


REQUIRED = Rule("required", "", _is_there)
NUMBER = _pattern("number", "[0-9]+")
BOOLEAN = Rule(
    "boolean",
    "",
    lambda text: text in TRUE_TEXTS or text in FALSE_TEXTS,
    {"enum": sorted(TRUE_TEXTS | FALSE_TEXTS)},
)
ALPHA = _pattern("alpha", "[A-Za-z]+")
EMAIL = _pattern("email", r"[^@\s]{1,64}@[^@\s]{1,189}")
URL = Rule("url", "", _is_url, {"format": "uri"})
HTTP_URL = Rule("http_url", "", _is_http_url, {"format": "uri", "pattern": "^https?://"})
SHA256 = _pattern("sha256", "[0-9a-f]{64}")
UUID = Rule("uuid_rfc4122", "", is_uuid, {"format": "uuid"})


def _measure(value: str | list[Any] | float) -> float:
    return len(value) if isinstance(value, str | list) else value
