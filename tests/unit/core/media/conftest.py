"""A real installation per test, without workers: jobs wait in their rows."""

import pytest

from tests.factories.site import Site


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path / "data")
    yield made
    made.close()
