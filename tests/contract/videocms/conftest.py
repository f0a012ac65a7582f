"""One server per test."""

import pytest

from tests.contract.videocms.site import Site


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    with made.client:
        yield made
    made.close()


@pytest.fixture
def client(site):
    """The client of bobby, who has a JWT."""
    return site.client
