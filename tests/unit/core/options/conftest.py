"""A real SQLite file per test."""

import pytest

from tests.factories.database import open_database


@pytest.fixture
def open_db(tmp_path):
    """Call it once per process that is played."""
    opened = []

    def open_one():
        opened.append(open_database(tmp_path))
        return opened[-1]

    yield open_one
    for db in opened:
        db.close()
        db.notifier.close()


@pytest.fixture
def db(open_db):
    return open_db()
