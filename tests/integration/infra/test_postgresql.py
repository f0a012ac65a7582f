"""What PostgreSQL must do for us that SQLite does by itself: turns, views, notices, honest trouble."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from polyreel.app import close_tools, open_tools
from polyreel.infra.migrate import upgrade
from polyreel.infra.notify import ANYTHING, Notifier
from polyreel.infra.tx import Database, DatabaseUnavailable
from polyreel.kit.errors import Invalid
from polyreel.settings import Settings
from tests.databases import NoJobs
from tests.postgres import Postgres


class Houses:
    """Databases as processes on different machines have them: no run folder in common."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.opened: list[Database] = []
        self.heard: list[list[str]] = []

    def open(self) -> Database:
        run_dir = self.folder / f"run{len(self.opened)}"
        notifier = Notifier(run_dir)
        db = Database(self.url, lock_path=run_dir / "lock", notifier=notifier, enqueuer=NoJobs())
        heard: list[str] = []
        self.heard.append(heard)
        notifier.subscribe(heard.extend)
        notifier.start()
        self.opened.append(db)
        return db

    def close(self) -> None:
        for db in self.opened:
            db.notifier.close()
            db.close()


@pytest.fixture
def houses(postgres: Postgres, tmp_path: Path) -> Iterator[Houses]:
    name = postgres.create()
    postgres.execute("CREATE TABLE t (x INTEGER, s TEXT)", database=name)
    made = Houses(postgres.url(name), tmp_path)
    yield made
    made.close()
    postgres.drop(name)


def wait_until(heard: list[str], topic: str, within_s: float = 5.0) -> None:
    deadline = time.monotonic() + within_s
    while topic not in heard:
        assert time.monotonic() < deadline, heard
        time.sleep(0.005)


def numbers(db: Database) -> list[int]:
    with db.read() as tx:
        return list(tx.session.scalars(text("SELECT x FROM t ORDER BY x")))


def test_what_was_checked_still_holds_when_it_is_written(houses: Houses) -> None:
    def add_the_next(db: Database) -> None:
        for _ in range(10):
            with db.write() as tx:
                last = tx.session.scalar(text("SELECT coalesce(max(x), 0) FROM t"))
                tx.session.execute(text("INSERT INTO t (x) VALUES (:x)"), {"x": last + 1})

    threads = [threading.Thread(target=add_the_next, args=(houses.open(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert numbers(houses.open()) == list(range(1, 41))


def test_writers_that_need_not_be_alone_do_not_wait(houses: Houses) -> None:
    one, other = houses.open(), houses.open()
    with one.write() as waiting:
        waiting.session.execute(text("INSERT INTO t (x) VALUES (1)"))
        with other.write(alone=False) as tx:
            tx.session.execute(text("INSERT INTO t (x) VALUES (2)"))
        assert numbers(other) == [2]
    assert numbers(other) == [1, 2]


def test_a_write_block_inside_a_write_block_is_a_mistake_here_too(houses: Houses) -> None:
    db = houses.open()
    with db.write(), pytest.raises(RuntimeError, match="inside"), db.write():
        pass


def test_a_view_stays_as_it_was_when_it_began(houses: Houses) -> None:
    db = houses.open()
    with db.read() as tx:
        before = tx.session.scalar(text("SELECT count(*) FROM t"))
        with houses.open().write() as writer:
            writer.session.execute(text("INSERT INTO t (x) VALUES (1)"))
        assert tx.session.scalar(text("SELECT count(*) FROM t")) == before
    assert numbers(db) == [1]


def test_reading_cannot_write(houses: Houses) -> None:
    db = houses.open()
    with pytest.raises(DBAPIError, match="read-only"), db.read() as tx:
        tx.session.execute(text("INSERT INTO t (x) VALUES (1)"))
    assert numbers(db) == []


def test_notices_reach_every_machine_with_the_commit_and_never_after_a_rollback(
    houses: Houses,
) -> None:
    here = houses.open()
    houses.open()
    with pytest.raises(ZeroDivisionError), here.write() as tx:  # noqa: PT012 - what is told and undone
        tx.notify("never")
        raise ZeroDivisionError
    with here.write() as tx:
        tx.notify("video:1")
        tx.notify("library:2")
    for heard in houses.heard:
        wait_until(heard, "library:2")
        assert "video:1" in heard
        assert "never" not in heard


def test_more_than_a_notice_holds_is_anything(houses: Houses) -> None:
    here = houses.open()
    houses.open()
    wait_until(houses.heard[1], ANYTHING)
    houses.heard[1].clear()
    with here.write() as tx:
        for number in range(2000):
            tx.notify(f"video:{number}")
    wait_until(houses.heard[1], ANYTHING)


def test_whose_ear_was_cut_off_hears_anything_and_then_everything_again(
    houses: Houses, postgres: Postgres
) -> None:
    here = houses.open()
    wait_until(houses.heard[0], ANYTHING)
    houses.heard[0].clear()
    postgres.terminate_connections()
    wait_until(houses.heard[0], ANYTHING)
    with here.write() as tx:
        tx.notify("later")
    wait_until(houses.heard[0], "later")


def test_broken_connections_are_told_as_unavailable_and_replaced(
    houses: Houses, postgres: Postgres
) -> None:
    db = houses.open()
    with pytest.raises(DatabaseUnavailable) as told, db.write() as tx:  # noqa: PT012 - one block
        tx.session.execute(text("INSERT INTO t (x) VALUES (1)"))
        postgres.terminate_connections()
        tx.session.execute(text("INSERT INTO t (x) VALUES (2)"))
    assert told.value.retry_after_s > 0
    assert numbers(db) == []


def test_a_server_that_is_away_is_told_as_unavailable(houses: Houses, postgres: Postgres) -> None:
    db = houses.open()
    assert numbers(db) == []
    postgres.stop()
    try:
        for _ in range(3):
            with pytest.raises(DatabaseUnavailable):
                numbers(db)
    finally:
        postgres.start()
    assert numbers(db) == []


@pytest.mark.parametrize(("x", "s"), [(1, "a\x00b"), (2**40, "")])
def test_what_it_cannot_hold_is_invalid(houses: Houses, x: int, s: str) -> None:
    with pytest.raises(Invalid), houses.open().write() as tx:
        tx.session.execute(text("INSERT INTO t VALUES (:x, :s)"), {"x": x, "s": s})


def test_a_mistake_of_ours_stays_one(houses: Houses) -> None:
    with pytest.raises(DBAPIError), houses.open().read() as tx:
        tx.session.execute(text("SELECT nothing FROM nowhere"))


def test_many_may_upgrade_at_once(postgres: Postgres, tmp_path: Path) -> None:
    name = postgres.create()
    failed: list[BaseException] = []

    def one(number: int) -> None:
        folder = tmp_path / str(number)
        tools = open_tools(Settings(data_dir=folder, database_url=postgres.url(name)))
        try:
            upgrade(tools.db)
        except BaseException as error:  # noqa: BLE001 - looked at below
            failed.append(error)
        finally:
            close_tools(tools)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert postgres.execute("SELECT count(*) FROM alembic_version", database=name) == [(1,)]
