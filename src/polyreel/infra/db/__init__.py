"""The database: SQLite by default, PostgreSQL at scale. All that differs between them is in this room.

`rows.py` has what tables are made of, `sql.py` the expressions that each database spells its own way,
`sqlite.py` and `postgresql.py` how each is opened, written to by turns, and told to pass notices on.
"""

from polyreel.infra.db.contract import Engines, Trouble
from polyreel.infra.db.opening import open_engines
from polyreel.infra.db.rows import Base, LastWords, UtcTime, sorted_text
from polyreel.infra.db.sql import insert_adding, insert_ignore, now_us

__all__ = [
    "Base",
    "Engines",
    "LastWords",
    "Trouble",
    "UtcTime",
    "insert_adding",
    "insert_ignore",
    "now_us",
    "open_engines",
    "sorted_text",
]
