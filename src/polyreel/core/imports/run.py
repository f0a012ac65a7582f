"""What one import shares: what is wanted, what was read, who is who, and what came of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from polyreel.core.imports.progress import Report, Watch
from polyreel.core.imports.records import Library
from polyreel.core.imports.sources import Media
from polyreel.core.users import Actor
from polyreel.infra.tools import Tools

__all__ = ["How", "ReadSettings", "Run", "Setting", "Wishes"]

How = Literal["copy", "link", "move"]


@dataclass(frozen=True)
class Setting:
    """A setting of the other server and the option it is here; `why` it cannot be taken, or None."""

    name: str
    option: str
    value: Any
    why: str | None


ReadSettings = Callable[[Mapping[str, str]], Sequence[Setting]]


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What is to be imported and how.

    `media` is the folder with what was made and, unless `uploads` names another, what was uploaded.
    `read_settings` tells which options its settings are; None: they stay as they are here. With
    `same_people` an account of the same name that is here already is the same person.
    """

    database: Path
    media: Path
    uploads: Path | None = None
    how: How = "copy"
    same_people: bool = False
    read_settings: ReadSettings | None = None
    is_dry_run: bool = False


@dataclass(kw_only=True)
class Run:
    """One import under way. `people` and `folders` are ours by their foreign ids; a dry run has
    people of id 0 and folders of id 0 in it.
    """

    tools: Tools
    wishes: Wishes
    library: Library
    media: Media
    watch: Watch
    report: Report
    people: dict[int, Actor] = field(default_factory=dict)
    folders: dict[int, int] = field(default_factory=dict)
    heir: Actor | None = None

    @property
    def source(self) -> str:
        """Which server this is, among all that were ever imported."""
        return self.library.source

    def owner(self, user_id: int) -> Actor | None:
        """Who gets the things of a person: themselves, or for somebody deleted an administrator."""
        return self.people.get(user_id, self.heir)

    def is_known(self, user_id: int) -> bool:
        """Whether this person came over."""
        return user_id in self.people

    def stand_in(self, name: str, *, is_admin: bool) -> Actor:
        """Somebody of a dry run, whom no account belongs to."""
        return Actor(user_id=0, username=name, is_admin=is_admin, via="local")

    @property
    def admin(self) -> Actor:
        """Whoever runs the command line of a server may do what an administrator may."""
        return Actor(user_id=0, username="import", is_admin=True, via="local")
