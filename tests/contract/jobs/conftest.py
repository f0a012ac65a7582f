from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.jobs.site import Site


@pytest.fixture(params=["local"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """An installation on each engine that jobs can run on."""
    made = Site(request.param, tmp_path)
    yield made
    made.close()
