"""Finding rows by any part of a text, in time that goes with what is found, not with the table.

SQLite: an FTS5 table of the text's groups of three letters beside the table, kept by triggers, in the
transaction of whoever writes. PostgreSQL: an index of pg_trgm. Both are made after the tables, and again
where they are missing. A database that has neither is searched by reading all of the column.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    bindparam,
    event,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

__all__ = ["ensure_text_indexes", "is_text_index", "make_searchable", "rows_near"]

_SUFFIX = "_by_text"
_GROUP = 3


@dataclass(frozen=True)
class _Indexed:
    table: str
    column: str

    @property
    def name(self) -> str:
        return f"{self.table}{_SUFFIX}"


_indexed: dict[str, _Indexed] = {}


def make_searchable(table: Any, column: str) -> None:
    """Keep an index of the parts of this column; of one column of a table, whose key is `id`."""
    found = _indexed[table.name] = _Indexed(table.name, column)

    def created(target: Table, connection: Connection, **given: Any) -> None:
        _ensure(connection, found)

    event.listen(table, "after_create", created)


def ensure_text_indexes(connection: Connection) -> None:
    """Make those that are missing, and fill them."""
    for each in _indexed.values():
        _ensure(connection, each)


def is_text_index(name: str | None) -> bool:
    """Whether a table or index of the database is one of these, or a part of it."""
    return name is not None and any(name.startswith(each.name) for each in _indexed.values())


def rows_near(session: Session, column: Any, wanted: str) -> Select[int] | None:
    """The ids of rows that hold every group of three letters of `wanted`: few more than hold all of it.

    None where that is no help: `wanted` is short, or the database finds them by itself, or cannot.
    """
    indexed = _indexed[column.table.name]
    if session.get_bind().dialect.name != "sqlite" or len(wanted) < _GROUP:
        return None
    there = select(text("1")).select_from(text("sqlite_master")).where(text("name = :name"))
    if session.scalar(there, {"name": indexed.name}) is None:
        return None
    groups = dict.fromkeys(wanted[at : at + _GROUP] for at in range(len(wanted) - _GROUP + 1))
    match = " AND ".join('"' + group.replace('"', '""') + '"' for group in groups)
    rowid: ColumnElement[int] = Column("rowid", BigInteger)
    found = text(f"{indexed.name} MATCH :match").bindparams(bindparam("match", match, unique=True))
    return select(rowid).select_from(text(indexed.name)).where(found)


def _ensure(connection: Connection, indexed: _Indexed) -> None:
    make = _ensure_fts5 if connection.dialect.name == "sqlite" else _ensure_pg_trgm
    try:
        with connection.begin_nested():
            make(connection, indexed)
    except DBAPIError as error:
        # An SQLite that was built without it; a role that may not create extensions.
        if not any(words in str(error.orig) for words in _CANNOT):
            raise


_CANNOT = ("no such module", "no such tokenizer", "permission denied", "is not available")


def _ensure_fts5(connection: Connection, indexed: _Indexed) -> None:
    name, table, column = indexed.name, indexed.table, indexed.column
    add = f"INSERT INTO {name}(rowid, {column}) VALUES (new.id, new.{column});"  # noqa: S608 - names of ours
    take = f"INSERT INTO {name}({name}, rowid, {column}) VALUES ('delete', old.id, old.{column});"  # noqa: S608
    triggers = {
        f"{name}_insert": f"AFTER INSERT ON {table} BEGIN {add} END",
        f"{name}_delete": f"AFTER DELETE ON {table} BEGIN {take} END",
        f"{name}_update": f"AFTER UPDATE OF {column} ON {table} BEGIN {take} {add} END",
    }
    query = text("SELECT count(*) FROM sqlite_master WHERE name LIKE :name || '%'")
    parts = ("", "_data", "_idx", "_config")
    if connection.scalar(query, {"name": name}) == len(triggers) + len(parts):
        return
    connection.execute(
        text(
            f"CREATE VIRTUAL TABLE IF NOT EXISTS {name} USING fts5({column}, content='{table}', "
            "content_rowid='id', tokenize='trigram case_sensitive 1', detail=none, columnsize=0)"
        )
    )
    for trigger, does in triggers.items():
        connection.execute(text(f"CREATE TRIGGER IF NOT EXISTS {trigger} {does}"))
    connection.execute(text(f"INSERT INTO {name}({name}) VALUES ('rebuild')"))  # noqa: S608


def _ensure_pg_trgm(connection: Connection, indexed: _Indexed) -> None:
    connection.execute(text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
    connection.execute(
        text(
            f"CREATE INDEX IF NOT EXISTS {indexed.name} ON {indexed.table} "
            f"USING gin ({indexed.column} gin_trgm_ops)"
        )
    )
