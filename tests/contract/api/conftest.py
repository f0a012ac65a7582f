"""One server for a whole module."""

import pytest

from tests.contract.api.house import House


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("house"))
    yield made
    made.close()
