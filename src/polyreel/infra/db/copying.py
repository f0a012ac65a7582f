"""What copying a database, value by value, needs of SQLite and of PostgreSQL.

A copy reads and writes what is kept, not what our types make of it: moments as their microseconds,
JSON as its text. So nothing is lost on the way, and equal rows are equal bytes.
"""

import json
import math
from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    cast,
    collate,
    func,
    select,
    text,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

__all__ = [
    "JSONText",
    "fault_finder",
    "last_id",
    "others_connected",
    "plain_table",
    "primary_key_order",
    "set_last_id",
    "start_view",
]


class JSONText(TypeDecorator[str]):
    """JSON as the text it is kept as."""

    impl = Text
    cache_ok = True


class _PostgresJSON(JSONText):
    cache_ok = True

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Read as text."""
        return cast(column, Text)

    def bind_expression(self, bindparam: Any) -> ColumnElement[Any]:
        """Written from text."""
        return cast(bindparam, JSON)


def plain_table(table: Table, dialect: str) -> Table:
    """`table` with columns that give and take values as they are kept; for SELECT and INSERT only.

    Raises TypeError for a type of column that copying does not know yet.
    """
    columns = [
        Column(column.name, _plain_type(column.type, dialect), primary_key=column.primary_key)
        for column in table.columns
    ]
    return Table(table.name, MetaData(), *columns)


def _plain_type(kind: TypeEngine[Any], dialect: str) -> TypeEngine[Any]:
    if isinstance(kind, TypeDecorator):
        return _plain_type(kind.impl_instance, dialect)
    if isinstance(kind, JSON):
        return _PostgresJSON() if dialect == "postgresql" else JSONText()
    if isinstance(kind, Boolean | Integer | Float | String | LargeBinary):
        return kind
    raise TypeError(f"copying knows no columns of type {kind!r}")


def primary_key_order(table: Table, dialect: str) -> list[ColumnElement[Any]]:
    """The order of the primary key, texts by their bytes: the same on both databases."""
    return [
        collate(column, "C" if dialect == "postgresql" else "BINARY")
        if isinstance(column.type, String)
        else column
        for column in table.primary_key.columns
    ]


def fault_finder(kind: TypeEngine[Any], dialect: str) -> Callable[[Any], str | None]:
    """What says why a database cannot hold a value in a column of a plain type; None: it can."""
    if isinstance(kind, JSONText):
        return _json_fault
    if isinstance(kind, String):
        return _text_fault(kind.length if dialect == "postgresql" else None, dialect)
    if isinstance(kind, Boolean):
        return lambda value: None if isinstance(value, bool) else _wrong(value, "true or false")
    if isinstance(kind, Integer):
        bits = 32 if dialect == "postgresql" and not isinstance(kind, BigInteger) else 64
        return _number_fault(1 << (bits - 1))
    if isinstance(kind, Float):
        return lambda value: (
            _wrong(value, "a number")
            if not isinstance(value, int | float)
            else "not a number (NaN)"
            if math.isnan(value)
            else None
        )
    return lambda value: None if isinstance(value, bytes) else _wrong(value, "bytes")


def _wrong(value: Any, wanted: str) -> str:
    return f"a value of type {type(value).__name__} where {wanted} belongs"


def _text_fault(length: int | None, dialect: str) -> Callable[[Any], str | None]:
    def fault(value: Any) -> str | None:
        if not isinstance(value, str):
            return _wrong(value, "text")
        if length is not None and len(value) > length:
            return f"text of {len(value)} characters, {length} are allowed"
        if dialect == "postgresql" and "\0" in value:
            return "text with a NUL character"
        return None if value.isascii() or _is_unicode(value) else "text that is not Unicode"

    return fault


def _json_fault(value: Any) -> str | None:
    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        # Python would take NaN and Infinity, which are no JSON.
        json.loads(value, parse_constant=refuse)
    except (TypeError, ValueError):
        return "text that is not JSON"
    return None


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _number_fault(limit: int) -> Callable[[Any], str | None]:
    def fault(value: Any) -> str | None:
        if not isinstance(value, int):
            return _wrong(value, "a whole number")
        return None if -limit <= value < limit else f"the number {value}, which is too large"

    return fault


def start_view(connection: Connection) -> None:
    """What a reading transaction does first that others wait for: no limits of time, any bytes."""
    if connection.dialect.name == "postgresql":
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"SET LOCAL {name} = 0"))
        return
    # SQLite keeps whatever it was given; a text that is not Unicode shall be found, not end in a crash.
    driver: Any = connection.connection.driver_connection
    driver.text_factory = lambda kept: kept.decode("utf-8", "surrogateescape")


def others_connected(connection: Connection) -> int:
    """How many other programs use this database by the same account; 0 where it cannot be known."""
    if connection.dialect.name != "postgresql":
        return 0
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND usename = current_user AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend' AND application_name NOT IN ('psql', 'pg_dump')"
    )
    return int(connection.scalar(text(query)) or 0)


def last_id(connection: Connection, table: Table) -> int | None:
    """The highest id that `table` ever gave by itself; None where it gives none, or has not yet."""
    column = table.autoincrement_column
    if column is None:
        return None
    highest = connection.scalar(select(func.max(table.c[column.name])))
    given = None
    if connection.dialect.name == "postgresql":
        if sequence := _sequence(connection, table):
            # Its name is quoted by PostgreSQL itself. Not yet called, it shows the id to come.
            query = text(f"SELECT last_value - 1 + is_called::int FROM {sequence}")  # noqa: S608
            given = connection.scalar(query) or None
    elif table.dialect_options["sqlite"]["autoincrement"]:
        query = text("SELECT max(seq) FROM sqlite_sequence WHERE name = :name")
        given = connection.scalar(query, {"name": table.name})
    return max((int(value) for value in (highest, given) if value is not None), default=None)


def set_last_id(connection: Connection, table: Table, last: int) -> None:
    """Let `table` go on after the id `last`; undone by a rollback."""
    if connection.dialect.name == "postgresql":
        if sequence := _sequence(connection, table):
            # Not setval, which no rollback takes back.
            connection.execute(text(f"ALTER SEQUENCE {sequence} RESTART WITH {last + 1}"))
    elif table.dialect_options["sqlite"]["autoincrement"]:
        values = {"name": table.name, "last": last}
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), values)
        connection.execute(text("INSERT INTO sqlite_sequence VALUES (:name, :last)"), values)


def _sequence(connection: Connection, table: Table) -> str | None:
    column = table.autoincrement_column
    if column is None:
        return None
    # Its answer is quoted as SQL wants it.
    found = connection.scalar(select(func.pg_get_serial_sequence(table.name, column.name)))
    return None if found is None else str(found)
