"""Move everything one database holds into another, empty one: every row, proved equal before it counts.

Knows the tables only as the metadata lists them. The target's whole change is one transaction: rows
are copied, read back on both sides and compared, and only then committed.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from alembic.util import CommandError
from sqlalchemy import Connection, Row, Table, bindparam, func, inspect, select, text, update
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from polyreel.infra.db import Base, Engines
from polyreel.infra.db.copying import (
    JSONText,
    fault_finder,
    last_id,
    others_connected,
    plain_table,
    primary_key_order,
    set_last_id,
    start_view,
)
from polyreel.infra.migrate import newest_revision, revision_of, upgrade
from polyreel.infra.tx import Database
from polyreel.kit.errors import Conflict, Unavailable

__all__ = ["MoveRefused", "Moved", "move"]

# Rows of a batch, and how many bytes of text and blobs end it earlier.
BATCH_ROWS, BATCH_BYTES = 1000, 4 * 1024 * 1024
FETCHED = 100
MOST_FAULTS = 20

Report = Callable[[float], None]


class MoveRefused(Conflict):
    """The move cannot be made, or was undone; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """One table that is now in the target: `digest` is the SHA-256 (hex) over all its rows."""

    table: str
    rows: int
    digest: str


def move(
    source: Database, target: Database, *, upgrade_source: bool = False, report: Report
) -> list[Moved]:
    """Copy every row of `source` into `target`, which is brought to the newest layout first.

    Nobody else may use the two meanwhile: seeing to that is the caller's part, but for connections
    that PostgreSQL knows of. `report` is called with the share that is done, 0 to 1. Raises
    MoveRefused, Unavailable when a database cannot be reached; the target has not changed then, but
    for its empty tables.
    """
    with _told("source", source.engines):
        _check_source(source, upgrade_source)
    with _told("target", target.engines):
        _check_target(source, target)
        _upgrade(target, "target")
    with (
        _told("target", target.engines),
        source.engines.reader.begin() as old,
        target.engines.writing(),
        target.engines.writer.begin() as new,
    ):
        target.engines.begin_upgrade(new)
        start_view(old)
        # Again, now that nobody else can write there.
        _check_empty(new)
        return _Move(old, new, report).run()


@contextmanager
def _told(side: str, engines: Engines) -> Iterator[None]:
    """Errors of the database as sentences."""
    try:
        yield
    except SQLAlchemyError as error:
        if engines.trouble(error) == "away":
            raise MoveUnreachable(side, _in_short(error)) from error
        if isinstance(error, DBAPIError):
            raise MoveRefused(f"The {side} refused: {_in_short(error)}") from error
        raise


class MoveUnreachable(Unavailable):
    """One of the two databases does not answer."""

    def __init__(self, side: str, reason: str) -> None:
        super().__init__(f"The {side} database")
        self.message = f"The {side} database cannot be reached: {reason}"
        self.args = (self.message,)


def _in_short(error: Exception) -> str:
    said = str(error.orig if isinstance(error, DBAPIError) else error).strip()
    return " ".join(line.strip() for line in said.splitlines()[:2])


def _check_source(source: Database, may_upgrade: bool) -> None:
    with source.engines.reader.begin() as connection:
        present = revision_of(connection)
        others = others_connected(connection)
    if others:
        raise MoveRefused(
            f"The source database is in use by {others} other connections: stop every web and worker "
            "process first, on every machine."
        )
    if present is None:
        raise MoveRefused("The source database holds no Polyreel: there is nothing to move.")
    if present != newest_revision():
        if not may_upgrade:
            raise MoveRefused(
                f"The source database has the layout {present}, this version needs "
                f"{newest_revision()}: make a backup, then say --upgrade to bring it up to date first."
            )
        _upgrade(source, "source")


def _check_target(source: Database, target: Database) -> None:
    with target.engines.reader.begin() as connection:
        with source.engines.reader.begin() as other:
            if _is_same(other, connection):
                raise MoveRefused("Source and target are the same database.")
        if connection.dialect.name == "postgresql":
            encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
            if encoding != "UTF8":
                raise MoveRefused(f"The target's encoding is {encoding}; it must be UTF8.")
        names = set(inspect(connection).get_table_names())
        ours = names & set(Base.metadata.tables)
        if ours and revision_of(connection) is None:
            raise MoveRefused(
                f"The target holds tables of something else ({', '.join(sorted(ours))}): give it a "
                "database of its own."
            )
        _check_empty(connection, ours)


def _is_same(one: Connection, other: Connection) -> bool:
    """By a lock that only one connection to a database can have; files are known by the caller."""
    if {one.dialect.name, other.dialect.name} != {"postgresql"}:
        return False
    taken = text(f"SELECT pg_try_advisory_xact_lock({secrets.randbits(62)})")
    return bool(one.scalar(taken)) and not other.scalar(taken)


def _check_empty(connection: Connection, names: set[str] | None = None) -> None:
    for table in Base.metadata.sorted_tables:
        if names is None or table.name in names:
            rows = connection.scalar(select(func.count()).select_from(table))
            if rows:
                raise MoveRefused(
                    f"The target is not empty: its table {table.name} has {rows} rows. "
                    "Nothing was changed."
                )


def _upgrade(db: Database, side: str) -> None:
    try:
        upgrade(db)
    except CommandError as error:
        raise MoveRefused(
            f"The {side} database has a layout that this version does not know: {error}"
        ) from error
    except RuntimeError as error:
        # The queue's tables are someone else's.
        raise MoveRefused(f"The {side}: {error}.") from error


@dataclass
class _Plan:
    """One table: as it stands on both sides, and which columns must wait for rows yet to come."""

    table: Table
    old: Table
    new: Table
    rows: int
    late: list[str] = field(default_factory=list)


class _Move:
    """The copy itself, inside both transactions."""

    def __init__(self, old: Connection, new: Connection, report: Report) -> None:
        self._old = old
        self._new = new
        self._report = report
        self._faults: list[str] = []
        self._plans = self._planned()
        # Every row is read three times: to be copied, and to be compared on both sides.
        self._all = max(1, 3 * sum(plan.rows for plan in self._plans))
        self._done = 0

    def run(self) -> list[Moved]:
        for plan in self._plans:
            self._copy(plan)
        if self._faults:
            raise MoveRefused(
                "The target cannot hold these values; nothing was changed.\n"
                + "\n".join(self._faults)
            )
        for plan in self._plans:
            self._set_late(plan)
        for plan in self._plans:
            last = last_id(self._old, plan.table)
            if last is not None:
                set_last_id(self._new, plan.table, last)
        return [self._compared(plan) for plan in self._plans]

    def _planned(self) -> list[_Plan]:
        plans = []
        there: set[Table] = set()
        for table in Base.metadata.sorted_tables:
            if not table.primary_key.columns:
                raise TypeError(f"{table.name} has no primary key to go by")
            rows = self._old.scalar(select(func.count()).select_from(table)) or 0
            late = [
                column.name
                for column in table.columns
                if any(key.column.table not in there for key in column.foreign_keys)
            ]
            fixed = [name for name in late if not table.c[name].nullable]
            if fixed:
                raise TypeError(f"{table.name} cannot be filled without {', '.join(fixed)}")
            there.add(table)
            plans.append(
                _Plan(
                    table=table,
                    old=plain_table(table, self._old.dialect.name),
                    new=plain_table(table, self._new.dialect.name),
                    rows=rows,
                    late=late,
                )
            )
        return plans

    def _copy(self, plan: _Plan) -> None:
        names = [column.name for column in plan.old.columns]
        checks = [
            (place, column.name, fault_finder(column.type, self._new.dialect.name))
            for place, column in enumerate(plan.new.columns)
        ]
        late = dict.fromkeys(plan.late)
        for batch in self._batches(plan.old):
            for row in batch:
                for place, name, fault in checks:
                    value = row[place]
                    if value is not None and (said := fault(value)):
                        self._note(plan, row, name, said)
            if not self._faults:
                values = [{**dict(zip(names, row, strict=True)), **late} for row in batch]
                self._new.execute(plan.new.insert(), values)
            self._step(len(batch))

    def _note(self, plan: _Plan, row: Row[Any], column: str, said: str) -> None:
        key = ", ".join(f"{c.name} {row._mapping[c]!r}" for c in plan.old.primary_key.columns)
        self._faults.append(f"  table {plan.table.name}, {key}, column {column}: {said}")
        if len(self._faults) >= MOST_FAULTS:
            raise MoveRefused(
                "The target cannot hold these values, and perhaps more; nothing was changed.\n"
                + "\n".join(self._faults)
            )

    def _set_late(self, plan: _Plan) -> None:
        """Fill in the references to rows that came after their own, such as a folder's parent."""
        keys = [column.name for column in plan.old.primary_key.columns]
        for name in plan.late:
            wanted = [*keys, name]
            query = select(*(plan.old.c[each] for each in wanted))
            change = update(plan.new).values({name: bindparam(f"new_{name}")})
            for key in keys:
                change = change.where(plan.new.c[key] == bindparam(f"old_{key}"))
            names = [*(f"old_{key}" for key in keys), f"new_{name}"]
            rows = self._old.execute(
                query.where(plan.old.c[name].is_not(None)),
                execution_options={"yield_per": BATCH_ROWS},
            )
            for batch in rows.partitions():
                values = [dict(zip(names, row, strict=True)) for row in batch]
                self._new.execute(change, values)

    def _compared(self, plan: _Plan) -> Moved:
        before = self._read_back(self._old, plan.old)
        after = self._read_back(self._new, plan.new)
        if before != after:
            raise MoveRefused(
                f"Table {plan.table.name} is not the same on both sides ({before.rows} rows, "
                f"{before.digest[:12]}; {after.rows} rows, {after.digest[:12]}). Nothing was changed."
            )
        return after

    def _read_back(self, connection: Connection, table: Table) -> Moved:
        """Count and hash of all rows, in the order of their keys."""
        query = select(table).order_by(*primary_key_order(table, connection.dialect.name))
        texts = [isinstance(column.type, JSONText) for column in table.columns]
        digest = hashlib.sha256()
        rows = 0
        found = connection.execute(query, execution_options={"yield_per": FETCHED})
        for batch in found.partitions():
            for row in batch:
                digest.update(_canonical(row, texts))
            rows += len(batch)
            self._step(len(batch))
        return Moved(table=table.name, rows=rows, digest=digest.hexdigest())

    def _batches(self, table: Table) -> Iterator[list[Row[Any]]]:
        batch: list[Row[Any]] = []
        size = 0
        found = self._old.execute(select(table), execution_options={"yield_per": FETCHED})
        for rows in found.partitions():
            batch.extend(rows)
            size += sum(
                len(value) for row in rows for value in row if isinstance(value, str | bytes)
            )
            if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _step(self, rows: int) -> None:
        self._done += rows
        self._report(min(1.0, self._done / self._all))


def _canonical(row: Sequence[Any], texts: Sequence[bool]) -> bytes:
    """One row as bytes that are equal where the values are, on whichever database they lie."""
    values = [
        json.dumps(json.loads(value), sort_keys=True)
        if is_json and value is not None
        else repr(value)
        if isinstance(value, float)
        else value
        for value, is_json in zip(row, texts, strict=True)
    ]
    return msgspec.json.encode(values) + b"\n"
