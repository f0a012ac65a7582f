"""The database: SQLite (WAL) by default, PostgreSQL at scale; all that differs between them is here.

SQLite is used as its authors advise for a server: write-ahead log, `synchronous=FULL` (an acknowledged
commit survives a power cut), `BEGIN IMMEDIATE` for writers. Every write transaction and every
checkpoint runs under one `flock`: that removes writer starvation, and the rare WAL-reset race of all
SQLite versions before 3.51.3, which needs two connections that write or checkpoint at once.
"""

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Dialect,
    Engine,
    MetaData,
    Table,
    create_engine,
    event,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from polyreel.kit import clock

__all__ = ["Base", "Engines", "UtcTime", "insert_ignore", "now_us"]

BUSY_TIMEOUT_MS = 15_000


class Base(DeclarativeBase):
    """Base of every table; constraints get the same names on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC moment, kept as integer microseconds since the epoch: same order, same value
    on both databases.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Aware moment to microseconds."""
        return None if value is None else clock.to_us(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Microseconds to aware moment."""
        return None if value is None else clock.from_us(value)


class now_us(FunctionElement[int]):  # noqa: N801 - used like an SQL function
    """The database's own clock, integer microseconds since the epoch (SQLite: to a millisecond)."""

    type = BigInteger()
    inherit_cache = True


@compiles(now_us, "sqlite")
def _now_sqlite(element: now_us, compiler: Any, **kw: Any) -> str:
    return "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000"


@compiles(now_us, "postgresql")
def _now_postgresql(element: now_us, compiler: Any, **kw: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"


def insert_ignore(
    dialect: str, table: Table, *, index: list[str], where: ColumnElement[bool] | None = None
) -> Any:
    """An INSERT that does nothing where the unique `index` (partial: `where`) has the row already."""
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return make(table).on_conflict_do_nothing(index_elements=index, index_where=where)


class Engines:
    """Two engines over one database: `reader` for many connections, `writer` for one at a time."""

    def __init__(self, url: str, lock_path: Path) -> None:
        self.url = make_url(url)
        self.dialect = self.url.get_backend_name()
        self._lock: _WriterLock | None = None
        if self.dialect == "sqlite":
            self._lock = _WriterLock(lock_path)
            if self.url.database:
                _keep_from_others(Path(self.url.database))
            self.writer = _sqlite_engine(self.url, begin="BEGIN IMMEDIATE", size=1)
            self.reader = _sqlite_engine(self.url, begin="BEGIN", size=16, read_only=True)
        else:
            self.writer = create_engine(self.url, pool_size=10, max_overflow=20, pool_pre_ping=True)
            self.reader = self.writer

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the right to write; on PostgreSQL everyone has it."""
        if self._lock is None:
            yield
        else:
            with self._lock.held():
                yield

    def close(self) -> None:
        """Close every connection; the last one may checkpoint, so it does it under the lock."""
        with self.writing():
            self.reader.dispose()
            self.writer.dispose()


class _WriterLock:
    """One writer among the threads of this process (a mutex) and among all processes (flock)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._mutex = threading.Lock()
        self._holder: int | None = None
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @contextmanager
    def held(self) -> Iterator[None]:
        me = threading.get_ident()
        if self._holder == me:
            raise RuntimeError("a write block inside a write block would wait for itself forever")
        with self._mutex:
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            self._holder = me
            try:
                yield
            finally:
                self._holder = None
                fcntl.flock(self._fd, fcntl.LOCK_UN)


def _keep_from_others(path: Path) -> None:
    """Make the file one that only its owner reads, whatever folder it lies in: it holds hashes of
    passwords. SQLite gives its log and index the same mode.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    # By name: closing a descriptor of a database in use would drop this process's locks on it.
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).chmod(0o600)


def _sqlite_engine(url: Any, *, begin: str, size: int, read_only: bool = False) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0 if size == 1 else 64,
        pool_timeout=60,
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
    )

    def connected(connection: Any, record: Any) -> None:
        # The driver must not begin transactions by itself: `begun` does, with the right kind.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA cache_size=-4000")
        cursor.execute("PRAGMA temp_store=MEMORY")
        if read_only:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    def begun(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    return engine
