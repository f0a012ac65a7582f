"""Bytes per second of fragments and 1 MB ranges, ticket checked, against nginx on the same bytes.

Both have one process for HTTP and answer the same kept-alive client in turns: A, B, A, B. nginx has
each fragment as a file of its own, sends it with sendfile, and asks nobody's ticket. Both keep files open,
and write a line for each request, gathered.

The goal is for wrk and whole films in the page cache, minutes of 720p and 1080p, larger than the
processor's caches. Printed beside it, without a goal: a dozen fragments that stay in those caches,
and a client that takes megabytes at a time and looks at none of them. What is left to measure there
is a request in Python, and copies that nginx does not make.

Both send by sendfile, so a byte costs the same; a request costs us some 0.1 ms more of the processor than it costs
nginx, which is what small fragments over few connections show. The ratio falls when other programs want the same
cores: each row says what they took.
"""

import random
import re
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.bench.films import Films
from tests.bench.nginx import Nginx, find_nginx
from tests.bench.stream import Rate, Socket, measure, request_bytes
from tests.bench.table import Table
from tests.bench.wrk import Wrk, find_wrk
from tests.client import Client
from tests.server import Server

pytestmark = pytest.mark.bench

ROUNDS = 15
ROUND_S = 1
PATIENCE_S = 1.0
QUIET = 0.15
FEW = 4
CONNECTIONS = [FEW, 16]
GOAL = 0.9
RANGE_BYTES = 1_000_000
HOT_FRAGMENTS = 12
PUBLISHED_S = 120

Requests = list[bytes]


@dataclass(frozen=True)
class Stand:
    """Two servers with the same fragments: address below ours, file of nginx's, length."""

    ours: int
    nginx: int
    cookie: str
    films: Mapping[str, Sequence[tuple[str, str, int]]]
    folder: Path


@pytest.fixture(scope="module")
def stand(films: Films, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    exe = find_nginx()
    if exe is None:
        pytest.skip("no nginx here: apt-get install nginx-light")
    folder = tmp_path_factory.mktemp("delivery")
    root = folder / "www"
    root.mkdir()
    shown = make_films(films)
    # The top of the ladder is copied, and that is what is fetched: nothing needs to be encoded.
    with Server(folder / "data", worker_encode=0) as server, Client(server) as client:
        uuids = [client.upload(path).uuid for path in shown.values()]
        cookies = [client.media_cookie(uuid) for uuid in uuids]
        found = {
            name: copied(client, uuid, cookie, root)
            for name, uuid, cookie in zip(shown, uuids, cookies, strict=True)
        }
        with Nginx(exe, root, folder) as nginx:
            yield Stand(server.port, nginx.port, "; ".join(cookies), found, folder)


def make_films(films: Films) -> dict[str, Path]:
    """A film for each row, by its name there."""
    short = films.looped("bigbuckbunny-720p.mp4", 60)
    usual = ["-vf", "scale=1920:1080", "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "5M"]
    usual += ["-maxrate", "6M", "-bufsize", "6M", "-g", "100", "-c:a", "copy"]
    # Some 40 Mbit/s: its fragments are long enough for ranges of 1 MB within.
    heavy = ["-t", "16", "-c:v", "libx264", "-preset", "ultrafast", "-qp", "4", "-g", "100", "-an"]
    return {
        "720p": films.looped("bigbuckbunny-720p.mp4", 600),
        "1080p": films.repeated(films.encoded("usual.mp4", short, *usual), 300),
        "40 Mbit/s": films.encoded("fat.mp4", short, *heavy),
    }


def copied(client: Client, uuid: str, cookie: str, root: Path) -> list[tuple[str, str, int]]:
    """Fetch every fragment of the largest picture and give it to nginx as a file."""
    base = client.media_base(uuid)
    master = client.get(f"{base}/stream/multi/master.m3u8", cookie).decode()
    address = re.findall(r"^#EXT-X-STREAM-INF.*BANDWIDTH=(\d+).*\n(.+)$", master, re.M)
    best = max(address, key=lambda found: int(found[0]))[1]
    folder = best.rpartition("/")[0]
    names = re.findall(r"#EXTINF:.*\n(.+)", client.get(best, cookie).decode())
    wait_until_whole(client, f"{folder}/{names[-1]}", cookie)
    made = []
    for name in names:
        body = client.get(f"{folder}/{name}", cookie)
        file = f"{uuid}-{name.partition('?')[0]}"
        (root / file).write_bytes(body)
        made.append((f"{folder}/{name}", f"/{file}", len(body)))
    return made


def wait_until_whole(client: Client, last: str, cookie: str) -> None:
    """Return when the last fragment, promised from the beginning, is there."""
    deadline = time.monotonic() + PUBLISHED_S
    while (status := client.ask("GET", last, cookie=cookie)[0]) != 200:
        assert status == 503, status
        assert time.monotonic() < deadline, f"{last} is not there after {PUBLISHED_S} s"


@pytest.fixture(scope="module")
def wrk_exe() -> str:
    exe = find_wrk()
    if exe is None:
        pytest.skip("no wrk here: apt-get install wrk")
    return exe


@pytest.mark.parametrize("connections", CONNECTIONS)
@pytest.mark.parametrize("name", ["720p", "1080p"])
def test_whole_fragments(
    stand: Stand, table: Table, wrk_exe: str, name: str, connections: int
) -> None:
    film = stand.films[name]
    asks = by_wrk(stand, wrk_exe, *whole(stand, film), connections=connections)
    compare(table, f"{described(name, film)}, {connections} at once", asks, goal=GOAL)


@pytest.mark.parametrize("connections", CONNECTIONS)
def test_ranges_of_1_mb(stand: Stand, table: Table, wrk_exe: str, connections: int) -> None:
    asks = by_wrk(stand, wrk_exe, *ranges(stand), connections=connections)
    compare(table, f"ranges of 1 MB, {connections} at once", asks, goal=GOAL)


def test_few_fragments_that_stay_in_the_caches(stand: Stand, table: Table, wrk_exe: str) -> None:
    film = stand.films["720p"][:HOT_FRAGMENTS]
    asks = by_wrk(stand, wrk_exe, *whole(stand, film), connections=FEW)
    compare(table, f"{described('720p', film)}, {FEW} at once", asks, goal=None)


@pytest.mark.parametrize("name", ["720p", "1080p", "ranges of 1 MB"])
def test_a_client_that_takes_megabytes_at_a_time(stand: Stand, table: Table, name: str) -> None:
    is_range = name not in stand.films
    ours, theirs = ranges(stand) if is_range else whole(stand, stand.films[name])
    ask = partial(measure, connections=FEW, seconds=ROUND_S)
    asks = partial(ask, stand.ours, ours), partial(ask, stand.nginx, theirs)
    compare(table, f"{name}, a hungry client", asks, goal=None)


def described(name: str, film: Sequence[tuple[str, str, int]]) -> str:
    average = statistics.mean(size for _, _, size in film)
    return f"{name}: {len(film)} fragments of {average / 1e6:.2f} MB"


def whole(stand: Stand, film: Sequence[tuple[str, str, int]]) -> tuple[Requests, Requests]:
    """What to ask us and nginx for all fragments of a film."""
    ours = [request_bytes(one, cookie_of(stand, one)) for one, _, _ in film]
    theirs = [request_bytes(file) for _, file, _ in film]
    check_equal(stand, ours[0], theirs[0], 200)
    return ours, theirs


def ranges(stand: Stand) -> tuple[Requests, Requests]:
    """What to ask us and nginx for 1 MB each, anywhere in large fragments."""
    chance = random.Random(1)
    ours, theirs = [], []
    for address, file, size in [*stand.films["40 Mbit/s"]] * 8:
        if size > RANGE_BYTES:
            first = chance.randrange(size - RANGE_BYTES)
            span = (first, first + RANGE_BYTES - 1)
            ours.append(request_bytes(address, cookie_of(stand, address), span))
            theirs.append(request_bytes(file, span=span))
    check_equal(stand, ours[0], theirs[0], 206)
    return ours, theirs


Asks = tuple[Callable[[], Rate], Callable[[], Rate]]


def by_wrk(stand: Stand, exe: str, ours: Requests, theirs: Requests, *, connections: int) -> Asks:
    """One round of each by wrk."""
    ask_us = Wrk(exe, stand.folder / "ours.lua", ours)
    ask_nginx = Wrk(exe, stand.folder / "theirs.lua", theirs)
    return (
        partial(ask_us.measure, stand.ours, connections=connections, seconds=ROUND_S),
        partial(ask_nginx.measure, stand.nginx, connections=connections, seconds=ROUND_S),
    )


def cookie_of(stand: Stand, address: str) -> str:
    """The ticket of an address, as a browser chooses it by its path."""
    uuid = address.split("/")[3]
    return next(one for one in stand.cookie.split("; ") if uuid in one)


def check_equal(stand: Stand, ours: bytes, theirs: bytes, status: int) -> None:
    """The same question has the same answer, and none without a ticket."""
    bodies = []
    for port, request in ((stand.ours, ours), (stand.nginx, theirs)):
        body = bytearray()
        with Socket(port) as connection:
            assert connection.fetch(request, keep=body)[0] == status
        bodies.append(body)
    assert bodies[0] == bodies[1]
    bare = re.sub(rb"\r\nCookie: [^\r]*", b"", ours)
    with Socket(stand.ours) as connection:
        assert connection.fetch(bare)[0] in (401, 403)


def compare(table: Table, what: str, asks: Asks, *, goal: float | None) -> None:
    """Rounds in turns, after one that is not counted; the median of the rounds' ratios."""
    ask_us, ask_nginx = asks
    pairs, others = [], []
    for _ in range(ROUNDS + 1):
        others.append(wait_for_quiet())
        pairs.append((ask_us(), ask_nginx()))
    del pairs[0]
    ratio = statistics.median(mine.bytes_per_s / their.bytes_per_s for mine, their in pairs)
    rate = statistics.median(mine.bytes_per_s for mine, _ in pairs)
    reference = statistics.median(their.bytes_per_s for _, their in pairs)
    table.row(
        what,
        f"{rate / 1e6:.0f} MB/s",
        f"nginx {reference / 1e6:.0f} MB/s, ratio {ratio:.2f}, "
        f"others took {statistics.median(others):.0%}",
        goal=f">= {goal:g}" if goal else "",
        met=goal is None or ratio >= goal,
    )


def wait_for_quiet() -> float:
    """Wait, not for long, until other programs leave the machine to us; the share they take then."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        share = float(psutil.cpu_percent(0.2)) / 100
        if share <= QUIET or time.monotonic() > deadline:
            return share
