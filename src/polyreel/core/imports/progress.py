"""How an import goes, and what came of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

__all__ = ["KINDS", "Left", "Report", "Watch"]

KINDS = (
    "users", "API keys", "webhooks", "folders", "videos", "chosen pictures", "pages", "settings",
)  # fmt: skip
"""What can come over, in this order."""


@dataclass(frozen=True)
class Left:
    """Something that did not come over, or not as it was: what, and why."""

    kind: str
    what: str
    why: str


@dataclass
class Report:
    """Counts by kind: what came over now, what was here before, what was left out; `notes` are on what
    came over other than it was, `left` on what did not. `moved_bytes` are those of films.
    """

    came: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    before: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    left: list[Left] = field(default_factory=list)
    notes: list[Left] = field(default_factory=list)
    moved_bytes: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether nothing was left out."""
        return not self.left

    def left_of(self, kind: str) -> int:
        """How many of a kind were left out."""
        return sum(each.kind == kind for each in self.left)

    def leave(self, kind: str, what: str, why: str) -> None:
        """Tell that something was left out."""
        self.left.append(Left(kind, _shown(what), _shown(why)))

    def note(self, kind: str, what: str, why: str) -> None:
        """Tell that something came over, but not as it was."""
        self.notes.append(Left(kind, _shown(what), _shown(why)))


class Watch:
    """Whom to tell of bytes: once how many there are, then what was done and what is under way.

    This one tells nobody.
    """

    def begin(self, total: int) -> None:
        """There are so many bytes to bring."""

    def advance(self, done: int, what: str) -> None:
        """So many more are there; of `what`."""

    @contextmanager
    def part(self, size: int, what: str) -> Iterator[Callable[[float], None]]:
        """While one of `size` bytes comes: call what this gives with 0..1. At the end it is all done,
        one way or another.
        """
        told = 0

        def report(share: float) -> None:
            nonlocal told
            more = round(share * size) - told
            if more > 0:
                told += more
                self.advance(more, _shown(what))

        try:
            yield report
        finally:
            report(1.0)


def _shown(text: str) -> str:
    """Foreign text, fit for a terminal."""
    clean = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
    return clean if len(clean) <= 300 else clean[:299] + "…"
