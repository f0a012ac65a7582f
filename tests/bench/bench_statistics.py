"""Statistics of 100,000 and of 10,000,000 events: how fast they are counted, and how long each question takes.

A question reads sums, so it takes as long for the points that are asked for, however many events
there were. The events are counted by the product's own counter, one by one, and written in its batches.
Two libraries of the same shape are asked in turns over HTTP: the same people, films and days.
"""

import json
import random
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from polyreel.core.stats import Traffic
from polyreel.kit import clock
from tests.bench.library import fill
from tests.bench.table import Table
from tests.bench.workbench import opened
from tests.client import Client
from tests.server import Server

pytestmark = pytest.mark.bench

EVENTS = (100_000, 10_000_000)
DAYS = 60
FILMS, PEOPLE = 200, 20
ASKED = 60
GOAL_PER_S = 50_000
GOAL_RATIO = 1.5
DAY_S = 86_400
BATCH_S = DAY_S // 4
QUESTIONS = {
    "a day, 100 points": ("/api/stats/traffic", 1, 100),
    "60 days, 100 points": ("/api/stats/traffic", DAYS, 100),
    "60 days, 1,000 points": ("/api/stats/traffic", DAYS, 1000),
    "of one's own, 30 days": ("/api/account/traffic", 30, 100),
    "of one film, 30 days": ("/api/stats/traffic?file_id=7", 30, 100),
    "uploads, 30 days": ("/api/stats/upload", 30, 100),
    "the greatest films, 30 days": ("/api/stats/traffic/top?mode=files", 30, 0),
    "the greatest people, 30 days": ("/api/stats/traffic/top?mode=users", 30, 0),
}


@dataclass(frozen=True)
class Stand:
    """A server with its statistics; the seconds that counting took, and those of writing."""

    client: Client
    key: str
    counted_s: float
    written_s: float


@pytest.fixture(scope="module")
def stands(tmp_path_factory) -> Iterator[dict[int, Stand]]:
    with ExitStack() as stack:
        made = {}
        for events in EVENTS:
            folder = tmp_path_factory.mktemp("statistics")
            server = stack.enter_context(Server(folder / "data"))
            client = stack.enter_context(Client(server))
            server.add_user("boss", "correct horse battery", admin=True)
            with opened(server) as tools:
                fill(tools.db, "ada", folders=2, videos=FILMS, in_first=FILMS)
                counted_s, written_s = count(tools.db, events)
            made[events] = Stand(client, signed_in(client), counted_s, written_s)
        yield made


def count(db, events: int) -> tuple[float, float]:
    """Play so many answers over 60 days, each counted alone; seconds for counting and for writing.

    Every quarter of a day has its share of them, so both libraries have as many slots.
    """
    chance, now_s = random.Random(5), clock.epoch_s()
    traffic = Traffic(db)
    batches = DAYS * DAY_S // BATCH_S
    told, counted_s, written_s = clock.epoch_s, 0.0, 0.0
    with pytest.MonkeyPatch.context() as patch:
        for number in range(batches):
            at_s = now_s - (batches - number) * BATCH_S + BATCH_S // 2
            patch.setattr(clock, "epoch_s", lambda at_s=at_s: at_s)
            share = [
                (1 + n % PEOPLE, 1 + n % FILMS, "720p", chance.randrange(1 << 20))
                for n in range(events // batches)
            ]
            began = time.monotonic()
            for each in share:
                traffic.record(*each)
            counted = time.monotonic()
            traffic.flush()
            counted_s += counted - began
            written_s += time.monotonic() - counted
    assert clock.epoch_s is told
    return counted_s, written_s


def signed_in(client: Client) -> str:
    body = json.dumps({"username": "boss", "password": "correct horse battery"}).encode()
    status, _, said = client.ask("POST", "/api/auth/login", body, content_type="application/json")
    assert status == 200, said
    # What fills the other library takes longer than a connection is kept for.
    client.close()
    return str(json.loads(said)["token"])


def test_counting(stands, table: Table) -> None:
    for events, stand in stands.items():
        rate = events / (stand.counted_s + stand.written_s)
        table.row(
            f"{events:,} events counted and written",
            f"{rate:,.0f} /s",
            f"counting {stand.counted_s:.1f} s, writing {stand.written_s:.1f} s",
            goal=f">= {GOAL_PER_S:,} /s" if events == max(EVENTS) else "",
            met=rate >= GOAL_PER_S or events != max(EVENTS),
        )


@pytest.mark.parametrize("what", QUESTIONS)
def test_questions(stands, table: Table, what: str) -> None:
    path, days, points = QUESTIONS[what]
    until = datetime.now(UTC)
    since = until - timedelta(days=days)
    span = f"from={since:%Y-%m-%dT%H:%M:%SZ}&to={until:%Y-%m-%dT%H:%M:%SZ}"
    address = f"{path}{'&' if '?' in path else '?'}{span}" + (f"&points={points}" if points else "")
    times: dict[int, list[float]] = {events: [] for events in stands}
    for number in range(-5, ASKED):
        for events, stand in stands.items():
            began = time.monotonic()
            status, _, body = stand.client.ask("GET", address, authorization=f"Bearer {stand.key}")
            taken = time.monotonic() - began
            assert status == 200, body
            if number >= 0:
                times[events].append(taken)
    few, many = (statistics.median(each) * 1000 for each in times.values())
    table.row(
        what,
        f"{many:.1f} ms",
        f"{few:.1f} ms of {EVENTS[0]:,} events, ratio {many / few:.2f}",
        goal=f"<= {GOAL_RATIO}",
        met=many / few <= GOAL_RATIO,
    )
