"""One unit of work: all or nothing, and notices only after the commit."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from polyreel.infra.notify import Notifier
from polyreel.infra.tx import Database, EventOrder, JobOrder, Tx
from tests.databases import database_url, only_sqlite
from tests.factories.database import open_database


class NoJobs:
    """Remembers what was ordered."""

    def __init__(self) -> None:
        self.orders: list[JobOrder] = []

    def enqueue(self, tx: Tx, order: JobOrder) -> int | None:
        self.orders.append(order)
        return 1


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    made = Database(
        database_url(tmp_path / "x.db"),
        lock_path=tmp_path / "lock",
        notifier=Notifier(tmp_path / "run"),
        enqueuer=NoJobs(),
    )
    with made.write() as tx:
        tx.session.execute(text("CREATE TABLE t (x INTEGER)"))
    yield made
    made.notifier.close()
    made.close()


def count(db: Database) -> int:
    with db.read() as tx:
        return int(tx.session.execute(text("SELECT count(*) FROM t")).scalar_one())


def test_commits_when_left(db: Database) -> None:
    with db.write() as tx:
        tx.session.execute(text("INSERT INTO t VALUES (1)"))
        assert count(db) == 0
    assert count(db) == 1


@only_sqlite("a file and its modes")
@pytest.mark.parametrize("was_there", [False, True])
def test_its_files_are_for_their_owner_alone(tmp_path: Path, was_there: bool) -> None:
    tmp_path.chmod(0o755)
    if was_there:
        (tmp_path / "polyreel.db").touch(mode=0o644)
    db = open_database(tmp_path)
    try:
        found = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("polyreel.db*")}
        assert found == dict.fromkeys(["polyreel.db", "polyreel.db-wal", "polyreel.db-shm"], 0o600)
    finally:
        db.close()
        db.notifier.close()


def test_rolls_back_and_says_nothing_on_an_error(db: Database) -> None:
    done: list[str] = []

    def broken() -> None:
        with db.write() as tx:
            tx.session.execute(text("INSERT INTO t VALUES (1)"))
            tx.after_commit(lambda: done.append("action"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert count(db) == 0
    assert done == []


class Noted:
    """A recorder that keeps what each transaction emitted."""

    def __init__(self) -> None:
        self.seen: list[list[str]] = []

    def record(self, tx: Tx, events: Sequence[EventOrder]) -> None:
        self.seen.append([event.kind for event in events])
        tx.session.execute(text("INSERT INTO t VALUES (7)"))


def test_what_is_emitted_is_written_once_with_the_rest(db: Database) -> None:
    db.recorder = noted = Noted()
    with db.write() as tx:
        tx.emit("a", owner_id=1, data={})
        tx.emit("b", owner_id=1, data={})
        assert noted.seen == []
    assert noted.seen == [["a", "b"]]
    assert count(db) == 1
    with db.write():
        pass
    assert len(noted.seen) == 1


def test_a_part_that_fails_takes_its_rows_and_events_back(db: Database) -> None:
    db.recorder = noted = Noted()

    def part(tx: Tx) -> None:
        with tx.attempt():
            tx.session.execute(text("INSERT INTO t VALUES (1)"))
            tx.emit("b", owner_id=1, data={})
            raise ZeroDivisionError

    with db.write() as tx:
        tx.emit("a", owner_id=1, data={})
        with pytest.raises(ZeroDivisionError):
            part(tx)
    assert noted.seen == [["a"]]
    assert count(db) == 1


def test_events_need_a_turn_to_write(db: Database) -> None:
    for block in (db.read(), db.write(alone=False)):
        with block as tx, pytest.raises(RuntimeError, match="turn"):
            tx.emit("a", owner_id=1, data={})


def test_actions_run_after_the_commit(db: Database) -> None:
    seen: list[int] = []
    with db.write() as tx:
        tx.session.execute(text("INSERT INTO t VALUES (1)"))
        tx.after_commit(lambda: seen.append(count(db)))
    assert seen == [1]


def test_reading_cannot_write(db: Database) -> None:
    with pytest.raises(DBAPIError), db.read() as tx:
        tx.session.execute(text("INSERT INTO t VALUES (1)"))


def test_a_write_block_inside_a_write_block_is_an_error_not_a_deadlock(db: Database) -> None:
    with db.write(), pytest.raises(RuntimeError, match="write block"), db.write():
        pass
    with db.write() as tx:
        tx.session.execute(text("INSERT INTO t VALUES (1)"))
    assert count(db) == 1


def test_orders_reach_the_queue(db: Database) -> None:
    with db.write() as tx:
        assert tx.enqueue("probe", key="k", delay_s=2, media_id=5) == 1
    queue = db.enqueuer
    assert isinstance(queue, NoJobs)
    assert queue.orders == [
        JobOrder(
            kind="probe", key="k", priority=None, owner_id=None, delay_s=2, args={"media_id": 5}
        )
    ]
