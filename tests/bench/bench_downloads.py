"""A film as one file: how long until its first bytes, and bytes per second, against nginx.

nginx has the same bytes as a plain file of its own. Ours come from where the fragments lie: picture and
sound in turns, four seconds each. The first request for a film lays it out; those after it find that in
memory.
"""

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from polyreel.core.options import HEIGHTS, set_option
from tests.bench.films import Films
from tests.bench.nginx import Nginx, find_nginx
from tests.bench.stream import Rate, Socket, measure, request_bytes
from tests.bench.table import Table
from tests.bench.workbench import opened
from tests.client import Client
from tests.server import Server

pytestmark = pytest.mark.bench

CLIP = "bigbuckbunny-720p.mp4"
SECONDS = 300
LONG_S = 7200
ROUNDS = 5
ROUND_S = 2.0
GOAL_FIRST_S = 3.0
GOAL_AGAIN_S = 0.2
GOAL_RATIO = 0.7


@dataclass(frozen=True)
class Film:
    """Where a film's files are, and the ticket for them."""

    base: str
    cookie: str

    def request(self, what: str, span: tuple[int, int] | None = None) -> bytes:
        return request_bytes(f"{self.base}/720p/{what}", self.cookie, span)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with Server(tmp_path_factory.mktemp("downloads") / "data") as server, Client(server) as made:
        with opened(server) as tools, tools.db.write() as tx:
            # The copy is what is measured: a ladder of two hours is not needed for it.
            for height in HEIGHTS:
                set_option(tx, None, f"encode_{height}", height == 720)
        yield made


@pytest.fixture(scope="module")
def long_film(client: Client, films: Films) -> Film:
    return upload(client, films.looped(CLIP, LONG_S))


@pytest.fixture(scope="module")
def film(client: Client, films: Films) -> Film:
    return upload(client, films.looped(CLIP, SECONDS))


def upload(client: Client, path: Path) -> Film:
    # While films are made and measured, the server ends the connection of who says nothing.
    client.close()
    sent = client.upload(path)
    client.wait_until_completed(sent.uuid, 300)
    return Film(client.media_base(sent.uuid), client.media_cookie(sent.uuid))


def first_byte_s(port: int, request: bytes) -> float:
    """Until the first megabyte is there."""
    began = time.monotonic()
    with Socket(port) as connection:
        assert connection.fetch(request)[0] == 206
    return time.monotonic() - began


@pytest.mark.parametrize("what", ["1/stream/video.mp4", "download/video.mkv"])
def test_first_bytes_of_two_hours(client: Client, long_film: Film, table: Table, what: str) -> None:
    film, port = long_film, client.server.port
    # The index of the MP4 is in its first megabytes.
    request = film.request(what, (0, 999_999))
    first = first_byte_s(port, request)
    again = statistics.median(first_byte_s(port, request) for _ in range(20))
    size = total_bytes(port, film.request(what))
    middle = film.request(what, (size // 2, size // 2 + 999_999))
    sought = statistics.median(first_byte_s(port, middle) for _ in range(20))
    name = what.rpartition("/")[2]
    for when, taken, goal in (
        ("the first time", first, GOAL_FIRST_S),
        ("again", again, GOAL_AGAIN_S),
        ("from the middle", sought, GOAL_AGAIN_S),
    ):
        table.row(
            f"first megabyte of {name}, {size / 1e9:.1f} GB, {when}",
            f"{taken * 1000:.0f} ms",
            goal=f"<= {goal * 1000:.0f} ms",
            met=taken <= goal,
        )


def total_bytes(port: int, request: bytes) -> int:
    with Socket(port) as connection:
        return connection.length_of(request.replace(b"GET ", b"HEAD ", 1))


@pytest.mark.parametrize("connections", [1, 2])
@pytest.mark.parametrize("what", ["1/stream/video.mp4", "download/video.mkv"])
def test_whole_files(
    client: Client,
    film: Film,
    table: Table,
    tmp_path_factory: pytest.TempPathFactory,
    what: str,
    connections: int,
) -> None:
    exe = find_nginx()
    if exe is None:
        pytest.skip("no nginx here: apt-get install nginx-light")
    folder = tmp_path_factory.mktemp("whole")
    root = folder / "www"
    root.mkdir()
    ours, name = film.request(what), what.rpartition("/")[2]
    body = bytearray()
    with Socket(client.server.port) as connection:
        assert connection.fetch(ours, keep=body)[0] == 200
    (root / name).write_bytes(body)
    pairs: list[tuple[Rate, Rate]] = []
    with Nginx(exe, root, folder) as nginx:
        theirs = request_bytes(f"/{name}")
        for _ in range(ROUNDS):
            mine = measure(client.server.port, [ours], connections=connections, seconds=ROUND_S)
            their = measure(nginx.port, [theirs], connections=connections, seconds=ROUND_S)
            pairs.append((mine, their))
    ratio = statistics.median(mine.bytes_per_s / their.bytes_per_s for mine, their in pairs)
    rate = statistics.median(mine.bytes_per_s for mine, _ in pairs)
    reference = statistics.median(their.bytes_per_s for _, their in pairs)
    is_mp4 = name.endswith("mp4")
    table.row(
        f"{name} of {len(body) / 1e6:.0f} MB, {connections} connections",
        f"{rate / 1e6:.0f} MB/s",
        f"nginx {reference / 1e6:.0f} MB/s, ratio {ratio:.2f}",
        goal=f">= {GOAL_RATIO:g}" if is_mp4 else "",
        met=ratio >= GOAL_RATIO or not is_mp4,
    )
