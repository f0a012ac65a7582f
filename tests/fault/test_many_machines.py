"""Two web processes and two workers, none of them started by `serve`, on one PostgreSQL and one folder."""

import functools
import io
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest

from polyreel.core.options import set_option
from polyreel.infra.jobs import JobQueue
from polyreel.infra.notify import Notifier
from polyreel.infra.tx import Database
from tests.client import Client
from tests.factories.clips import ClipMaker
from tests.fleet import Fleet, WorkerProcess
from tests.integration.media.decoded import decode
from tests.postgres import Postgres
from tests.watching import PageStream, Viewer, addresses

pytestmark = pytest.mark.fault

log = logging.getLogger(__name__)

FILM_S = 320
WITHIN_S = 1.0


@pytest.fixture(scope="module")
def fleet(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two of each; `elsewhere` changes options as the command line of another machine would."""
    with Fleet(postgres, tmp_path_factory.mktemp("fleet"), encode_threads=1) as made:
        # The second of each prepares nothing: it finds all in place, or waits for who does.
        with ThreadPoolExecutor() as at_once:
            starts = [
                at_once.submit(start) for start in (made.web, made.web, made.worker, made.worker)
            ]
        for start in starts:
            start.result()
        yield made


@pytest.fixture(scope="module")
def key(fleet: Fleet) -> str:
    """An account's key for scripts."""
    with Client(fleet.webs[0]) as client:
        return client.key


@pytest.fixture
def people(fleet: Fleet, key: str) -> Iterator[tuple[Client, Client]]:
    """The same person at both webs."""
    here, there = fleet.webs
    with Client(here, key) as first, Client(there, key) as second:
        first.session()
        second.session()
        yield first, second


@pytest.fixture(scope="module")
def elsewhere(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The database as a third machine has it."""
    run_dir = tmp_path_factory.mktemp("elsewhere")
    notifier = Notifier(run_dir)
    url = str(fleet.settings["database_url"])
    db = Database(url, lock_path=run_dir / "lock", notifier=notifier, enqueuer=JobQueue([]))
    yield db
    db.close()
    notifier.close()


@pytest.fixture(scope="module")
def long_film(
    clip_dir: Path | None, make_clip: ClipMaker, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Four parts: a clip again and again, its packets copied."""
    clip = clip_dir / "car-detection.mp4" if clip_dir else None
    if clip is None or not clip.exists():
        clip = make_clip(seconds=30.0, width=768, height=432, fps=12)
    path = tmp_path_factory.mktemp("film") / "long.mp4"
    source = ["-stream_loop", "-1", "-i", str(clip), "-t", str(FILM_S)]
    make_clip.run(*source, "-c", "copy", "-movflags", "+faststart", str(path))
    return path


def waited(check: Callable[[], bool], timeout_s: float = 10.0) -> float:
    """Seconds until `check` was true."""
    began = time.monotonic()
    while not check():
        assert time.monotonic() - began < timeout_s, "it never came true"
        time.sleep(0.01)
    return time.monotonic() - began


def times_of(video: bytes | Path) -> list[float]:
    """When each picture is shown, seconds from the first, in order."""
    source = io.BytesIO(video) if isinstance(video, bytes) else str(video)
    with av.open(source, "r") as container:
        stream = container.streams.video[0]
        base = stream.time_base or Fraction(1)
        found = sorted(each.pts for each in container.demux(stream) if each.pts is not None)
    return [float((pts - found[0]) * base) for pts in found]


def played(client: Client, uuid: str) -> dict[str, bytes]:
    """Every picture rendition as a player has it at the end: its init, then all its fragments."""
    cookie = client.media_cookie(uuid)
    master = client.get(f"{client.media_base(uuid)}/stream/multi/master.m3u8", cookie)
    tracks = {}
    for variant in addresses(master):
        folder = variant.rpartition("/")[0]
        text = client.get(variant, cookie).decode()
        init = text.partition('#EXT-X-MAP:URI="')[2].partition('"')[0]
        names = [init, *addresses(text.encode())]
        where = [each if each.startswith("/") else f"{folder}/{each}" for each in names]
        tracks[folder.rpartition("/")[2]] = b"".join(client.get(each, cookie) for each in where)
    return tracks


def share_of(worker: WorkerProcess) -> Counter[str]:
    """How many jobs of each kind this worker has ended well."""
    kinds = ("media.look", "media.copy", "media.sound", "media.encode", "media.images")
    return Counter({kind: worker.ended_jobs(kind) for kind in kinds})


def test_a_long_film_is_made_by_both_and_told_at_both(
    fleet: Fleet, people: tuple[Client, Client], elsewhere: Database, long_film: Path
) -> None:
    first, second = people
    with elsewhere.write() as tx:
        set_option(tx, None, "encoder_preset", "ultrafast")
    before = [share_of(worker) for worker in fleet.workers]
    with PageStream(first) as here, PageStream(second) as there:
        sent = first.upload(long_film)
        uuid = sent.uuid
        appeared_s = there.wait("video", uuid=uuid) - sent.acked_at
        began = time.monotonic()
        second.wait_until_completed(uuid, 150)
        made_s = time.monotonic() - began
        told = [page.wait("video", uuid=uuid, state="ready") for page in (here, there)]
        assert time.monotonic() - max(told) < 5
    assert appeared_s < WITHIN_S
    assert abs(told[0] - told[1]) < WITHIN_S

    shares = [share_of(worker) - old for worker, old in zip(fleet.workers, before, strict=True)]
    assert all(share["media.encode"] >= 1 for share in shares), shares
    assert sum(share["media.encode"] for share in shares) >= FILM_S // 90

    expected = times_of(long_film)
    tracks = played(second, uuid)
    assert len(tracks) >= 2, tracks
    for name, track in tracks.items():
        found = times_of(track)
        assert len(found) == len(expected), name
        off_s = max(abs(a - b) for a, b in zip(found, expected, strict=True))
        assert off_s < 0.001, (name, off_s)
        assert all(a < b for a, b in pairwise(found)), name
    assert decode(tracks["240p"]).count == len(expected)
    log.info("film made in %.1f s, %s", made_s, shares)
    log.info("a new video told at the other web after %.3f s", appeared_s)


def test_what_changes_at_one_web_is_told_at_the_other(
    people: tuple[Client, Client], make_clip: ClipMaker
) -> None:
    first, second = people
    uuid = first.upload(make_clip(seconds=4.0)).uuid
    first.wait_until_completed(uuid)
    latencies = []
    with PageStream(second) as page:
        for number in range(8):
            first.change(uuid, name=f"name {number}")
            answered = time.monotonic()
            latencies.append(page.wait("video", uuid=uuid, name=f"name {number}") - answered)
            time.sleep(0.3)
    log.info("a name told at the other web after %s ms", [round(s * 1000) for s in latencies])
    assert max(latencies) < WITHIN_S


def test_a_change_of_privacy_at_one_web_ends_tickets_at_the_other(
    people: tuple[Client, Client], make_clip: ClipMaker
) -> None:
    first, second = people
    uuid = first.upload(make_clip(seconds=4.0, width=426, height=240)).uuid
    first.wait_until_completed(uuid)
    with Viewer(second, uuid) as viewer:
        waited(lambda: len(viewer.got) > 5)
        first.change(uuid, visibility="private")
        changed_at = time.monotonic()
        waited(lambda: viewer.got[-1].status != 200)
    assert {one.status for one in viewer.got if one.asked_at < changed_at - 0.5} == {200}
    late = [one for one in viewer.got if one.asked_at > changed_at + WITHIN_S]
    assert {one.status for one in late} <= {401}, late
    last = max(one.asked_at for one in viewer.got if one.status == 200)
    log.info("the last fragment went out %.3f s after the change", last - changed_at)


def test_an_option_changed_on_one_machine_is_seen_by_all(
    people: tuple[Client, Client], elsewhere: Database
) -> None:
    def is_seen(name: str) -> bool:
        pages = [client.get("/", client.session()) for client in people]
        configs = [client.get("/api/config") for client in people]
        return all(name.encode() in each for each in (*pages, *configs))

    taken = []
    for name in ("Attic", "Cellar"):
        with elsewhere.write() as tx:
            set_option(tx, None, "app_name", name)
        taken.append(waited(functools.partial(is_seen, name)))
    log.info("an option was seen at both webs after %s ms", [round(s * 1000) for s in taken])
    assert max(taken) < WITHIN_S
