"""Two workers against one on one film, each with one encode of one thread: what a second machine brings.

Both ways are run in turns, so that whatever else the machine does falls on both alike; the best run of
each is compared. What is timed is the encoding: from the first part that is begun to the last that is
whole. Each worker has a core of its own, so it needs two.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.bench.bench_ladder import CARS
from tests.bench.films import Films
from tests.bench.table import Table
from tests.client import Client, free_box
from tests.fleet import Fleet
from tests.postgres import Postgres

pytestmark = pytest.mark.bench

SECONDS = 600
ROUNDS = 2
GOAL = 1.8
ENCODED_S = (
    "SELECT (max(finished_at) - min(started_at)) / 1e6 AS took, count(*) AS parts"
    " FROM jobs WHERE kind = 'media.encode' AND about ="
    " (SELECT 'media_id:' || media_id FROM videos WHERE uuid = '{uuid}')"
)


@pytest.fixture(scope="module")
def fleet(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """One web, no worker yet; every encoder has one thread, every worker one encode."""
    settings: dict[str, object] = {"encode_threads": 1, "worker_encode": 1}
    with Fleet(postgres, tmp_path_factory.mktemp("fleet"), **settings) as made:
        made.web()
        made.webs[0].cli("option", "set", "encoder_preset", "ultrafast")
        yield made


def test_two_workers_on_one_film(fleet: Fleet, films: Films, table: Table) -> None:
    film = films.looped(CARS, SECONDS)
    best: dict[int, float] = {}
    with Client(fleet.webs[0]) as client:
        cores = sorted(os.sched_getaffinity(0))
        for core in cores[:2]:
            with _on_core(core):
                fleet.worker()
        for _ in range(ROUNDS):
            for count in (1, 2):
                _have_running(fleet, count)
                took_s, parts = _encode(fleet, client, film)
                load = os.getloadavg()[0]
                table.note(f"{count} at work: {parts} parts in {took_s:.1f} s, load {load:.1f}")
                best[count] = min(took_s, best.get(count, took_s))
    ratio = best[1] / best[2]
    table.row(
        "two workers on one film",
        f"{best[2]:.1f} s",
        f"one: {best[1]:.1f} s, {ratio:.2f} times as fast",
        goal=f">= {GOAL}",
        met=ratio >= GOAL,
    )


@contextmanager
def _on_core(core: int) -> Iterator[None]:
    """What is started meanwhile stays on one core, as on a machine of its own: ffmpeg reads, decodes
    and encodes in threads, however few each encoder has.
    """
    all_cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_cores)


def _have_running(fleet: Fleet, count: int) -> None:
    for number, worker in enumerate(fleet.workers):
        is_running = bool(worker.processes())
        if number < count and not is_running:
            with _on_core(sorted(os.sched_getaffinity(0))[number]):
                worker.start()
        elif number >= count and is_running:
            worker.stop()


def _encode(fleet: Fleet, client: Client, film: Path) -> tuple[float, int]:
    """(seconds, number of parts) of the encoding of a film that the server has not seen yet."""
    # Read before it is sent, so that no run pays for a cold page cache.
    film.read_bytes()
    uuid = client.upload(film, tail=free_box()).uuid
    client.wait_until_completed(uuid, 600)
    time.sleep(0.2)
    (row,) = fleet.webs[0].rows(ENCODED_S.format(uuid=uuid))
    return float(row["took"]), int(row["parts"])
