"""A database for whoever asks: a file, or with POLYREEL_TEST_DATABASE=postgresql a copy of a migrated
template on a server that is started when the first one is wanted.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool, StaticPool

from polyreel.infra.db import Base
from polyreel.infra.migrate import upgrade
from polyreel.infra.notify import Notifier
from polyreel.infra.tx import Database, Tx
from tests.postgres import Postgres

__all__ = [
    "ON_POSTGRESQL",
    "NoJobs",
    "database_url",
    "everything_in",
    "make_tables",
    "only_sqlite",
    "rows_of",
    "short_lived",
    "stop",
]

ON_POSTGRESQL = os.environ.get("POLYREEL_TEST_DATABASE") == "postgresql"
TEMPLATE = "polyreel_template"
# What tables are made by; a database that says something else is not used again.
KEPT = "alembic_version"


class _Server:
    """The one server of this run, and the databases on it by the path that stands for each."""

    def __init__(self) -> None:
        self.postgres: Postgres | None = None
        self.names: dict[Path, str] = {}
        self._copies: set[str] = set()
        self._emptied: list[str] = []
        self._shape: Any = None

    def started(self) -> Postgres:
        if self.postgres is None:
            self.postgres = Postgres(in_memory=True)
            self.postgres.start()
            self.postgres.create(name=TEMPLATE)
            _migrate(self.postgres.url(TEMPLATE), self.postgres.folder / "run")
            self._shape = self.postgres.empty(TEMPLATE, but=KEPT)
            self.postgres.leave(TEMPLATE)
        return self.postgres

    def give(self, *, empty: bool) -> str:
        """The name of a database for whoever asks now; `empty`: without tables."""
        postgres = self.started()
        if empty:
            return postgres.create()
        if self._emptied:
            return self._emptied.pop()
        name = postgres.create(TEMPLATE)
        self._copies.add(name)
        return name

    def take_back(self, file: Path) -> None:
        """Emptied for the next test, which is sooner than a new one; one whose tables were changed is dropped."""
        postgres, name = self.started(), self.names.pop(file)
        if name in self._copies and postgres.empty(name, but=KEPT) == self._shape:
            self._emptied.append(name)
        else:
            postgres.drop(name)

    def stop(self) -> None:
        """End it, if it was started, and forget what was on it."""
        if self.postgres is not None:
            self.postgres.close()
        self.__init__()  # type: ignore[misc]


_server = _Server()


class NoJobs:
    """For what enqueues nothing."""

    def enqueue(self, tx: Tx, order: object) -> int | None:
        """Nobody should come here."""
        raise AssertionError(f"unexpected job {order}")


def _migrate(url: str, run_dir: Path) -> None:
    notifier = Notifier(run_dir)
    db = Database(url, lock_path=run_dir / "lock", notifier=notifier, enqueuer=NoJobs())
    try:
        upgrade(db)
    finally:
        db.close()
        notifier.close()


def database_url(file: Path, *, empty: bool = False) -> str:
    """The address of the database that `file` stands for: the file itself, or a database of its own
    on the server. The same file gives the same database until the test (or module) that asked first
    is over. On PostgreSQL it has every table already unless it shall be `empty`.
    """
    if not ON_POSTGRESQL:
        return f"sqlite:///{file}"
    if file not in _server.names:
        _server.names[file] = _server.give(empty=empty)
    return _server.started().url(_server.names[file])


def rows_of(url: str, query: str) -> list[dict[str, Any]]:
    """Rows of one query, asked beside whatever has the database open."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(text(query)).mappings()]


def everything_in(file: Path) -> bytes:
    """All that the database of `file` keeps, to look for what must not be there."""
    if not ON_POSTGRESQL:
        return b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))
    url = database_url(file)
    tables = rows_of(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    found = [
        str(row)
        for table in tables
        for row in rows_of(url, f'SELECT kept::text FROM "{table["tablename"]}" AS kept')
    ]
    return "\n".join(found).encode()


def make_tables(db: Database) -> None:
    """Make every table that was imported, empty, where `database_url` gave none."""
    if ON_POSTGRESQL:
        return
    with db.engines.writing(), closing(db.engines.writer.raw_connection()) as connection:
        empty = cast(sqlite3.Connection, connection.driver_connection)
        _filled(frozenset(Base.metadata.tables)).backup(empty)


@cache
def _filled(_names: frozenset[str]) -> sqlite3.Connection:
    """A database in memory that has these tables: they are made once, and copied for each test."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    Base.metadata.create_all(engine)
    return cast(sqlite3.Connection, engine.raw_connection().driver_connection)


@contextmanager
def short_lived() -> Iterator[None]:
    """Databases that were first asked for within the block are free for others at its end."""
    before = set(_server.names)
    try:
        yield
    finally:
        for file in [file for file in _server.names if file not in before]:
            _server.take_back(file)


def stop() -> None:
    """Stop the server, if there is one, and forget it."""
    _server.stop()


def only_sqlite(reason: str) -> pytest.MarkDecorator:
    """For a test of what only SQLite has; `reason` says what."""
    return pytest.mark.skipif(ON_POSTGRESQL, reason=f"SQLite only: {reason}")
