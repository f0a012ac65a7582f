"""Lists and searches in libraries of 1,000, 10,000 and 100,000 videos: they take as long in all of them.

One server for each size, asked in turns over a kept-alive connection. A folder of 1,000 videos (the
smallest library is that folder alone) and a search that finds eleven; 10,000 folders in the largest.
"""

import json
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.bench.library import fill
from tests.bench.table import Table
from tests.bench.workbench import opened
from tests.client import Client
from tests.server import Server

pytestmark = pytest.mark.bench

SIZES = {1_000: 100, 10_000: 1_000, 100_000: 10_000}
IN_FOLDER = 1_000
ASKED = 200
GOAL_MS = 50.0
# The largest against the smallest, by their medians.
GOAL_RATIO = 1.5
# Part of the numbers 12 and 120 to 129 as the names have them.
FEW, FOUND = "00012", 11


@dataclass(frozen=True)
class Stand:
    """A library that is served, and a folder of 1,000 in it."""

    client: Client
    folder_id: int


@pytest.fixture(scope="module")
def stands(tmp_path_factory) -> Iterator[dict[int, Stand]]:
    with ExitStack() as stack:
        made = {}
        for videos, folders in SIZES.items():
            folder = tmp_path_factory.mktemp("library")
            server = stack.enter_context(Server(folder / "data"))
            client = stack.enter_context(Client(server))
            client.key = server.add_key("ada", "videocms")
            with opened(server) as tools:
                first = fill(tools.db, "ada", folders=folders, videos=videos, in_first=IN_FOLDER)
            made[videos] = Stand(client, first)
        yield made


@pytest.mark.parametrize(
    ("what", "path", "found"),
    [
        ("GET /api/files, a folder of 1,000", "/api/files?ParentFolderID={folder}", IN_FOLDER),
        ("GET /api/files/search that finds 11", f"/api/files/search?Query={FEW}", FOUND),
        ("GET /api/files/search that finds none", "/api/files/search?Query=walrus", 0),
        ("GET /api/file", None, None),
    ],
    ids=["list", "search", "vain search", "file"],
)
def test_lists_and_searches(stands, table: Table, what, path, found) -> None:
    times: dict[int, list[float]] = {videos: [] for videos in stands}
    for number in range(-5, ASKED):
        for videos, stand in stands.items():
            taken, answer = asked(stand, path, number)
            if found is not None:
                assert len(answer) == found
            # The first ones are warming up.
            if number >= 0:
                times[videos].append(taken)
    medians = {videos: statistics.median(each) for videos, each in times.items()}
    for videos, each in times.items():
        late = statistics.quantiles(each, n=100)[-1] * 1000
        beside = f"median {medians[videos] * 1000:.1f} ms"
        label = f"{what}: {videos:,} videos, p99"
        table.row(label, f"{late:.1f} ms", beside, goal=f"< {GOAL_MS:g} ms", met=late < GOAL_MS)
    ratio = medians[max(medians)] / medians[min(medians)]
    goal = f"<= {GOAL_RATIO}"
    table.row(f"{what}: largest to smallest", f"{ratio:.2f}", goal=goal, met=ratio <= GOAL_RATIO)


def asked(stand: Stand, path: str | None, number: int) -> tuple[float, list[object]]:
    """Seconds, and what was answered."""
    path = path or f"/api/file?LinkID={number % IN_FOLDER + 1}"
    key = {"authorization": f"Bearer {stand.client.key}"}
    began = time.monotonic()
    status, _, body = stand.client.ask("GET", path.format(folder=stand.folder_id), **key)
    taken = time.monotonic() - began
    assert status == 200, (status, body)
    return taken, json.loads(body)
