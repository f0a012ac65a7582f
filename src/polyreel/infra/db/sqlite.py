"""SQLite as its authors advise for a server: write-ahead log, `synchronous=FULL` (an acknowledged commit
survives a power cut), `BEGIN IMMEDIATE` for writers.

Every write transaction and every checkpoint runs under one `flock`: that removes writer starvation,
and the rare WAL-reset race of all SQLite versions before 3.51.3, which needs two connections that
write or checkpoint at once.
"""

import contextlib
import fcntl
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from polyreel.infra.db.contract import Trouble
from polyreel.infra.notify import Source

__all__ = ["SQLiteEngines"]

BUSY_TIMEOUT_MS = 15_000
# What SQLite says when it, or the disk below it, cannot now; everything else is a mistake of ours.
_AWAY = ("locked", "busy", "disk is full", "disk i/o", "unable to open")


class SQLiteEngines:
    """One writer at a time over all processes, and as many readers as ask."""

    dialect: Literal["sqlite", "postgresql"] = "sqlite"

    def __init__(self, url: URL, lock_path: Path) -> None:
        self._lock = _WriterLock(lock_path)
        if url.database:
            _keep_from_others(Path(url.database))
        self.writer = _engine(url, begin="BEGIN IMMEDIATE", size=1)
        self.reader = _engine(url, begin="BEGIN", size=16, read_only=True)

    @contextmanager
    def writing(self, *, alone: bool = True) -> Iterator[None]:
        """Wait for this process's turn; there is only one writer, whatever `alone` says."""
        with self._lock.held():
            yield

    def begin(self, session: Session, *, alone: bool = True) -> None:
        """Nothing: BEGIN IMMEDIATE said it all."""

    def begin_upgrade(self, connection: Connection) -> None:
        """Nothing: the right to write is enough."""

    def announce(self, session: Session, topics: Sequence[str]) -> bool:
        """SQLite has no notices."""
        return False

    def make_source(self, hear: Callable[[list[str]], None]) -> Source | None:
        """None."""
        return None

    def trouble(self, error: Exception) -> Trouble | None:
        """See Engines."""
        if isinstance(error, PoolTimeout):
            return "away"
        if isinstance(error, OperationalError):
            said = str(error.orig).lower()
            return "away" if any(words in said for words in _AWAY) else None
        if isinstance(error, DataError):
            return "unfit"
        return None

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


def _engine(url: URL, *, begin: str, size: int, read_only: bool = False) -> Engine:
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
