"""A small database with a row of every sort that is hard to move."""

from pathlib import Path
from typing import Any

from sqlalchemy import insert, text

import polyreel.app  # noqa: F401 - knows everyone's tables
from polyreel.infra.db import Base, UtcTime
from polyreel.infra.migrate import upgrade
from polyreel.infra.notify import Notifier
from polyreel.infra.tx import Database
from polyreel.kit import clock
from tests.databases import NoJobs

__all__ = ["ODD_NAMES", "TABLES", "fill", "make_row", "open_whole"]

ODD_NAMES = (
    "Ünïcödé",
    "日本語の映画",
    "👨‍👩‍👧‍👦 🎞️",
    "עברית \u202ertl",
    "e\u0301 \u00e9",
    "%_'\"\\; --",
    "\u001f\u007f",
    " lead, trail ",
    "\ue000\U0010fffd",
)
TABLES = Base.metadata.tables


def open_whole(folder: Path, url: str | None = None) -> Database:
    """A database (at `url`, else a SQLite file in `folder`) without any table yet; the caller closes it."""
    folder.mkdir(parents=True, exist_ok=True)
    return Database(
        url or f"sqlite:///{folder / 'polyreel.db'}",
        lock_path=folder / "write.lock",
        notifier=Notifier(folder),
        enqueuer=NoJobs(),
    )


def fill(db: Database) -> None:
    """Bring it up to date, and put rows into it: folders under later ones, jobs in every state, ids
    that were given and are gone, odd names, large numbers, bytes, JSON, no value at all.
    """
    upgrade(db)
    with db.write() as tx:
        last = len(ODD_NAMES)

        def add(table: str, **given: Any) -> None:
            tx.session.execute(insert(TABLES[table]).values(make_row(table, **given)))

        add(
            "users", id=3, name="ada", is_admin=True, token_version=2**62 + 1, balance=0.1,
            settings={"z": [1.5, None, True, "é🎬"], "a": 2**60, "\0": "\0"},
            created_at=clock.from_us(-1), updated_at=clock.from_us(2**52 + 1),
        )  # fmt: skip
        for number in range(last, 0, -1):
            above = number + 1 if number < last else None
            add("folders", id=number, user_id=3, parent_id=above, name=ODD_NAMES[number - 1])
        for number, name in enumerate(ODD_NAMES, 1):
            add("media", id=number, uid=f"m{number}", size_bytes=2**41, cuts=bytes(range(256)))
            add(
                "videos", id=number, uuid=f"v{number}", user_id=3, folder_id=number,
                media_id=number, name=name,
            )  # fmt: skip
        for state in ("queued", "running", "succeeded", "failed", "cancelled"):
            add("jobs", key=state, args={"b": 1, "a": "ü"}, state=state)
        for name in ("Zeta", "alpha", "Beta", "_x", "ähm", "z"):
            add("periodic", name=name, slot=2**50)
        # The newest video is gone; its id must not come again.
        tx.session.execute(text("DELETE FROM videos WHERE id = :id"), {"id": last})


def make_row(table: str, **given: Any) -> dict[str, Any]:
    """A row of `table` with `given`, and something in every other column that must have a value."""
    row = dict(given)
    for column in TABLES[table].columns:
        is_needed = not column.nullable and column.default is None and not column.primary_key
        if is_needed and column.name not in given:
            kind = column.type.python_type
            row[column.name] = clock.now() if isinstance(column.type, UtcTime) else kind()
    return row
