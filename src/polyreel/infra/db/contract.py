"""What both databases are asked for."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from polyreel.infra.notify import Source

__all__ = ["Engines", "Trouble"]

Trouble = Literal["away", "unfit"]
"""Why a statement failed, where it is not our fault: the database is out of reach or overloaded; or
it cannot hold a value it was given.
"""


class Engines(Protocol):
    """Two engines over one database: `reader` for consistent views, `writer` for changes."""

    dialect: Literal["sqlite", "postgresql"]
    reader: Engine
    writer: Engine

    def writing(self, *, alone: bool = True) -> AbstractContextManager[None]:
        """Hold the right to write. Raises RuntimeError inside another such block of this thread.

        `alone` False: other writers may be at work at the same time, where the database can do it.
        """

    def begin(self, session: Session, *, alone: bool = True) -> None:
        """What a write transaction does first."""

    def begin_upgrade(self, connection: Connection) -> None:
        """What a transaction does first that changes the tables: one at a time, however long."""

    def announce(self, session: Session, topics: Sequence[str]) -> bool:
        """Pass notices on with the commit of this transaction. False: notices are not its business."""

    def make_source(self, hear: Callable[[list[str]], None]) -> Source | None:
        """What hears the notices that `announce` passed on; None where there is no such thing."""

    def trouble(self, error: Exception) -> Trouble | None:
        """What an error of the driver comes to; None: a mistake of ours."""

    def close(self) -> None:
        """Close every connection of this process."""
