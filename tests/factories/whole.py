"""A small database with a row of every sort that is hard to move."""

from pathlib import Path
from typing import Any

from sqlalchemy import insert, text

import polyreel.app  # noqa: F401 - knows everyone's tables
from polyreel.infra.db import Base
from polyreel.infra.migrate import upgrade
from polyreel.infra.notify import Notifier
from polyreel.infra.tx import Database
from polyreel.kit import clock
from tests.factories.database import NoJobs

__all__ = ["ODD_NAMES", "fill", "open_whole"]

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
        tx.session.execute(
            insert(TABLES["users"]).values(
                id=3, uuid="u", name="ada", name_folded="ada", is_admin=True,
                token_version=2**62 + 1, quota_bytes=2**53 + 1, balance=0.1,
                settings={"z": [1.5, None, True, "é🎬"], "a": 2**60, "\0": "\0"},
                created_at=clock.from_us(-1), updated_at=clock.from_us(2**52 + 1),
            )
        )  # fmt: skip
        folders = len(ODD_NAMES)
        for number in range(folders, 0, -1):
            above = number + 1 if number < folders else None
            tx.session.execute(insert(TABLES["folders"]).values(_folder(number, above)))
        for number, name in enumerate(ODD_NAMES, 1):
            tx.session.execute(insert(TABLES["media"]).values(_media(number)))
            tx.session.execute(insert(TABLES["videos"]).values(_video(number, name)))
        for state in ("queued", "running", "succeeded", "failed", "cancelled"):
            tx.session.execute(insert(TABLES["jobs"]).values(_job(state)))
        names = ("Zeta", "alpha", "Beta", "_x", "ähm", "z")
        rows = [{"name": name, "slot": 2**50} for name in names]
        tx.session.execute(insert(TABLES["periodic"]), rows)
        # The newest video is gone; its id must not come again.
        tx.session.execute(text("DELETE FROM videos WHERE id = :id"), {"id": folders})


def _folder(number: int, above: int | None) -> dict[str, Any]:
    now = clock.now()
    return {
        "id": number, "user_id": 3, "parent_id": above, "name": ODD_NAMES[number - 1],
        "created_at": now, "updated_at": now,
    }  # fmt: skip


def _media(number: int) -> dict[str, Any]:
    now = clock.now()
    return {
        "id": number, "uid": f"m{number}", "size_bytes": 2**41, "original_key": "k",
        "state": "ready", "cuts": bytes(range(256)), "created_at": now, "updated_at": now,
    }  # fmt: skip


def _video(number: int, name: str) -> dict[str, Any]:
    now = clock.now()
    return {
        "id": number, "uuid": f"v{number}", "user_id": 3, "folder_id": number, "media_id": number,
        "name": name, "filename": name, "source": "web", "visibility": "private",
        "created_at": now, "updated_at": now,
    }  # fmt: skip


def _job(state: str) -> dict[str, Any]:
    now = clock.now()
    return {
        "kind": "k", "lane": "fast", "key": state, "args": {"b": 1, "a": "ü"}, "state": state,
        "max_attempts": 5, "run_after": now, "created_at": now,
    }  # fmt: skip
