"""Expressions that each database spells its own way."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

__all__ = ["insert_adding", "insert_ignore", "now_us"]


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


def insert_adding(
    dialect: str, table: Table, *, index: Sequence[str], adding: Sequence[str]
) -> Any:
    """An INSERT that adds the columns `adding` to the row that is there already under `index`."""
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = make(table)
    sums = {name: table.c[name] + statement.excluded[name] for name in adding}
    return statement.on_conflict_do_update(index_elements=list(index), set_=sums)
