"""What does not fit is refused alike on both databases, and only where it is written."""

import pytest
from sqlalchemy import insert, select, update

from polyreel.core.options.tables import OptionRow
from polyreel.kit.errors import Invalid
from tests.factories.database import open_database

UNFIT = ["x" * 65, "a\0b", "half\ud800"]


@pytest.fixture
def db(tmp_path):
    made = open_database(tmp_path)
    with made.write() as tx:
        tx.session.execute(insert(OptionRow), [row(tx, "one"), row(tx, "two")])
    yield made
    made.close()
    made.notifier.close()


def row(tx, name, version=1):
    return {"name": name, "value": "1", "version": version, "updated_at": tx.now}


def names(db):
    with db.read() as tx:
        return sorted(tx.session.scalars(select(OptionRow.name)))


@pytest.mark.parametrize("name", UNFIT)
def test_rows_by_statement(db, name):
    with pytest.raises(Invalid), db.write() as tx:
        tx.session.execute(insert(OptionRow), [row(tx, "three"), row(tx, name)])
    with pytest.raises(Invalid), db.write() as tx:
        tx.session.execute(update(OptionRow).where(OptionRow.name == "one").values(name=name))
    assert names(db) == ["one", "two"]


@pytest.mark.parametrize("name", UNFIT)
def test_rows_by_object(db, name):
    with pytest.raises(Invalid), db.write() as tx:
        tx.session.add(OptionRow(**row(tx, name)))
    with pytest.raises(Invalid), db.write() as tx:
        tx.session.get_one(OptionRow, "two").name = name
    assert names(db) == ["one", "two"]


def test_as_much_as_a_column_holds_in_characters(db):
    longest = "\U0001f600" * 64
    with db.write() as tx:
        tx.session.execute(insert(OptionRow).values(**row(tx, longest)))
    assert longest in names(db)


def test_what_is_only_compared_with_may_be_longer(db):
    with db.write() as tx:
        change = update(OptionRow).where(OptionRow.name == "x" * 5000)
        tx.session.execute(change.values(value="2"))
        assert tx.session.scalar(select(OptionRow).where(OptionRow.name == "y" * 5000)) is None


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
def test_a_number_beyond_64_bits(db, number):
    with pytest.raises(Invalid), db.write() as tx:
        tx.session.execute(insert(OptionRow).values(**row(tx, "three", number)))
    with pytest.raises(Invalid), db.read() as tx:
        tx.session.scalar(select(OptionRow).where(OptionRow.version == number))
    assert names(db) == ["one", "two"]
