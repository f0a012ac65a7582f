"""Conditional requests and byte ranges. Pure. Source: RFC 9110, sections 13 and 14."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime

__all__ = ["CONDITIONS", "Selected", "Validators", "http_date", "select"]

CONDITIONS = frozenset(
    {
        b"range",
        b"if-range",
        b"if-match",
        b"if-none-match",
        b"if-modified-since",
        b"if-unmodified-since",
    }
)
"""The headers that `select` weighs; without any of them the whole is answered."""

_MOST_DIGITS = 18


@dataclass(frozen=True)
class Validators:
    """What a representation is known by: a strong entity tag in quotes, seconds since the epoch."""

    etag: str
    modified_s: int


@dataclass(frozen=True)
class Selected:
    """The answer to the conditions of a request: a status (200, 206, 304, 412, 416) and which bytes,
    `length` of them from `start`.
    """

    status: int
    start: int
    length: int


@functools.lru_cache(maxsize=1024)
def http_date(seconds: int) -> str:
    """`Sat, 21 Nov 2026 01:02:03 GMT`."""
    return formatdate(seconds, usegmt=True)


def select(headers: Mapping[str, str], size: int, validators: Validators) -> Selected:
    """Weigh the conditions and the Range of a GET or HEAD; header names in lower case.

    One range is honoured; for several the whole is answered, as the RFC lets a server do.
    """
    if not _holds(headers, validators):
        return Selected(412, 0, 0)
    if _is_unchanged(headers, validators):
        return Selected(304, 0, 0)
    whole = Selected(200, 0, size)
    text = headers.get("range")
    if text is None or not _may_range(headers, validators):
        return whole
    unit, _, spec = text.partition("=")
    if unit.strip().lower() != "bytes" or "," in spec:
        return whole
    return _one_range(spec.strip(), size) or whole


def _one_range(spec: str, size: int) -> Selected | None:
    """The selected bytes; 416 when there are none; None for a range that is none (ignored)."""
    first, dash, last = spec.partition("-")
    numbers = [part for part in (first, last) if part]
    if not dash or not numbers:
        return None
    if any(not (n.isascii() and n.isdigit()) or len(n) > _MOST_DIGITS for n in numbers):
        return None
    if not first:
        length = min(int(last), size)
        return Selected(206, size - length, length) if length else Selected(416, 0, 0)
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        return None
    return Selected(206, start, end - start + 1) if start < size else Selected(416, 0, 0)


def _holds(headers: Mapping[str, str], validators: Validators) -> bool:
    wanted = headers.get("if-match")
    if wanted is not None:
        return wanted.strip() == "*" or validators.etag in _tags(wanted)
    since = _date(headers.get("if-unmodified-since"))
    return since is None or validators.modified_s <= since


def _is_unchanged(headers: Mapping[str, str], validators: Validators) -> bool:
    known = headers.get("if-none-match")
    if known is not None:
        weak = {tag.removeprefix("W/") for tag in _tags(known)}
        return known.strip() == "*" or validators.etag in weak
    since = _date(headers.get("if-modified-since"))
    return since is not None and validators.modified_s <= since


def _may_range(headers: Mapping[str, str], validators: Validators) -> bool:
    condition = headers.get("if-range")
    if condition is None:
        return True
    if condition.strip().startswith(('"', "W/")):
        return condition.strip() == validators.etag
    return _date(condition) == validators.modified_s


def _tags(text: str) -> list[str]:
    return [tag.strip() for tag in text.split(",")]


def _date(text: str | None) -> int | None:
    if not text:
        return None
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (ValueError, OverflowError):
        return None
