"""Many machines in small: web and worker processes of their own on one PostgreSQL and one folder."""

import os
import signal
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from tests.postgres import Postgres
from tests.server import POLYREEL, Server

__all__ = ["Fleet", "Web", "WorkerProcess"]


class Web(Server):
    """`polyreel web`, with a port and a log of its own."""

    def __init__(self, data_dir: Path, name: str, **settings: object) -> None:
        super().__init__(data_dir, **settings)
        self.log_path = data_dir.parent / f"{name}.log"

    def command(self) -> list[str]:
        """Without `serve`: nobody prepares anything for it."""
        return [str(POLYREEL), "web", "--host", "127.0.0.1", "--port", str(self.port)]


class WorkerProcess(Server):
    """`polyreel worker`; it serves nobody, so it has started when it says so."""

    def __init__(self, data_dir: Path, name: str, lanes: str, **settings: object) -> None:
        super().__init__(data_dir, **settings)
        self.log_path = data_dir.parent / f"{name}.log"
        self.lanes = lanes
        self._said = 0

    def start(self) -> None:
        """Start, and come back when it takes jobs."""
        self._said = len(self.log)
        super().start()

    def command(self) -> list[str]:
        """All its lanes by name."""
        return [str(POLYREEL), "worker", "--lanes", self.lanes]

    def answers(self) -> bool:
        """Whether it said that it takes jobs, since it was started last."""
        return "worker started" in self.log[self._said :]

    def ended_jobs(self, kind: str) -> int:
        """How many jobs of a kind this process has ended well."""
        lines = [line for line in self.log.splitlines() if "job succeeded" in line]
        return sum(f"job_kind={kind} " in line for line in lines)

    def freeze(self) -> None:
        """SIGSTOP; what it started runs on, as it does when one process of a machine hangs."""
        os.kill(self.pid, signal.SIGSTOP)
        while psutil.Process(self.pid).status() != psutil.STATUS_STOPPED:
            pass

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)


class Fleet:
    """One instance. `web` and `worker` make processes that are killed at the end, at the latest; the
    `settings` are those of all of them.
    """

    def __init__(self, postgres: Postgres, folder: Path, **settings: object) -> None:
        self.postgres = postgres
        self.folder = folder
        self.database = postgres.create()
        self.settings = {"database_url": postgres.url(self.database), **settings}
        self.webs: list[Web] = []
        self.workers: list[WorkerProcess] = []
        self._adding = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in (*self.webs, *self.workers):
            process.kill()

    @property
    def data_dir(self) -> Path:
        """The folder that all share."""
        return self.folder / "data"

    def web(self) -> Web:
        """One more `polyreel web`, which answers."""
        with self._adding:
            made = Web(self.data_dir, f"web{len(self.webs)}", **self.settings)
            self.webs.append(made)
        made.start()
        return made

    def worker(self, lanes: str = "fast,encode,net,light") -> WorkerProcess:
        """One more `polyreel worker`, which takes jobs."""
        with self._adding:
            name = f"worker{len(self.workers)}"
            made = WorkerProcess(self.data_dir, name, lanes, **self.settings)
            self.workers.append(made)
        made.start()
        return made

    @property
    def log(self) -> str:
        """What all of them have said."""
        return "\n".join(process.log for process in (*self.webs, *self.workers))
