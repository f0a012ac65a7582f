"""Bring a database to the newest layout."""

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config

import polyreel
from polyreel.infra.db import ensure_text_indexes
from polyreel.infra.tx import Database

__all__ = ["alembic_config", "upgrade"]

_one_at_a_time = threading.Lock()


def alembic_config() -> Config:
    """Alembic's configuration without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(Path(polyreel.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(db: Database) -> None:
    """Apply the migrations that are missing, in one transaction; nothing when there are none.

    Several processes may do so at once, on several machines: they wait for each other.
    """
    config = alembic_config()
    with _one_at_a_time, db.engines.writing(), db.engines.writer.begin() as connection:
        db.engines.begin_upgrade(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        ensure_text_indexes(connection)
        if db.dialect == "postgresql":
            # Procrastinate is only loaded where it is used.
            from polyreel.infra.jobs.ticket_tables import ensure_schema

            ensure_schema(connection)
