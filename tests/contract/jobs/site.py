"""One installation for the job contract: a database, a folder, workers in threads and processes.

The database of the run decides about the engine; the tests only see what any engine promises.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select

from polyreel.infra.jobs import Job, JobInfo, JobKind, JobQueue, JobState, Worker, WorkerOptions
from polyreel.infra.jobs import get_job as read_job
from polyreel.infra.notify import Notifier
from polyreel.infra.tx import Database, Tx
from tests.databases import database_url, make_tables, rows_of

ROOT = Path(__file__).parents[3]
LANES = {"fast": 2, "encode": 1, "net": 1, "light": 1}

effects = Table(
    "effects",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("label", String(100)),
    Column("job_id", Integer),
    Column("attempt", Integer),
)


def add_effect(tx: Tx, job: Job) -> None:
    """The thing that must happen once."""
    label = str(job.args.get("label", ""))
    tx.session.execute(insert(effects).values(label=label, job_id=job.id, attempt=job.attempt))


def eventually(check: Callable[[], Any], timeout_s: float = 15.0) -> Any:
    """The first true value of `check`, asked again and again."""
    deadline = time.monotonic() + timeout_s
    while not (found := check()):
        assert time.monotonic() < deadline, f"did not happen within {timeout_s} s"
        time.sleep(0.01)
    return found


class Site:
    """Opens and closes everything of one test; `url` names a database that has its tables already."""

    def __init__(self, folder: Path, *, url: str = "") -> None:
        self.folder = folder
        self.url = url or database_url(folder / "jobs.db")
        self._databases: list[Database] = []
        self._workers: list[Worker] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self._plain = self.database([])
        if not url:
            make_tables(self._plain)
            with self._plain.engines.writing():
                effects.metadata.create_all(self._plain.engines.writer)

    def database(self, kinds: Iterable[JobKind]) -> Database:
        """What one process has: a database with its queue and its own notifier."""
        notifier = Notifier(self.folder / "run")
        db = Database(
            self.url,
            lock_path=self.folder / "run" / "write.lock",
            notifier=notifier,
            enqueuer=JobQueue(kinds),
        )
        # Only now: the database may have joined it.
        notifier.start()
        self._databases.append(db)
        return db

    def worker(
        self,
        kinds: Iterable[JobKind],
        *,
        lanes: Mapping[str, int] = LANES,
        lease_s: float = 30.0,
        start: bool = True,
        **options: Any,
    ) -> Worker:
        """A worker with threads of its own, as if it were another process."""
        kinds = list(kinds)
        db = self.database(kinds)
        chosen = WorkerOptions(lease_s=lease_s, **options)
        worker = Worker(db, db.notifier, kinds, lanes, self.folder, chosen)
        if start:
            worker.start()
        self._workers.append(worker)
        return worker

    def process(self, *, lease_s: float = 30.0, slots: int = 2) -> subprocess.Popen[bytes]:
        """A real worker process that knows the kinds of `acts`."""
        command = [sys.executable, "-m", "tests.contract.jobs.acts"]
        process = subprocess.Popen(
            [*command, str(self.folder), self.url, str(lease_s), str(slots)],
            cwd=ROOT,
            start_new_session=True,
        )
        self._processes.append(process)
        return process

    def job(self, job_id: int | None) -> JobInfo:
        """How the job stands now."""
        assert job_id is not None
        with self._plain.read() as tx:
            found = read_job(tx, job_id)
        assert found is not None
        return found

    def wait(self, job_id: int | None, state: JobState, timeout_s: float = 15.0) -> JobInfo:
        """Wait until the job is in `state`."""
        deadline = time.monotonic() + timeout_s
        while (found := self.job(job_id)).state is not state:
            assert time.monotonic() < deadline, f"not {state} within {timeout_s} s: {found}"
            time.sleep(0.01)
        return found

    def effects(self) -> list[tuple[str, int]]:
        """(label, attempt) of everything that happened, in order."""
        with self._plain.read() as tx:
            rows = tx.session.execute(
                select(effects.c.label, effects.c.attempt).order_by(effects.c.id)
            )
            return [(row.label, row.attempt) for row in rows]

    def freeze(self, process: subprocess.Popen[bytes]) -> None:
        """SIGSTOP, but not in the middle of a transaction: that would stop everyone else too."""

        def frozen_outside() -> bool:
            os.kill(process.pid, signal.SIGSTOP)
            eventually(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
            with self._may_write() as free:
                if not free:
                    os.kill(process.pid, signal.SIGCONT)
            return free

        eventually(frozen_outside)

    def close(self) -> None:
        """Kill the processes by their groups, stop the workers, close the databases."""
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for worker in self._workers:
            worker.stop(2.0)
        for db in self._databases:
            db.notifier.close()
            db.close()

    @contextlib.contextmanager
    def _may_write(self) -> Iterator[bool]:
        """True while nobody is in the middle of a transaction that others have to wait for."""
        if self._plain.dialect == "postgresql":
            busy = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
            )
            yield rows_of(self.url, busy)[0]["count"] == 0
            return
        path = self.folder / "run" / "write.lock"
        if not path.exists():
            yield True
            return
        lock = os.open(path, os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield True
        except BlockingIOError:
            yield False
        finally:
            os.close(lock)
