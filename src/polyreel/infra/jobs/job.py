"""The handle that a running job holds: its ids, its progress, and its fenced transactions."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from polyreel.infra.jobs import leases
from polyreel.infra.tx import Database, Tx

__all__ = ["Job", "JobCancelled", "LeaseLost"]

StopReason = Literal["cancel", "shutdown", "lost"]


class JobCancelled(Exception):
    """This attempt shall stop: cancelled by a person, or handed back at shutdown."""


class LeaseLost(JobCancelled):
    """This attempt is over: another worker may have the job already. Nothing may be written."""


class Job:
    """One attempt at one job. Everything but `report` and `write` is read-only to the job."""

    def __init__(self, claim: leases.Claim, db: Database, tools: Any) -> None:
        self.id = claim.id
        self.kind = claim.kind
        self.key = claim.key
        self.attempt = claim.attempt
        self.tries = claim.tries
        self.owner_id = claim.owner_id
        self.args: Mapping[str, Any] = claim.args
        self.tools = tools
        self.cancelled = threading.Event()
        """Set within a second when this attempt shall stop; `stop_reason` says why."""
        self.stop_reason: StopReason | None = None
        self.completed = False
        self.cost: leases.Cost | None = None
        """What it took so far; written when the attempt ends."""
        self._db = db
        self._lock = threading.Lock()
        self._progress = claim.progress
        self._message = claim.message
        self._changed = False

    def report(self, progress: float, message: str | None = None) -> None:
        """Say how far it is, 0 to 1, and what it does (None: as before).

        Costs nothing: written about twice a second, and at the end.
        """
        progress = min(1.0, max(0.0, progress))
        with self._lock:
            message = self._message if message is None else message
            self._changed |= (progress, message) != (self._progress, self._message)
            self._progress, self._message = progress, message

    def account(self, *, cpu_s: float, work: float = 0.0, command: str = "") -> None:
        """Say what a child program took; several add up."""
        before = self.cost or leases.Cost()
        self.cost = leases.Cost(
            cpu_s=before.cpu_s + cpu_s,
            work=before.work + work,
            command=command or before.command,
        )

    def check(self) -> None:
        """Go on, or raise JobCancelled (LeaseLost when the lease is gone)."""
        if self.cancelled.is_set():
            if self.stop_reason == "lost":
                raise LeaseLost(f"job {self.id}, attempt {self.attempt}")
            raise JobCancelled(f"job {self.id}: {self.stop_reason}")

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """A write transaction that only this attempt may make; keep it short.

        Raises LeaseLost, before anything was written, when the attempt is over. Being cancelled
        does not refuse it: what is done may be written down.
        """
        with self._db.write() as tx:
            if leases.hold(tx, self.id, self.attempt) is None:
                self.stop("lost")
                raise LeaseLost(f"job {self.id}, attempt {self.attempt}")
            yield tx

    def complete(self, tx: Tx) -> None:
        """End this job as succeeded in `tx`, a transaction of `write`: its effect and its end are one.

        Without it the job ends when `run` returns, and a crash in between runs it again.
        """
        if self.cost is not None:
            leases.note_cost(tx, self.id, self.attempt, self.cost)
        leases.succeed(tx, self.id, self.attempt, self.reported()[1])
        tx.notify("jobs")
        tx.after_commit(self._mark_completed)

    def stop(self, reason: StopReason) -> None:
        """Tell the attempt to stop; a lost lease outweighs other reasons. Called by the worker."""
        with self._lock:
            if self.stop_reason is None or reason == "lost":
                self.stop_reason = reason
        self.cancelled.set()

    def reported(self) -> tuple[float, str | None]:
        """What was last reported."""
        with self._lock:
            return self._progress, self._message

    def take_report(self) -> tuple[float, str | None] | None:
        """What was reported since the last call, or None; called by the worker."""
        with self._lock:
            if not self._changed:
                return None
            self._changed = False
            return self._progress, self._message

    def keep_report(self) -> None:
        """Count what was last reported as not written; called by the worker."""
        with self._lock:
            self._changed = True

    def _mark_completed(self) -> None:
        self.completed = True
