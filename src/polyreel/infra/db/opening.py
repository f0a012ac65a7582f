"""Which database an address means."""

from pathlib import Path

from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import DataError

from polyreel.infra.db.contract import Engines
from polyreel.infra.db.sqlite import SQLiteEngines

__all__ = ["open_engines"]


def open_engines(url: str, lock_path: Path) -> Engines:
    """The engines of a database; nothing is connected yet. Raises ValueError for other databases.

    `lock_path` is the file over which writers of SQLite take turns.
    """
    engines = _chosen(url, lock_path)
    for engine in (engines.reader, engines.writer):
        event.listen(engine, "handle_error", _unspeakable, retval=True)
    return engines


def _chosen(url: str, lock_path: Path) -> Engines:
    parsed = make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            return SQLiteEngines(parsed, lock_path)
        case "postgresql" | "postgres":
            # Its driver is loaded by those who use it.
            from polyreel.infra.db.postgresql import PostgresEngines

            return PostgresEngines(parsed)
        case other:
            raise ValueError(f"{other} is not a database Polyreel can use")


def _unspeakable(context: ExceptionContext) -> DataError | None:
    """Half a surrogate pair, or a number beyond 64 bits: the driver gives up before the database sees
    it. The same kind of error as for what the database itself refuses.
    """
    error = context.original_exception
    if isinstance(error, OverflowError | UnicodeEncodeError):
        return DataError(context.statement, None, error)
    return None
