"""The media app over ASGI, with rows and bytes that no encoder made."""

import pytest

from tests.contract.media.viewer import Stage
from tests.factories.site import Site


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def stage(site):
    """A film of 10 s: `720p` promised with its first two fragments there, and sound."""
    return Stage(site)
