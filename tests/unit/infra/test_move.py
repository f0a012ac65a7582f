"""Moving everything from one database into another; SQLite on both sides, whatever the tests run on."""

import pytest
from sqlalchemy import insert, select, text

from polyreel.infra import move as moving
from polyreel.infra.db import Base
from polyreel.infra.db.copying import fault_finder, plain_table
from polyreel.infra.migrate import upgrade
from polyreel.infra.move import MoveRefused, move
from tests.factories.whole import ODD_NAMES, TABLES, fill, make_row, open_whole


@pytest.fixture
def opened(tmp_path):
    """Open databases by name."""
    dbs = {}

    def opened(name):
        if name not in dbs:
            dbs[name] = open_whole(tmp_path / name)
        return dbs[name]

    yield opened
    for db in dbs.values():
        db.close()
        db.notifier.close()


@pytest.fixture
def source(opened):
    fill(opened("source"))
    return opened("source")


def moved(source, target, **more):
    return {one.table: one for one in move(source, target, report=lambda done: None, **more)}


def rows(db, table):
    plain = plain_table(TABLES[table], "sqlite")
    with db.read() as tx:
        return sorted(tx.session.execute(select(plain)).all())


def change(db, statement, **values):
    with db.write() as tx:
        tx.session.execute(text(statement), values)


def test_there_and_back_every_row_is_the_same(source, opened):
    there = moved(source, opened("target"))
    back = moved(opened("target"), opened("back"))
    assert list(there) == [table.name for table in Base.metadata.sorted_tables]
    assert there["folders"].rows == len(ODD_NAMES)
    assert there == back
    for name in there:
        assert rows(source, name) == rows(opened("back"), name), name


def test_rows_that_point_at_later_rows_of_their_own_table_arrive_in_any_order(
    source, opened, monkeypatch
):
    monkeypatch.setattr(moving, "BATCH_ROWS", 2)
    monkeypatch.setattr(moving, "FETCHED", 1)
    moved(source, opened("target"))
    folders = [row[:3] for row in rows(opened("target"), "folders")]
    assert folders[0] == (1, 3, 2)
    assert folders[-1] == (len(ODD_NAMES), 3, None)


def test_an_id_that_was_given_is_not_given_again(source, opened):
    target = opened("target")
    moved(source, target)
    last = len(ODD_NAMES)
    with target.write() as tx:
        again = make_row("videos", uuid="new", user_id=3, media_id=1)
        made = tx.session.execute(insert(TABLES["videos"]).values(again))
        assert made.inserted_primary_key == (last + 1,)


def test_a_target_with_the_newest_layout_and_no_rows_is_fine(source, opened):
    upgrade(opened("target"))
    assert moved(source, opened("target"))["users"].rows == 1


def test_the_share_that_is_done_grows_to_one(source, opened):
    shares: list[float] = []
    move(source, opened("target"), report=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


class TestRefused:
    def test_a_target_that_is_not_empty(self, source, opened):
        target = opened("target")
        upgrade(target)
        change(target, "INSERT INTO periodic VALUES ('a', 1)")
        with pytest.raises(MoveRefused, match=r"not empty: its table periodic has 1 rows"):
            moved(source, target)
        assert rows(target, "users") == []

    def test_tables_of_someone_else(self, source, opened):
        change(opened("target"), "CREATE TABLE users (id INTEGER)")
        with pytest.raises(MoveRefused, match=r"something else \(users\)"):
            moved(source, opened("target"))

    def test_a_source_without_layout(self, opened):
        with pytest.raises(MoveRefused, match="nothing to move"):
            moved(opened("source"), opened("target"))

    def test_an_older_source_unless_it_may_be_brought_up_to_date(self, source, opened, monkeypatch):
        monkeypatch.setattr(moving, "newest_revision", lambda: "9999")
        with pytest.raises(MoveRefused, match=r"layout \d+, this version needs 9999.*--upgrade"):
            moved(source, opened("target"))
        brought = []

        def seen(db):
            brought.append(db)
            upgrade(db)

        monkeypatch.setattr(moving, "upgrade", seen)
        moved(source, opened("target"), upgrade_source=True)
        assert brought == [source, opened("target")]

    def test_a_target_of_a_newer_version(self, source, opened):
        upgrade(opened("target"))
        change(opened("target"), "UPDATE alembic_version SET version_num = 'later'")
        with pytest.raises(MoveRefused, match="layout that this version does not know"):
            moved(source, opened("target"))

    def test_a_difference_undoes_everything_and_names_the_table(self, source, opened):
        target = opened("target")
        upgrade(target)
        change(
            target,
            "CREATE TRIGGER spoil AFTER INSERT ON videos BEGIN"
            " UPDATE videos SET name = 'spoilt' WHERE id = 1; END",
        )
        with pytest.raises(MoveRefused, match=r"Table videos is not the same .* Nothing was"):
            moved(source, target)
        assert rows(target, "users") == []

    def test_a_row_that_is_lost_is_a_difference(self, source, opened):
        target = opened("target")
        upgrade(target)
        change(
            target,
            "CREATE TRIGGER lose AFTER INSERT ON jobs BEGIN DELETE FROM jobs WHERE id = 2; END",
        )
        with pytest.raises(MoveRefused, match=r"Table jobs .*\(5 rows, .*; 4 rows, "):
            moved(source, target)

    def test_values_that_make_no_sense_are_named(self, source, opened):
        change(source, "UPDATE videos SET name = CAST(x'ff41' AS TEXT) WHERE id = 2")
        change(source, "UPDATE videos SET policy_version = 'many' WHERE id = 3")
        change(source, "UPDATE users SET settings = '{'")
        with pytest.raises(MoveRefused) as refused:
            moved(source, opened("target"))
        assert str(refused.value).splitlines()[1:] == [
            "  table users, id 3, column settings: text that is not JSON",
            "  table videos, id 2, column name: text that is not Unicode",
            "  table videos, id 3, column policy_version: a value of type str where a whole number"
            " belongs",
        ]


class TestWhatPostgreSQLCannotHold:
    @pytest.mark.parametrize(
        ("table", "column", "value", "said"),
        [
            ("videos", "name", "a\0b", "text with a NUL character"),
            ("videos", "name", "a" * 256, "text of 256 characters, 255 are allowed"),
            ("media", "width", 2**31, "the number 2147483648, which is too large"),
            ("users", "settings", '{"a": NaN}', "text that is not JSON"),
            ("videos", "name", "ä" * 255, None),
            ("media", "message", "long" * 9999, None),
            ("media", "width", -(2**31), None),
            ("media", "size_bytes", 2**63 - 1, None),
            ("users", "settings", '{"a": "\\u0000"}', None),
        ],
    )
    def test_is_said(self, table, column, value, said):
        plain = plain_table(TABLES[table], "postgresql")
        assert fault_finder(plain.c[column].type, "postgresql")(value) == said


def test_every_table_can_be_moved():
    for table in Base.metadata.sorted_tables:
        for dialect in ("sqlite", "postgresql"):
            assert len(plain_table(table, dialect).columns) == len(table.columns)
