"""`polyreel web` and `polyreel worker` as processes of their own, where no `polyreel serve` ever ran."""

import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from tests.postgres import Postgres
from tests.server import POLYREEL, STOP_TIMEOUT_S, free_port, left_alive

READY_S = 120.0


def environment(settings: Mapping[str, object]) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("POLYREEL_")}
    return inherited | {f"POLYREEL_{name.upper()}": str(value) for name, value in settings.items()}


class Process:
    """One `polyreel <arguments>` with a log of its own."""

    def __init__(self, log: Path, *arguments: str, **settings: object) -> None:
        self.log_path = log
        with log.open("ab") as out:
            self.popen = subprocess.Popen(
                [str(POLYREEL), *arguments],
                env=environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_S
        while not true():
            assert self.popen.poll() is None, f"it ended:\n{self.log}"
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def until_said(self, words: str) -> None:
        self.until(lambda: words in self.log)

    def stop(self) -> int:
        family = [*psutil.Process(self.popen.pid).children(recursive=True)]
        self.popen.send_signal(signal.SIGTERM)
        code = self.popen.wait(STOP_TIMEOUT_S)
        assert left_alive(family, 1) == []
        return code


class Site:
    """One data folder, one database, any number of processes."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.settings = {"data_dir": folder / "data", **settings}
        self.started: list[Process] = []

    def start(self, *arguments: str, **more: object) -> Process:
        log = self.folder / f"{len(self.started)}.log"
        self.started.append(Process(log, *arguments, **{**self.settings, **more}))
        return self.started[-1]

    def run(self, *arguments: str, stdin: str = "") -> str:
        """What a command prints that ends by itself, and well."""
        ended = subprocess.run(
            [str(POLYREEL), *arguments],
            env=environment(self.settings),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=READY_S,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def kill(self) -> None:
        for one in self.started:
            if one.popen.poll() is None:
                os.killpg(one.popen.pid, signal.SIGTERM)
                one.popen.wait(STOP_TIMEOUT_S)


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.kill()


@pytest.fixture
def on_postgresql(tmp_path: Path, postgres: Postgres) -> Iterator[Site]:
    site = Site(tmp_path, database_url=postgres.url(postgres.create()))
    yield site
    site.kill()


@pytest.fixture(params=["on_sqlite", "on_postgresql"])
def site(request: pytest.FixtureRequest) -> Site:
    made: Site = request.getfixturevalue(request.param)
    return made


def answers(port: int, path: str = "/healthz") -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def test_web_and_workers_begin_at_once_on_nothing(site):
    port, other = free_port(), free_port()
    webs = [site.start("web", "--port", str(number)) for number in (port, other)]
    encoder = site.start("worker", "--lanes", "encode")
    rest = site.start("worker", "--lanes", "fast, light")
    encoder.until_said("worker started")
    rest.until_said("worker started")
    assert "lanes=\"{'encode': 1, 'sought': 2}\"" in encoder.log
    assert "lanes=\"{'fast': 4, 'light': 4}\"" in rest.log
    for web, number in zip(webs, (port, other), strict=True):
        web.until(lambda number=number: answers(number))
        assert f"Polyreel listens on http://127.0.0.1:{number}\n" in web.log
    links = {web.log.split("/setup?token=")[1].split()[0] for web in webs}
    assert len(links) == 1, "whichever link is opened, it works at each"
    assert answers(other, f"/setup?token={links.pop()}")
    assert "Polyreel listens" not in encoder.log
    assert [one.stop() for one in site.started] == [0, 0, 0, 0]


@pytest.mark.slow
def test_each_lane_is_served_by_its_own_worker(site, make_clip):
    workers = [site.start("worker", "--lanes", lane) for lane in ("fast", "encode")]
    for worker in workers:
        worker.until_said("worker started")
    site.run("user", "add", "ada", "--password-stdin", stdin="correct horse battery\n")
    clip = make_clip(seconds=4, width=854, height=480)
    assert "ready  /v/" in site.run("add", str(clip), "--user", "ada", "--wait", "ready")
    fast, encode = (kinds(worker.log) for worker in workers)
    assert "media.look" in fast
    assert "media.encode" in encode
    assert fast & encode == set()


def kinds(log: str) -> set[str]:
    """The kinds of job that were claimed there."""
    return set(re.findall(r"job claimed .*job_kind=(\S+)", log))


@pytest.mark.parametrize(
    ("lanes", "said"),
    [
        ("encode,fats", "there is no lane 'fats'; there are fast, encode, net, light"),
        (" , ", "no lane is named; there are fast, encode, net, light"),
        ("net", "POLYREEL_WORKER_NET=0 leaves the lane net nothing"),
    ],
)
def test_lanes_that_make_no_sense_are_refused(on_sqlite, lanes, said):
    worker = on_sqlite.start("worker", "--lanes", lanes, worker_net=0)
    assert worker.popen.wait(READY_S) == 1
    assert worker.log == f"polyreel: {said}\n"


class TestDatabaseAway:
    WAITS = "the database does not answer; waiting for it: "

    @pytest.fixture
    def away(self, postgres, tmp_path):
        """A site on a database that is down until the test starts it."""
        site = Site(tmp_path, database_url=postgres.url(postgres.create()))
        postgres.stop()
        yield site
        if postgres._process is None:
            postgres.start()
        site.kill()

    def test_everyone_waits_for_it_and_then_begins(self, away, postgres):
        ports = [free_port(), free_port()]
        web = away.start("web", "--port", str(ports[0]))
        serve = away.start("serve", "--port", str(ports[1]))
        worker = away.start("worker", "--lanes", "fast")
        for one in away.started:
            one.until_said(self.WAITS)
        postgres.start()
        worker.until_said("worker started")
        web.until(lambda: answers(ports[0]))
        serve.until(lambda: answers(ports[1]))

    def test_who_waits_can_be_told_to_end(self, away):
        waiting = [away.start("worker"), away.start("web", "--port", str(free_port()))]
        for one in waiting:
            one.until_said(self.WAITS)
        began = time.monotonic()
        assert [one.stop() for one in waiting] == [0, 0]
        assert time.monotonic() - began < 10

    def test_who_lost_it_can_be_told_to_end(self, on_postgresql, postgres):
        port = free_port()
        worker = on_postgresql.start("worker")
        web = on_postgresql.start("web", "--port", str(port))
        worker.until_said("worker started")
        web.until(lambda: answers(port))
        postgres.stop()
        try:
            time.sleep(1)
            assert web.stop() == 0
            assert worker.stop() in (0, 1)
        finally:
            postgres.start()


def test_a_folder_that_is_not_the_shared_one_is_refused(on_postgresql, tmp_path):
    password = "correct horse battery\n"
    on_postgresql.run("user", "add", "ada", "--admin", "--password-stdin", stdin=password)
    elsewhere = tmp_path / "elsewhere"
    for role in (("worker",), ("web", "--port", str(free_port()))):
        lost = on_postgresql.start(*role, data_dir=elsewhere)
        assert lost.popen.wait(READY_S) == 1
        assert lost.log == (
            f"polyreel: the database is in use already, but {elsewhere} holds no secret.key: "
            "is this the data folder that all machines share?\n"
        )
    assert not (elsewhere / "secret.key").exists()
