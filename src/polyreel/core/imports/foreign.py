"""A foreign SQLite database, read only. Nothing in it is believed: not its tables, not its values.

Tables and columns are found by their names without case and underscores, so that it does not matter
how the program that made them spells, say, `UserID`. A column that is missing reads as None.
"""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

from polyreel.core.imports.errors import NotImportable
from polyreel.kit import clock

__all__ = ["ForeignDatabase", "Row", "open_foreign"]

_MOST_ROWS = 5_000_000
_MOST_CHARACTERS = 60_000
_GREATEST = 2**62
_FIRST_YEAR = 1990
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))? ?(Z|[+-]\d\d:?\d\d)?", re.ASCII
)


class Row:
    """One row; the readers give None for a value of the wrong kind, or out of any reason."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def text(self, name: str, *, longest: int = 4096) -> str | None:
        """A text without NUL, cut to `longest` characters."""
        value = self._values.get(name)
        if isinstance(value, bytes):
            value = value.decode(errors="replace")
        return value.replace("\0", "")[:longest] if isinstance(value, str) else None

    def number(self, name: str) -> int | None:
        """A whole number that is not negative."""
        value = self._values.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return value if isinstance(value, int) and 0 <= value <= _GREATEST else None

    def real(self, name: str) -> float | None:
        """A number that is not infinite."""
        value = self._values.get(name)
        fits = isinstance(value, int | float) and abs(value) <= _GREATEST
        return float(value) if fits and value is not None else None

    def flag(self, name: str) -> bool | None:
        """A truth, as a number or a word."""
        value = self._values.get(name)
        if isinstance(value, str):
            return {"1": True, "true": True, "0": False, "false": False}.get(value.lower())
        return bool(value) if isinstance(value, int | float) else None

    def moment(self, name: str) -> datetime | None:
        """A moment between 1990 and now."""
        found = _moment(self.text(name, longest=64) or "")
        return found if found and found.year >= _FIRST_YEAR and found <= clock.now() else None

    def deadline(self, name: str) -> datetime | None:
        """A moment that may yet come."""
        found = _moment(self.text(name, longest=64) or "")
        return found if found and found.year >= _FIRST_YEAR else None

    def has(self, name: str) -> bool:
        """Whether there is anything, of whatever kind."""
        return self._values.get(name) is not None

    def texts(self) -> dict[str, str]:
        """Every text and whole number, as text, by the name of its column."""
        shown = ((name, self.text(name) or self.number(name)) for name in self._values)
        return {name: str(value) for name, value in shown if value is not None}


def _moment(text: str) -> datetime | None:
    found = _TIME.match(text)
    if found is None:
        return None
    day, time, fraction, zone = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{time}.{(fraction or '0')[:6]:0<6}")
        return moment.replace(tzinfo=_zone(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _zone(text: str | None) -> timezone:
    if not text or text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


class ForeignDatabase:
    """The tables of one database, by their plain names: `apikeys` is `api_keys`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        # No views and no virtual tables: both can be programs.
        found = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0"
        )
        self._tables = {_plain(str(name)): str(name) for (name,) in found}
        self._columns = {plain: self._list_columns(name) for plain, name in self._tables.items()}

    def has(self, table: str, *columns: str) -> bool:
        """Whether there is this table, with at least these columns."""
        return table in self._tables and set(columns) <= self._columns[table].keys()

    def tables_with(self, *columns: str) -> list[str]:
        """Every table that has all of these columns."""
        return [table for table in sorted(self._tables) if self.has(table, *columns)]

    def rows(self, table: str) -> Iterator[Row]:
        """Every row of a table; none where there is no such table. Raises NotImportable."""
        if table not in self._tables:
            return
        columns = self._columns[table]
        wanted = ", ".join(_bounded(name) for name in columns.values())
        query = f"SELECT {wanted} FROM {_quoted(self._tables[table])} LIMIT {_MOST_ROWS + 1}"  # noqa: S608 - names from its own catalogue, quoted
        for number, values in enumerate(self._connection.execute(query)):
            if number >= _MOST_ROWS:
                raise NotImportable(f"There are more than {_MOST_ROWS} {table} in it.")
            yield Row(dict(zip(columns, values, strict=True)))

    def live_rows(self, table: str) -> Iterator[Row]:
        """Rows that have not been deleted; there they stay, with the time of it."""
        return (row for row in self.rows(table) if not row.has("deletedat"))

    def _list_columns(self, table: str) -> dict[str, str]:
        found = self._connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
        return {_plain(str(name)): str(name) for (name,) in found}


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _bounded(column: str) -> str:
    """The column, its longest texts cut before they are read."""
    name = _quoted(column)
    return f"CASE typeof({name}) WHEN 'integer' THEN {name} WHEN 'real' THEN {name} ELSE substr({name}, 1, {_MOST_CHARACTERS}) END"


@contextmanager
def open_foreign(path: Path) -> Iterator[ForeignDatabase]:
    """The database in this file, as it is at this moment; its server may be running.

    It is not changed. Raises NotImportable, also from within the block, for
    what is no SQLite database or is damaged.
    """
    if not path.is_file():
        raise NotImportable(f"There is no file {path}.")
    # Beside a server that stopped cleanly there is nothing to read but the file itself.
    is_in_use = any(path.with_name(path.name + end).exists() for end in ("-wal", "-journal"))
    how = "mode=ro" if is_in_use else "mode=ro&immutable=1"
    try:
        connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?{how}", uri=True)
        try:
            connection.text_factory = lambda data: data.decode(errors="replace")
            for setting in ("query_only=ON", "trusted_schema=OFF", "cell_size_check=ON"):
                connection.execute(f"PRAGMA {setting}")
            connection.execute("BEGIN")
            yield ForeignDatabase(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise NotImportable(f"{path} cannot be read as a SQLite database: {error}.") from None
