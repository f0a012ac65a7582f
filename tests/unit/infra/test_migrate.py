"""Migrations make exactly the tables that the code has."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

import polyreel
from polyreel.app import TABLES, close_tools, open_tools
from polyreel.infra.db import Base, is_text_index
from polyreel.infra.migrate import newest_revision, revision_of, upgrade
from polyreel.settings import Settings
from tests.databases import ON_POSTGRESQL, database_url, only_sqlite


@pytest.fixture
def db(tmp_path):
    url = database_url(tmp_path / "polyreel.db", empty=True)
    tools = open_tools(Settings(data_dir=tmp_path, database_url=url))
    yield tools.db
    close_tools(tools)


def schema_of(db):
    if ON_POSTGRESQL:
        found = inspect(db.engines.reader)
        tables = found.get_multi_columns().items()
        return {table: str(columns) for (_, table), columns in tables}
    with db.engines.reader.connect() as connection:
        rows = connection.execute(text("SELECT name, sql FROM sqlite_master"))
        return {name: sql for name, sql in rows if not name.startswith("sqlite_")}


def is_ours(name, kind, parents):
    """Procrastinate looks after its tables itself, and indexes of texts are no tables of the code's."""
    return not is_text_index(name) and (kind != "table" or not name.startswith("procrastinate_"))


def test_an_empty_database_becomes_the_one_the_code_knows(db):
    assert TABLES
    upgrade(db)
    with db.engines.reader.connect() as connection:
        opts = {"compare_type": True, "include_name": is_ours}
        found = compare_metadata(MigrationContext.configure(connection, opts=opts), Base.metadata)
    assert found == []


@only_sqlite("PostgreSQL gives no id twice")
def test_ids_that_outlive_their_rows_are_never_given_again(db):
    upgrade(db)
    wanted = {
        table.name
        for table in Base.metadata.tables.values()
        if table.dialect_options["sqlite"]["autoincrement"]
    }
    assert {"media", "videos", "renditions", "parts", "jobs", "users", "api_keys"} <= wanted
    schema = schema_of(db)
    assert {name for name in schema if "AUTOINCREMENT" in (schema[name] or "")} == wanted


def test_a_second_upgrade_changes_nothing(db):
    upgrade(db)
    before = schema_of(db)
    upgrade(db)
    assert schema_of(db) == before


def test_the_newest_layout_is_the_last_of_the_migrations_for_alembic_too(db):
    config = Config()
    config.set_main_option("script_location", str(Path(polyreel.__file__).parent / "migrations"))
    assert newest_revision() == ScriptDirectory.from_config(config).get_current_head()
    with db.engines.reader.connect() as connection:
        assert revision_of(connection) is None
    upgrade(db)
    with db.engines.reader.connect() as connection:
        assert revision_of(connection) == newest_revision()


def test_alembic_is_not_loaded_where_all_is_in_place(db, tmp_path):
    upgrade(db)
    url = str(db.engines.reader.url.render_as_string(hide_password=False))
    program = """
import sys
from pathlib import Path
from polyreel.app import close_tools, open_tools
from polyreel.infra.migrate import upgrade
from polyreel.settings import Settings
tools = open_tools(Settings(data_dir=Path(sys.argv[1]), database_url=sys.argv[2]))
upgrade(tools.db)
close_tools(tools)
print("alembic" in sys.modules)
"""
    command = [sys.executable, "-c", program, str(tmp_path), url.replace("+psycopg", "")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_foreign_keys_are_indexed_or_lead_their_key(db):
    """Deleting a parent looks for its children: without an index that reads the whole table."""
    upgrade(db)
    lacking = []
    found = inspect(db.engines.reader)
    for table in found.get_table_names():
        leads = [tuple(index["column_names"]) for index in found.get_indexes(table)]
        leads += [tuple(key["column_names"]) for key in found.get_unique_constraints(table)]
        leads.append(tuple(found.get_pk_constraint(table)["constrained_columns"]))
        for key in found.get_foreign_keys(table):
            columns = tuple(key["constrained_columns"])
            if not any(lead[: len(columns)] == columns for lead in leads):
                lacking.append((table, columns))
    # A hundred rows a person at most.
    assert set(lacking) <= {("key_audit", ("user_id",))}
