"""A real SQLite file with every table that was imported."""

from pathlib import Path
from typing import Any

from polyreel.infra.db import Base
from polyreel.infra.notify import Notifier
from polyreel.infra.tx import Database, Tx

__all__ = ["open_database"]


class NoJobs:
    """For domains that enqueue nothing."""

    def enqueue(self, tx: Tx, order: Any) -> int | None:
        """Nobody should come here."""
        raise AssertionError(f"unexpected job {order}")


def open_database(folder: Path) -> Database:
    """A database in `folder`, with its notifier listening; call it again to play another process.

    The caller closes it and its notifier.
    """
    run_dir = folder / "run"
    notifier = Notifier(run_dir)
    notifier.start()
    db = Database(
        f"sqlite:///{folder / 'polyreel.db'}",
        lock_path=run_dir / "write.lock",
        notifier=notifier,
        enqueuer=NoJobs(),
    )
    with db.engines.writing():
        Base.metadata.create_all(db.engines.writer)
    return db
