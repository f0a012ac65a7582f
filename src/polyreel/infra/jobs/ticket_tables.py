"""Procrastinate's own tables: made and brought up to date beside ours, from the SQL it comes with."""

from pathlib import Path

from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, text

__all__ = ["ensure_schema"]

_MARK = "made by polyreel, up to "


def ensure_schema(connection: Connection) -> None:
    """Make the tables that are missing, or apply what came with newer versions; nothing when up to date.

    Runs in the transaction of `connection`, which must be the only one that does. What is in is
    written into the comment of a table. Raises RuntimeError for tables that someone else made.
    """
    migrations = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    newest = migrations[-1].stem
    table = connection.scalar(text("SELECT to_regclass('procrastinate_jobs')::oid"))
    if table is None:
        _run(connection, SchemaManager.get_schema())
    else:
        comment = connection.scalar(
            text("SELECT obj_description(:table, 'pg_class')"), {"table": table}
        )
        if comment is None or not comment.startswith(_MARK):
            raise RuntimeError(
                "this database has tables of Procrastinate that Polyreel did not make:"
                " give Polyreel a database of its own"
            )
        done = comment.removeprefix(_MARK)
        if newest <= done:
            return
        for migration in migrations:
            if migration.stem > done:
                _run(connection, migration.read_text(encoding="utf-8"))
    _run(connection, f"COMMENT ON TABLE procrastinate_jobs IS '{_MARK}{newest}'")


def _run(connection: Connection, script: str) -> None:
    # By the driver: a script is many statements, and its percent signs are its own.
    driver = connection.connection.driver_connection
    if driver is None:
        raise RuntimeError("the connection is closed")
    driver.execute(script)
