"""Tx: one unit of work. It commits when its block is left without an error, and only then do its
notices leave the process.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
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

__all__ = [
    "Database",
    "DatabaseUnavailable",
    "Enqueuer",
    "EventOrder",
    "JobOrder",
    "Recorder",
    "Tx",
]


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


@dataclass(frozen=True, kw_only=True, slots=True)
class EventOrder:
    """Something that is now so, such as `video.ready`: whom it concerns, and a few facts as JSON."""

    kind: str
    owner_id: int
    data: Mapping[str, Any]


class Recorder(Protocol):
    """What a Tx gives its events to, once, at the end of its block."""

    def record(self, tx: "Tx", events: Sequence[EventOrder]) -> None:
        """Write them down, in their order; part of the caller's transaction."""


class Tx:
    """One transaction: `session` for rows, `now` for every time written in it."""

    def __init__(self, session: Session, database: "Database", *, has_turn: bool = False) -> None:
        self.session = session
        self.now = clock.now()
        self.database = database
        self._has_turn = has_turn
        self._events: list[EventOrder] = []
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

    def emit(self, kind: str, *, owner_id: int, data: Mapping[str, Any]) -> None:
        """Say what is so with this transaction, to whoever wants to know; `data` is small.

        Only in a write block that takes turns: the order of events is that of the commits.
        """
        if not self._has_turn:
            raise RuntimeError(f"{kind} was emitted outside a turn to write")
        self._events.append(EventOrder(kind=kind, owner_id=owner_id, data=data))

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A part that may fail by itself: on an exception its rows and events are taken back."""
        emitted = len(self._events)
        try:
            with self.session.begin_nested():
                yield
                self.session.flush()
        except BaseException:
            del self._events[emitted:]
            raise

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run `action` in this process after the commit; never after a rollback."""
        self._afterwards.append(action)

    def prepare(self) -> None:
        """Write what was emitted, and pass the notices on with the commit, where the database can;
        called once by Database.
        """
        if self._events and self.database.recorder is not None:
            self.database.recorder.record(self, self._events)
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
    Without a `recorder` nobody wants to know what transactions emit.
    """

    def __init__(
        self,
        url: str,
        *,
        lock_path: Path,
        notifier: Notifier,
        enqueuer: Enqueuer,
        recorder: Recorder | None = None,
    ) -> None:
        self.engines = open_engines(url, lock_path)
        self.dialect = self.engines.dialect
        self.notifier = notifier
        self.enqueuer = enqueuer
        self.recorder = recorder
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
            tx = Tx(session, self, has_turn=alone)
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
