"""Procrastinate's tables are made, brought up to date, and left alone when they are someone else's."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text

from tests.databases import ON_POSTGRESQL, database_url

pytestmark = pytest.mark.skipif(not ON_POSTGRESQL, reason="tickets are of PostgreSQL")

MARK = "SELECT obj_description('procrastinate_jobs'::regclass)"


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Connection]:
    url = database_url(tmp_path / "empty", empty=True)
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def ensure(connection: Connection) -> str:
    from polyreel.infra.jobs.ticket_tables import ensure_schema

    ensure_schema(connection)
    return str(connection.scalar(text(MARK)))


def functions(connection: Connection) -> set[str]:
    query = (
        "SELECT proname || pg_get_functiondef(oid) FROM pg_proc WHERE proname ~ '^procrastinate_'"
    )
    return set(connection.scalars(text(query)))


def migrations() -> list[Path]:
    from procrastinate.schema import SchemaManager

    return sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))


def test_missing_ones_are_made_once(empty: Connection) -> None:
    mark = ensure(empty)
    assert mark.endswith(migrations()[-1].stem)
    before = functions(empty)
    assert before
    assert ensure(empty) == mark
    assert functions(empty) == before


def test_older_ones_become_as_new_ones(empty: Connection) -> None:
    newest = ensure(empty)
    wanted = functions(empty)
    empty.rollback()
    driver = empty.connection.driver_connection
    assert driver is not None
    known = [path for path in migrations() if path.stem < "03.00"]
    for path in known:
        driver.execute(path.read_text())
        # A new word of an enumeration can only be used by the next transaction.
        driver.commit()
    mark = f"made by polyreel, up to {known[-1].stem}"
    empty.execute(text(f"COMMENT ON TABLE procrastinate_jobs IS '{mark}'"))
    assert ensure(empty) == newest
    assert {body.split("(")[0] for body in functions(empty)} == {
        body.split("(")[0] for body in wanted
    }


def test_those_of_others_are_refused(empty: Connection) -> None:
    empty.execute(text("CREATE TABLE procrastinate_jobs (id int)"))
    with pytest.raises(RuntimeError, match="a database of its own"):
        ensure(empty)
