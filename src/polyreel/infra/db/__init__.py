"""The database: SQLite by default, PostgreSQL at scale. All that differs between them is in this room.

`rows.py` has what tables are made of, `sql.py` the expressions that each database spells its own way,
`text_index.py` what finds parts of names, `sqlite.py` and `postgresql.py` how each is opened, written to by turns, and told to pass notices on.
"""

from polyreel.infra.db.contract import Engines, Trouble
from polyreel.infra.db.opening import open_engines
from polyreel.infra.db.rows import Base, LastWords, UtcTime, sorted_text
from polyreel.infra.db.sql import insert_adding, insert_ignore, now_us
from polyreel.infra.db.text_index import (
    ensure_text_indexes,
    is_text_index,
    make_searchable,
    rows_near,
)

__all__ = [
    "Base",
    "Engines",
    "LastWords",
    "Trouble",
    "UtcTime",
    "ensure_text_indexes",
    "insert_adding",
    "insert_ignore",
    "is_text_index",
    "make_searchable",
    "now_us",
    "open_engines",
    "rows_near",
    "sorted_text",
]
