"""One server per test. The app in it is made once: that takes longer than most tests."""

import pytest

from tests.contract.videocms.site import Site
from tests.databases import ON_POSTGRESQL


@pytest.fixture(scope="session")
def kept_site(tmp_path_factory):
    made = Site(tmp_path_factory.mktemp("kept"))
    yield made
    made.close()


@pytest.fixture
def own_site(tmp_path):
    """A server that nobody used before, and nobody will."""
    made = Site(tmp_path)
    with made.client:
        yield made
    made.close()


@pytest.fixture
def site(request):
    """A server as on its first day; for tests that use `own_site`, that."""
    if ON_POSTGRESQL or "own_site" in request.fixturenames:
        yield request.getfixturevalue("own_site")
        return
    kept = request.getfixturevalue("kept_site")
    kept.begin_anew()
    with kept.client:
        yield kept


@pytest.fixture
def client(site):
    """The client of bobby, who has a JWT."""
    return site.client
