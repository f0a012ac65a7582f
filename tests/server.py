"""A real `polyreel serve`, started as a user starts it, for the tiers that need one."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from unittest import mock

import psutil

from polyreel.app import open_database
from polyreel.core.users import (
    PASSWORDS,
    KeyFor,
    actor_of,
    create_key,
    create_user,
    find_user_by_name,
)
from polyreel.infra.migrate import upgrade
from polyreel.infra.notify import Notifier
from polyreel.infra.tx import Database
from polyreel.settings import load_settings
from tests.databases import ON_POSTGRESQL, database_url, rows_of

POLYREEL = Path(sys.executable).parent / "polyreel"
SETUP_LINK = re.compile(r"https?://[^\s\"'\\]+/setup[^\s\"'\\]*")
# Four of them may begin at once where others want the processors, too; how long one takes is promised elsewhere.
READY_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 15.0
BESIDE_OTHERS = "PYTEST_XDIST_WORKER" in os.environ


def free_port() -> int:
    """A TCP port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def left_alive(family: Sequence[psutil.Process], timeout_s: float) -> list[psutil.Process]:
    """Those that still live then. A dead one may wait long for whoever has to ask how it ended."""
    deadline = time.monotonic() + timeout_s
    while (alive := [one for one in family if lives(one)]) and time.monotonic() < deadline:
        time.sleep(0.01)
    return alive


def lives(process: psutil.Process) -> bool:
    """Whether it may still do something."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class Server:
    """One server on 127.0.0.1 with its own data folder, port, process group and log file.

    `settings` become POLYREEL_<NAME>; the database is the data folder's own, on whichever database
    the tests run, unless `database_url` is among them. After `stop` or `kill`, `start` brings it up again on the same
    data and port. As a context manager it starts, and is killed at the end.
    """

    def __init__(self, data_dir: Path, **settings: object) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_path = data_dir.parent / f"{data_dir.name}.log"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("POLYREEL_")}
        if ON_POSTGRESQL:
            own = database_url(data_dir / "polyreel.db", empty=True)
            settings = {"database_url": own, **settings}
        if BESIDE_OTHERS:
            # An encode that gives way to whatever other tests do has no end in sight.
            settings = {"encode_nice": 0, **settings}
        given = {f"POLYREEL_{name.upper()}": str(value) for name, value in settings.items()}
        self.environment = {**inherited, **given, "POLYREEL_DATA_DIR": str(data_dir)}
        self.started_in_s = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """The process that the user started: the parent of all others."""
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def log(self) -> str:
        """Everything the server has printed so far, over all starts."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    @property
    def setup_link(self) -> str:
        """The newest one-time link for the first administrator; waits up to 5 s for it."""
        deadline = time.monotonic() + 5
        while not (found := SETUP_LINK.findall(self.log)):
            assert time.monotonic() < deadline, f"no set-up link was printed:\n{self.log}"
            time.sleep(0.05)
        return str(found[-1])

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Rows of its database, running or not."""
        own = f"sqlite:///{self.data_dir / 'polyreel.db'}"
        return rows_of(self.environment.get("POLYREEL_DATABASE_URL", own), query)

    def start(self) -> None:
        """Start, and come back when it answers; `started_in_s` says how long that took."""
        assert self._process is None, "already started"
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*self.command(), "--data-dir", str(self.data_dir)],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        while not self.answers():
            ended = self._process.poll()
            late = time.monotonic() - began > READY_TIMEOUT_S
            if ended is not None or late:
                self.kill()
                what = "does not answer" if ended is None else f"ended with {ended}"
                raise AssertionError(f"{' '.join(self.command())} {what}:\n{self.log[-8000:]}")
            time.sleep(0.02)
        self.started_in_s = time.monotonic() - began

    def command(self) -> list[str]:
        """What is started, without its data folder."""
        return [str(POLYREEL), "serve", "--host", "127.0.0.1", "--port", str(self.port)]

    def answers(self) -> bool:
        """Whether it is there for its users."""
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def processes(self) -> list[psutil.Process]:
        """The server's processes that live, the first one first."""
        if self._process is None:
            return []
        try:
            root = psutil.Process(self._process.pid)
            return [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def pss_bytes(self) -> int:
        """Memory of all its processes, shared pages counted once (proportional set size)."""
        total = 0
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_full_info().pss
        return total

    def stop(self) -> int:
        """SIGTERM, as an operator stops it. Exit status; fails when anything lives after 15 s."""
        assert self._process is not None, "not started"
        family = self.processes()
        self._process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        try:
            status = self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running after {STOP_TIMEOUT_S} s:\n{self.log}") from None
        self._process = None
        alive = left_alive(family, max(0.1, deadline - time.monotonic()))
        for process in alive:
            process.kill()
        assert not alive, f"left behind: {alive}"
        return status

    def kill(self) -> None:
        """kill -9 of every process at one moment, as a power cut; fine when it is down already."""
        if self._process is None:
            return
        # Frozen first, parents before children, so that none of them starts another one meanwhile.
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
        family = self.processes()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait(STOP_TIMEOUT_S)
        self._process = None
        alive = left_alive(family, 5)
        assert not alive, f"left behind: {alive}"

    def cli(
        self, *arguments: str, stdin: str = "", timeout_s: float = 60, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run `polyreel <arguments>` on this server's data; fails on a bad end unless told not to."""
        ended = subprocess.run(
            [str(POLYREEL), *arguments],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if check and ended.returncode:
            said = f"{ended.stdout}\n{ended.stderr}"
            raise AssertionError(f"polyreel {arguments[0]} ended with {ended.returncode}:\n{said}")
        return ended

    def add_user(self, name: str, password: str, *, admin: bool = False) -> None:
        """Make a person, as the command line does, but without a process for it."""
        hashed = PASSWORDS.hash(password)
        with self._database() as db, db.write() as tx:
            create_user(tx, name, password=hashed, is_admin=admin)

    def add_key(self, name: str, dialect: KeyFor) -> str:
        """A new key of this person, made in the same way."""
        with self._database() as db, db.write() as tx:
            user = find_user_by_name(tx, name)
            assert user is not None, name
            return create_key(tx, actor_of(user), dialect, name="command line").text

    @contextlib.contextmanager
    def _database(self) -> Iterator[Database]:
        with mock.patch.dict(os.environ, self.environment, clear=True):
            settings = load_settings()
        notifier = Notifier(settings.run_dir)
        db = open_database(settings, notifier)
        try:
            upgrade(db)
            yield db
        finally:
            db.close()
            notifier.close()
