"""Which database an address means."""

from pathlib import Path

from sqlalchemy.engine import make_url

from polyreel.infra.db.contract import Engines
from polyreel.infra.db.fitting import refuse_unfit, tell_unspeakable
from polyreel.infra.db.sqlite import SQLiteEngines

__all__ = ["open_engines"]


def open_engines(url: str, lock_path: Path) -> Engines:
    """The engines of a database; nothing is connected yet. Raises ValueError for other databases.

    `lock_path` is the file over which writers of SQLite take turns.
    """
    engines = _chosen(url, lock_path)
    for engine in (engines.reader, engines.writer):
        tell_unspeakable(engine)
    if engines.dialect == "sqlite":
        refuse_unfit(engines.writer)
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
