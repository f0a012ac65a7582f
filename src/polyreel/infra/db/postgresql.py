"""PostgreSQL, by psycopg 3.

Writers take turns by an advisory lock, so that what is checked before it is written still holds when
it is: the same promise that SQLite's BEGIN IMMEDIATE gives. What is safe side by side, such as the
leases of jobs, says so and does without. Nobody may sit on a lock: the server ends transactions that
do nothing, and waits that take too long.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import psycopg
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from polyreel.infra.db.contract import Trouble
from polyreel.infra.notify import Source

__all__ = ["CONNECTING", "PostgresEngines", "plain_url"]

log = logging.getLogger("polyreel.notify")

POOL = 10
OVERFLOW = 20
CHANNEL = "polyreel"
# PostgreSQL refuses payloads of 8000 bytes and more.
_MAX_PAYLOAD = 7900
# Any two numbers that nobody else on this database takes.
_WRITERS, _UPGRADES = 5_041_501, 5_041_502
_CONNECT_S = 5
_OPTIONS = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "timezone": "UTC",
        "lock_timeout": "15s",
        "statement_timeout": "60s",
        "idle_in_transaction_session_timeout": "30s",
    }.items()
)
CONNECTING: dict[str, Any] = {
    "connect_timeout": _CONNECT_S,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    # What was sent and is not acknowledged, in milliseconds: without it minutes go by.
    "tcp_user_timeout": 30_000,
    "application_name": "polyreel",
}


def plain_url(url: URL) -> str:
    """The address as libpq reads it, password included."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


class PostgresEngines:
    """One pool; `reader` and `writer` differ in how their transactions begin."""

    dialect: Literal["sqlite", "postgresql"] = "postgresql"

    def __init__(self, url: URL) -> None:
        self._url = plain_url(url)
        self.writer: Engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_size=POOL,
            max_overflow=OVERFLOW,
            pool_timeout=15,
            pool_pre_ping=True,
            pool_recycle=1800,
            connect_args={**CONNECTING, "options": _OPTIONS},
        )
        self.reader: Engine = self.writer.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._held = threading.local()

    @contextmanager
    def writing(self, *, alone: bool = True) -> Iterator[None]:
        """Nothing is held yet (see `begin`); but a block inside a block would wait for itself."""
        if getattr(self._held, "is_held", False):
            raise RuntimeError("a write block inside a write block would wait for itself forever")
        self._held.is_held = True
        try:
            yield
        finally:
            self._held.is_held = False

    def begin(self, session: Session, *, alone: bool = True) -> None:
        """Wait for the turn, when it takes one; the commit passes it on."""
        if alone:
            session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITERS})

    def begin_upgrade(self, connection: Connection) -> None:
        """One upgrade at a time, alone, without limits of time."""
        for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"SET LOCAL {name} = 0"))
        for key in (_UPGRADES, _WRITERS):
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})

    def announce(self, session: Session, topics: Sequence[str]) -> bool:
        """NOTIFY: heard by every process when this transaction commits, and only then."""
        payload = json.dumps(list(topics))
        if len(payload.encode()) > _MAX_PAYLOAD:
            payload = json.dumps(["*"])
        session.execute(
            text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": payload}
        )
        return True

    def make_source(self, hear: Callable[[list[str]], None]) -> Source:
        """A connection of its own that listens."""
        return _Listener(self._url, hear)

    def trouble(self, error: Exception) -> Trouble | None:
        """See Engines."""
        if isinstance(error, DataError):
            return "unfit"
        if isinstance(error, PoolTimeout | OperationalError | InterfaceError):
            return "away"
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            return "away"
        return None

    def close(self) -> None:
        """Close every connection of the pool."""
        self.writer.dispose()


class _Listener:
    """Hears what is announced, in a thread; after every new connection, that anything may have changed."""

    def __init__(self, url: str, hear: Callable[[list[str]], None]) -> None:
        self._url = url
        self._hear = hear
        self._is_listening = threading.Event()
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to listen; returns when it does, or after five seconds of trouble."""
        threading.Thread(target=self._run, name="notices", daemon=True).start()
        self._is_listening.wait(_CONNECT_S)

    def close(self) -> None:
        """Listen no more."""
        self._stopped.set()

    def _run(self) -> None:
        pause_s = 0.0
        while not self._stopped.wait(pause_s):
            try:
                self._listen()
            except psycopg.Error as error:
                if pause_s == 0.0:
                    log.warning("notices of the database are not heard: %s", _in_short(error))
            # Half a second at first, two at the most.
            pause_s = 0.5 if self._is_listening.is_set() else min(2.0, max(0.5, pause_s * 2))
            self._is_listening.clear()

    def _listen(self) -> None:
        with psycopg.connect(self._url, autocommit=True, **CONNECTING) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            self._is_listening.set()
            # Whatever was announced before this moment was missed.
            self._hear(["*"])
            asked_at = time.monotonic()
            while not self._stopped.is_set():
                for notice in connection.notifies(timeout=1.0):
                    self._hear(json.loads(notice.payload))
                if time.monotonic() - asked_at > 15:
                    # A connection that died in silence is found out by asking.
                    connection.execute("SELECT 1")
                    asked_at = time.monotonic()


def _in_short(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
