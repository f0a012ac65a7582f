"""Faults on PostgreSQL need a server that may be broken: one of their own, whatever the other tests use."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from polyreel.infra.migrate import upgrade
from tests.contract.jobs.site import Site, effects
from tests.postgres import Postgres


@pytest.fixture
def postgres_site(postgres: Postgres, tmp_path: Path) -> Iterator[Site]:
    """The installation of the job contract on that server."""
    name = postgres.create()
    made = Site(tmp_path, url=postgres.url(name))
    try:
        db = made.database([])
        upgrade(db)
        effects.metadata.create_all(db.engines.writer)
        yield made
    finally:
        made.close()
        postgres.drop(name)
