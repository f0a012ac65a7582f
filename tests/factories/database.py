"""A real database with every table that was imported."""

from pathlib import Path

from polyreel.infra.notify import Notifier
from polyreel.infra.tx import Database
from tests.databases import NoJobs, database_url, make_tables

__all__ = ["open_database"]


def open_database(folder: Path) -> Database:
    """A database in `folder`, with its notifier listening; call it again to play another process.

    The caller closes it and its notifier.
    """
    run_dir = folder / "run"
    notifier = Notifier(run_dir)
    db = Database(
        database_url(folder / "polyreel.db"),
        lock_path=run_dir / "write.lock",
        notifier=notifier,
        enqueuer=NoJobs(),
    )
    notifier.start()
    make_tables(db)
    return db
