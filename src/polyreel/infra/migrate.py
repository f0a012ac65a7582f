"""Bring a database to the newest layout.

Alembic does, and is only loaded where there is something to do: most starts find all in place.
"""

import threading
from pathlib import Path

from sqlalchemy import Connection, inspect, text

import polyreel
from polyreel.infra.db import ensure_text_indexes
from polyreel.infra.tx import Database

__all__ = ["newest_revision", "revision_of", "upgrade"]

_SCRIPTS = Path(polyreel.__file__).parent / "migrations"

_one_at_a_time = threading.Lock()


def newest_revision() -> str:
    """The layout this version works with: the number that the last migration's file begins with."""
    names = [path.name for path in (_SCRIPTS / "versions").glob("[0-9]*_*.py")]
    return max(names).partition("_")[0]


def revision_of(connection: Connection) -> str | None:
    """The layout of a database; None where no migration ever ran."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def upgrade(db: Database) -> None:
    """Apply the migrations that are missing, in one transaction; nothing when there are none.

    Several processes may do so at once, on several machines: they wait for each other.
    """
    with _one_at_a_time, db.engines.writing(), db.engines.writer.begin() as connection:
        db.engines.begin_upgrade(connection)
        if revision_of(connection) != newest_revision():
            _migrate(connection)
        ensure_text_indexes(connection)
        if db.dialect == "postgresql":
            # Procrastinate is only loaded where it is used.
            from polyreel.infra.jobs.ticket_tables import ensure_schema

            ensure_schema(connection)


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    # Without a file of settings.
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
