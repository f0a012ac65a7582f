"""How long and how much one request may last, and what it brings."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from polyreel.infra.outbound.errors import TooSlow
from polyreel.kit.errors import TooLarge
from polyreel.kit.units import format_bytes

__all__ = ["Answer", "Limits", "Watch", "bounded"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of one request with its redirects. Seconds and bytes; `body_bytes` 0: any length."""

    connect_s: float = 10.0
    idle_s: float = 30.0
    """Without a byte."""
    total_s: float = 60.0
    body_bytes: int = 1024 * 1024
    header_bytes: int = 32 * 1024
    redirects: int = 5


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer whose body is still to come. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    url: str
    """Where it came from in the end, without credentials."""
    chunks: Iterator[bytes] = field(repr=False)
    """The body as it was sent; raises Unreachable when it breaks off, TooSlow, TooLarge."""


class Watch:
    """The time that is left for one request; `check` may raise to end it within half a second."""

    def __init__(self, limits: Limits, check: Callable[[], None] | None) -> None:
        self.limits = limits
        self._check = check
        self._ends = time.monotonic() + limits.total_s

    def left(self, most_s: float) -> float:
        """Seconds that may be waited now, at most `most_s`. Raises TooSlow."""
        if self._check is not None:
            self._check()
        left_s = self._ends - time.monotonic()
        if left_s <= 0:
            raise TooSlow("The other server took too long.")
        return min(left_s, most_s)


def bounded(chunks: Iterator[bytes], headers: Mapping[str, str], limit: int) -> Iterator[bytes]:
    """The chunks as they come, at most `limit` bytes (0: any). Raises TooLarge, early where announced."""
    announced = headers.get("content-length", "")
    if limit and announced.isascii() and announced.isdigit() and int(announced[:19]) > limit:
        raise _too_large(limit)
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if limit and size > limit:
            raise _too_large(limit)
        yield chunk


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The file is larger than {format_bytes(limit)}.", limit)
