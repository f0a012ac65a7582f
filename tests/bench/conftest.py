"""What benchmarks share: long films made of real clips, and a table of what was found."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.films import Films
from tests.bench.table import Table


@pytest.fixture(scope="session")
def films(
    clip_dir: Path | None, ffmpeg_exe: str, tmp_path_factory: pytest.TempPathFactory
) -> Films:
    """Real clips looped to any length; needs the folder of real clips."""
    if clip_dir is None:
        pytest.skip("no real clips here: set POLYREEL_TEST_MEDIA")
    return Films(clip_dir, tmp_path_factory.mktemp("films"), ffmpeg_exe)


@pytest.fixture
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    """Rows are printed as they come; goals that were missed fail the test at its end."""
    made = Table(request.node.name)
    yield made
    if made.missed:
        pytest.fail("missed: " + "; ".join(made.missed), pytrace=False)
