from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An installation of its own; workers start where the test says so."""
    made = Site(tmp_path / "data")
    yield made
    made.close()
