from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.jobs.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An installation on the database of this run, with the engine that goes with it."""
    made = Site(tmp_path)
    yield made
    made.close()
