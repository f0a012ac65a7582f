"""Tx: one unit of work. It commits when its block is left without an error, and only then do its
notices leave the process.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from polyreel.infra.db import open_engines
from polyreel.infra.notify import Notifier
from polyreel.kit import clock
from polyreel.kit.errors import Invalid, Unavailable

__all__ = ["Database", "DatabaseUnavailable", "Enqueuer", "JobOrder", "Tx"]


class DatabaseUnavailable(Unavailable):
    """The database is out of reach, or overloaded: nothing was written."""

    def __init__(self) -> None:
        super().__init__("The database", retry_after_s=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class JobOrder:
    """A job to be added: `delay_s` seconds from now at the earliest, None for the kind's priority."""

    kind: str
    key: str | None
    priority: int | None
    owner_id: int | None
    delay_s: float
    args: dict[str, Any]


class Enqueuer(Protocol):
    """What the job engine gives a Tx: put a job into the caller's transaction."""

    def enqueue(self, tx: "Tx", order: JobOrder) -> int | None:
        """The id of the new job; None when an unfinished one has this key already."""


class Tx:
    """One transaction: `session` for rows, `now` for every time written in it."""

    def __init__(self, session: Session, database: "Database") -> None:
        self.session = session
        self.now = clock.now()
        self.database = database
        self._topics: dict[str, None] = {}
        self._afterwards: list[Callable[[], None]] = []

    def enqueue(
        self,
        kind: str,
        *,
        key: str | None = None,
        priority: int | None = None,
        owner_id: int | None = None,
        delay_s: float = 0,
        **args: int | str | None,
    ) -> int | None:
        """Add a job to this transaction; `args` are ids. None when `key` is unfinished already."""
        order = JobOrder(
            kind=kind,
            key=key,
            priority=priority,
            owner_id=owner_id,
            delay_s=delay_s,
            args=dict(args),
        )
        return self.database.enqueuer.enqueue(self, order)

    def notify(self, topic: str) -> None:
        """Tell every process, after the commit, that `topic` changed."""
        self._topics[topic] = None

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run `action` in this process after the commit; never after a rollback."""
        self._afterwards.append(action)

    def prepare(self) -> None:
        """Pass the notices on with the commit, where the database can; called once by Database."""
        self.session.flush()
        if self._topics and self.database.engines.announce(self.session, list(self._topics)):
            self._topics.clear()

    def finish(self) -> None:
        """Send what waited for the commit; called once by Database."""
        # Notices first and always: the commit has happened, whatever becomes of the actions.
        if self._topics:
            self.database.notifier.publish(list(self._topics))
        for action in self._afterwards:
            action()


class Database:
    """The door to the database: `with db.read() as tx`, `with db.write() as tx`.

    Both raise DatabaseUnavailable when it does not answer, and Invalid when it cannot hold a value.
    """

    def __init__(
        self, url: str, *, lock_path: Path, notifier: Notifier, enqueuer: Enqueuer
    ) -> None:
        self.engines = open_engines(url, lock_path)
        self.dialect = self.engines.dialect
        self.notifier = notifier
        self.enqueuer = enqueuer
        source = self.engines.make_source(notifier.hear)
        if source is not None:
            notifier.join(source)

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """A consistent view; writing through it is an error."""
        with (
            self._in_our_words(),
            Session(self.engines.reader, expire_on_commit=False) as session,
        ):
            yield Tx(session, self)

    @contextmanager
    def write(self, *, alone: bool = True) -> Iterator[Tx]:
        """A transaction that commits when the block ends, and rolls back on any exception.

        Write blocks take turns, over all processes: what one has read stays true until it commits.
        Keep them short, and do no reading of files, hashing or waiting in them. `alone` False is for
        statements that hold side by side with any others; what they read may change meanwhile.
        """
        with (
            self._in_our_words(),
            self.engines.writing(alone=alone),
            Session(self.engines.writer, expire_on_commit=False) as session,
            session.begin(),
        ):
            self.engines.begin(session, alone=alone)
            tx = Tx(session, self)
            yield tx
            tx.prepare()
        tx.finish()

    def close(self) -> None:
        """Close every connection of this process."""
        self.engines.close()

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            match self.engines.trouble(error):
                case "away":
                    raise DatabaseUnavailable from error
                case "unfit":
                    raise Invalid("The database cannot hold what was sent.") from error
                case None:
                    raise
