from pathlib import Path

import pytest

from polyreel.infra.storage import LocalStorage, Storage


@pytest.fixture(params=["local"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """An empty storage of each sort."""
    assert request.param == "local"
    return LocalStorage(tmp_path / "files")
