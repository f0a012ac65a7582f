"""Keeps the leases of one worker alive, writes the progress of its jobs, hears of cancels."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from polyreel.infra.jobs import leases
from polyreel.infra.jobs.job import Job
from polyreel.infra.jobs.kinds import JobKind
from polyreel.infra.jobs.trouble import Trouble
from polyreel.infra.tx import Database

__all__ = ["Heartbeat", "Running"]

log = logging.getLogger("polyreel.jobs")
_BEAT_S = 0.4


def _promise() -> Future[None]:
    promise: Future[None] = Future()
    # Who no longer waits for it cannot call it off.
    promise.set_running_or_notify_cancel()
    return promise


@dataclass(kw_only=True, slots=True)
class Running:
    """One attempt in this process."""

    job: Job
    kind: JobKind
    claimed: float
    """When, on the monotonic clock."""
    safe_until: float
    """Until then, on the monotonic clock, nobody else can have the lease."""
    ending: bool = False
    """`run` is over, its end is being written."""
    ended: Future[None] = field(default_factory=_promise)
    """Done when nothing of the attempt goes on."""


class Heartbeat:
    """Two threads: one talks to the database, one watches the clock in case the first is stuck."""

    def __init__(
        self, db: Database, worker: str, lease_s: float, running: Callable[[], list[Running]]
    ) -> None:
        self._db = db
        self._worker = worker
        self._lease_s = lease_s
        self._renew_every_s = min(5.0, lease_s / 6)
        self._running = running
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._beat_loop, name="jobs-heartbeat", daemon=True),
            threading.Thread(target=self._watch_loop, name="jobs-watch", daemon=True),
        ]

    def start(self) -> None:
        """Begin to beat."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Look for cancels now."""
        self._wake.set()

    def stop(self) -> None:
        """End both threads."""
        self._stopped.set()
        self._wake.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(1.0)

    def beat(self) -> None:
        """Write what is new, prolong what is due, and tell jobs what became of their leases."""
        attempts = {running.job.id: running for running in self._running()}
        if not attempts:
            return
        reports = [(item.job, item.job.take_report()) for item in attempts.values()]
        news = [(job, report) for job, report in reports if report is not None]
        began = time.monotonic()
        renewing = any(began >= self._due(running) for running in attempts.values())
        written: set[int] = set()
        try:
            if news or renewing:
                written = self._write(attempts, news, renewing)
        finally:
            for job, _ in news:
                if job.id not in written:
                    job.keep_report()
        standings = self._read(attempts)
        for job_id, running in attempts.items():
            renewed = renewing and job_id in written
            _apply(running, standings.get(job_id), began + self._lease_s if renewed else None)

    def _write(
        self,
        attempts: dict[int, Running],
        news: list[tuple[Job, tuple[float, str | None]]],
        renewing: bool,
    ) -> set[int]:
        """Jobs whose rows were written; those that are being written by others have to wait a beat."""
        with self._db.write(alone=False) as tx:
            held = leases.grasp(tx, self._worker, attempts)
            for job, (progress, message) in news:
                if job.id in held:
                    leases.report(tx, job.id, job.attempt, progress, message)
            if news:
                tx.notify("jobs")
            if renewing:
                leases.renew(tx, self._worker, held, self._lease_s)
            return held

    def _due(self, running: Running) -> float:
        return running.safe_until - self._lease_s + self._renew_every_s

    def _read(self, attempts: dict[int, Running]) -> dict[int, leases.Standing]:
        with self._db.read() as tx:
            return leases.standings(tx, self._worker, attempts)

    def _beat_loop(self) -> None:
        trouble = Trouble("leases cannot be renewed")
        while not self._stopped.is_set():
            self._wake.clear()
            try:
                self.beat()
                trouble.over()
            except Exception as error:  # noqa: BLE001 - the jobs go on, and so does their heart
                trouble.met(error)
            self._wake.wait(min(_BEAT_S, self._renew_every_s))

    def _watch_loop(self) -> None:
        while not self._stopped.wait(min(0.5, self._lease_s / 6)):
            now = time.monotonic()
            for running in self._running():
                if now > running.safe_until and running.job.stop_reason != "lost":
                    log.warning(
                        "job stops: its lease could not be renewed",
                        extra={"job_id": running.job.id, "job_kind": running.kind.name},
                    )
                    running.job.stop("lost")


def _apply(running: Running, standing: leases.Standing | None, safe_until: float | None) -> None:
    job = running.job
    if standing is None or standing.attempt != job.attempt:
        # A job that just ended is no longer running either: that is not a loss.
        if not running.ending and not job.completed:
            job.stop("lost")
        return
    if safe_until is not None:
        running.safe_until = safe_until
    if standing.cancel_requested and not job.cancelled.is_set():
        job.stop("cancel")
