"""A real database and a real folder per test; jobs are only noted."""

import pytest

from polyreel.core import users
from polyreel.core.ingest import tables  # noqa: F401 - its rows join the metadata
from polyreel.infra.notify import Notifier
from polyreel.infra.storage import LocalStorage
from polyreel.infra.tx import Database
from tests.databases import database_url, make_tables


class NotedJobs:
    """Every order, in the order it came; none is run."""

    def __init__(self):
        self.orders = []

    def enqueue(self, tx, order):
        self.orders.append(order)
        return len(self.orders)


@pytest.fixture
def jobs():
    return NotedJobs()


@pytest.fixture
def db(tmp_path, jobs):
    notifier = Notifier(tmp_path / "run")
    found = Database(
        database_url(tmp_path / "test.db"),
        lock_path=tmp_path / "run" / "write.lock",
        notifier=notifier,
        enqueuer=jobs,
    )
    make_tables(found)
    yield found
    found.close()
    notifier.close()


@pytest.fixture
def storage(tmp_path):
    return LocalStorage(tmp_path / "files")


@pytest.fixture
def add_actor(db):
    def add(name="alice", **given):
        with db.write() as tx:
            return users.actor_of(users.create_user(tx, name, password=None, **given))

    return add


@pytest.fixture
def actor(add_actor):
    return add_actor()
