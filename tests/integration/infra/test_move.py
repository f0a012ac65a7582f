"""Moving between SQLite and a real PostgreSQL, whose databases here sort by the rules of English."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text

from polyreel.infra.db.copying import plain_table
from polyreel.infra.migrate import upgrade
from polyreel.infra.move import MoveRefused, move
from polyreel.infra.tx import Database
from polyreel.kit.errors import Unavailable
from tests.factories.whole import ODD_NAMES, TABLES, fill, open_whole
from tests.postgres import Postgres


class Places:
    """Databases by name; `new` ones lie on PostgreSQL, others are files."""

    def __init__(self, folder: Path, postgres: Postgres) -> None:
        self.folder, self.postgres = folder, postgres
        self.opened: list[Database] = []

    def file(self, name: str) -> Database:
        return self._open(open_whole(self.folder / name))

    def new(self) -> Database:
        return self.at(self.postgres.url(self.postgres.create()))

    def at(self, url: str) -> Database:
        return self._open(open_whole(self.folder / f"run{len(self.opened)}", url))

    def _open(self, db: Database) -> Database:
        self.opened.append(db)
        return db


@pytest.fixture
def places(tmp_path: Path, postgres: Postgres) -> Iterator[Places]:
    made = Places(tmp_path, postgres)
    yield made
    for db in made.opened:
        db.close()
        db.notifier.close()


@pytest.fixture
def source(places: Places) -> Database:
    db = places.file("source")
    fill(db)
    return db


def moved(source: Database, target: Database) -> dict:
    return {one.table: one for one in move(source, target, report=lambda done: None)}


def rows(db: Database, table: str) -> list:
    with db.read() as tx:
        return sorted(tx.session.execute(select(plain_table(TABLES[table], "sqlite"))).all())


def change(db: Database, statement: str) -> None:
    with db.write() as tx:
        tx.session.execute(text(statement))


def test_there_and_back_every_row_is_the_same(places, source):
    there = moved(source, between := places.new())
    further = moved(between, places.new())
    back = moved(between, home := places.file("home"))
    assert there == further == back
    assert there["folders"].rows == len(ODD_NAMES)
    for table in there:
        assert rows(source, table) == rows(home, table), table


def test_ids_go_on_after_the_last_one_that_was_given(places, source):
    target = places.new()
    moved(source, target)
    with target.write() as tx:
        ask = "SELECT nextval(pg_get_serial_sequence(:table, 'id'))"
        for table, expected in (("users", 4), ("videos", len(ODD_NAMES) + 1), ("api_keys", 1)):
            assert tx.session.scalar(text(ask), {"table": table}) == expected


def test_ids_survive_a_second_move_that_gave_none(places, source):
    moved(source, between := places.new())
    moved(between, home := places.file("home"))
    with home.read() as tx:
        ask = "SELECT seq FROM sqlite_sequence WHERE name = 'videos'"
        assert tx.session.scalar(text(ask)) == len(ODD_NAMES)


def test_what_cannot_be_held_is_named_and_nothing_is_written(places, source):
    change(source, "UPDATE videos SET name = 'a' || char(0) || 'b' WHERE id = 2")
    change(source, "UPDATE media SET width = 3000000000 WHERE id = 1")
    target = places.new()
    with pytest.raises(MoveRefused) as refused:
        moved(source, target)
    assert str(refused.value).splitlines()[1:] == [
        "  table media, id 1, column width: the number 3000000000, which is too large",
        "  table videos, id 2, column name: text with a NUL character",
    ]
    assert rows(target, "users") == []


def test_a_row_that_points_nowhere_is_named(places, source):
    with source.engines.writing(), source.engines.writer.connect() as connection:
        driver = connection.connection.driver_connection
        driver.execute("PRAGMA foreign_keys=OFF")
        driver.execute("UPDATE videos SET media_id = 99 WHERE id = 2")
        driver.execute("PRAGMA foreign_keys=ON")
    with pytest.raises(MoveRefused, match=r'The target refused: .*"videos".*\(media_id\)=\(99\)'):
        moved(source, places.new())


def test_a_difference_undoes_everything(places, source):
    target = places.new()
    upgrade(target)
    change(
        target,
        "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN NEW.progress = 0.30000000000000004; RETURN NEW; END $$",
    )
    change(
        target,
        "CREATE TRIGGER spoil BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION spoil()",
    )
    with pytest.raises(MoveRefused, match="Table jobs is not the same on both sides"):
        moved(source, target)
    assert rows(target, "users") == []
    with target.write() as tx:
        ask = "SELECT nextval(pg_get_serial_sequence('videos', 'id'))"
        assert tx.session.scalar(text(ask)) == 1


class TestRefused:
    def test_the_same_database_under_two_addresses(self, places):
        one = places.new()
        upgrade(one)
        other = places.at(f"{places.postgres.url(name_of(one))}&application_name=other")
        with pytest.raises(MoveRefused, match="the same database"):
            moved(one, other)

    def test_a_source_that_others_are_connected_to(self, places):
        one = places.new()
        upgrade(one)
        other = places.at(places.postgres.url(name_of(one)))
        target = places.new()
        with other.read() as tx:
            tx.session.execute(text("SELECT 1"))
            with pytest.raises(MoveRefused, match="in use by 1 other"):
                moved(one, target)

    def test_a_target_that_is_not_empty(self, places, source):
        target = places.new()
        moved(source, target)
        with pytest.raises(MoveRefused, match="not empty: its table jobs has 5 rows"):
            moved(source, target)

    def test_a_target_that_is_not_there(self, places, source):
        url = places.postgres.url("nowhere")
        with pytest.raises(Unavailable, match=r"target database cannot be reached: .*nowhere"):
            moved(source, places.at(url))
        with pytest.raises(Unavailable, match="target database cannot be reached"):
            moved(source, places.at("postgresql://polyreel:hunter2@127.0.0.1:1/x"))

    def test_a_target_in_another_encoding(self, places, source):
        places.postgres.execute(
            "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc"
            " LC_COLLATE 'C' LC_CTYPE 'C'"
        )
        with pytest.raises(MoveRefused, match="encoding is LATIN1; it must be UTF8"):
            moved(source, places.at(places.postgres.url("latin")))


def name_of(db: Database) -> str:
    return str(db.engines.writer.url.database)
