"""1 GiB by tus, whole and in 8 partials, against the official Node server `@tus/server` with its file store.

The same client sends the same bytes in chunks of the same size to both, in turns: theirs, ours, ours,
theirs. Ours says who is there, hashes, syncs before each answer, puts the partials together and makes
a video of them; the other one does none of that (its file store has no concatenation: the 8 are then
8 files). Needs node and npm; npm installs the packages into a cache folder of the user. Where they
cannot be had that is said, and only our own figures are printed.
"""

import json
import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bench.table import Table
from tests.bench.tus import NodeTus, TusClient
from tests.client import Client
from tests.node import NodeMissing
from tests.server import Server

pytestmark = pytest.mark.bench

LENGTH = 1 << 30
PARTS = 8
# What our server tells its clients to send at once.
CHUNK_BYTES = 20 << 20
ROUNDS = 5
GOAL = 0.95
REST_S = 1.0


@dataclass(frozen=True)
class Stand:
    """A film of 1 GiB, and two servers; `theirs` None where the reference cannot be had."""

    film: Path
    ours: TusClient
    theirs: TusClient | None
    why: str
    server: Server
    person: Client


@pytest.fixture(scope="module")
def stand(make_clip, tmp_path_factory) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("tus")
    film = grown(make_clip(seconds=4.0, width=320, height=240), folder / "film.mp4")
    node, why = None, ""
    try:
        node = NodeTus(folder / "node")
    except NodeMissing as missing:
        why = str(missing)
    # What becomes of the films is no part of this; only the look at them is.
    with Server(folder / "data") as server, Client(server) as person:
        key = server.add_key("ada", "videocms")
        ours = TusClient(server.port, CHUNK_BYTES, key)
        if node is None:
            yield Stand(film, ours, None, why, server, person)
            return
        with node:
            yield Stand(film, ours, TusClient(node.port, CHUNK_BYTES), "", server, person)


def grown(clip: Path, film: Path) -> Path:
    """The clip with a box of random bytes after it that makes it 1 GiB long."""
    data = clip.read_bytes()
    rest = LENGTH - len(data)
    with film.open("wb") as file:
        file.write(data + rest.to_bytes(4, "big") + b"free")
        left = rest - 8
        while left:
            left -= file.write(os.urandom(min(left, 16 << 20)))
    return film


@pytest.mark.parametrize("parts", [1, PARTS])
def test_1_gib(stand: Stand, table: Table, parts: int) -> None:
    rates: dict[str, list[float]] = {"ours": [], "theirs": []}
    for number in range(-1, ROUNDS):
        turns = ("theirs", "ours") if number % 2 else ("ours", "theirs")
        for name in turns:
            if name == "theirs" and stand.theirs is None:
                continue
            changed(stand.film)
            taken = sent_to_us(stand, parts) if name == "ours" else sent_to_node(stand, parts)
            # The first of each is warming up.
            if number >= 0:
                rates[name].append(LENGTH / taken)
    what = "1 GiB whole" if parts == 1 else f"1 GiB in {parts} partials, put together"
    ours = statistics.median(rates["ours"])
    if not rates["theirs"]:
        table.row(what, f"{ours / 1e6:.0f} MB/s", f"nothing to compare with: {stand.why}")
        return
    ratio = statistics.median(a / b for a, b in zip(rates["ours"], rates["theirs"], strict=True))
    table.row(
        what,
        f"{ours / 1e6:.0f} MB/s",
        f"@tus/server {statistics.median(rates['theirs']) / 1e6:.0f} MB/s, ratio {ratio:.2f}",
        goal=f">= {GOAL}",
        met=ratio >= GOAL,
    )
    for name, found in rates.items():
        table.note(f"{name}: " + ", ".join(f"{rate / 1e6:.0f}" for rate in found) + " MB/s")


def changed(film: Path) -> None:
    """Other bytes at the end make another film of it, for a library that keeps the same bytes once."""
    with film.open("r+b") as file:
        file.seek(-64, os.SEEK_END)
        file.write(os.urandom(64))


def stretches(parts: int) -> list[tuple[int, int]]:
    size = LENGTH // parts
    return [(number * size, size) for number in range(parts)]


def sent_to_us(stand: Stand, parts: int) -> float:
    """Seconds until it is a video."""
    began = time.monotonic()
    if parts == 1:
        path = stand.ours.send(stand.film)
    else:
        path = stand.ours.concatenate(
            stand.ours.send_parts(stand.film, stretches(parts), as_partials=True)
        )
    uuid = video_of(stand.ours.ask("POST", f"{path}/finalize"))
    taken = time.monotonic() - began
    assert uuid
    stand.person.wait_until_completed(uuid, 120)
    settled(stand.server)
    stand.person.delete(uuid)
    rest()
    return taken


def sent_to_node(stand: Stand, parts: int) -> float:
    """Seconds until it has all of it."""
    client = stand.theirs
    assert client is not None
    began = time.monotonic()
    if parts == 1:
        paths = [client.send(stand.film)]
    else:
        paths = client.send_parts(stand.film, stretches(parts), as_partials=False)
    taken = time.monotonic() - began
    for path in paths:
        client.ask("DELETE", path)
    rest()
    return taken


def video_of(body: bytes) -> str:
    return str(json.loads(body)["UUID"])


def settled(server: Server) -> None:
    """Wait until nothing is being done."""
    deadline = time.monotonic() + 120
    query = "SELECT count(*) AS number FROM jobs WHERE state IN ('queued', 'running')"
    while server.rows(query + " AND key LIKE 'hash:%'")[0]["number"]:
        assert time.monotonic() < deadline, "work does not end"
        time.sleep(0.1)


def rest() -> None:
    """Nobody pays for what another one has left to be written."""
    os.sync()
    time.sleep(REST_S)
