"""The worker: so many slots per lane, a thread per running job, a heartbeat, an engine that claims."""

import logging
import os
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from polyreel.infra.jobs import leases
from polyreel.infra.jobs.endings import HANDED_BACK, Ending, judge, settle
from polyreel.infra.jobs.heartbeat import Heartbeat, Running
from polyreel.infra.jobs.job import Job
from polyreel.infra.jobs.kinds import JobKind
from polyreel.infra.jobs.local import LocalEngine
from polyreel.infra.jobs.queue import CANCEL_TOPIC
from polyreel.infra.jobs.schedule import Periodic, Schedule
from polyreel.infra.notify import ANYTHING, Notifier
from polyreel.infra.tx import Database, DatabaseUnavailable
from polyreel.kit.errors import AppError

__all__ = ["Worker", "WorkerOptions"]

log = logging.getLogger("polyreel.jobs")
_RACED_S = 0.05
_LIMITED_S = 1.0


class Engine(Protocol):
    """What makes a worker claim."""

    def start(self) -> None:
        """Begin to claim."""

    def wake(self) -> None:
        """Look again now: a job came, or a slot is free."""

    def stop(self, timeout_s: float) -> None:
        """Claim no more; returns when that is so, or after `timeout_s`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerOptions:
    """How a worker keeps time."""

    lease_s: float = 30.0
    """A worker that does not renew for so long has lost its jobs; renewed every sixth of it, or 5 s."""
    poll_s: float = 2.0
    """How often to look for jobs although no notice came."""
    periodic: Sequence[Periodic] = ()


class Worker:
    """Runs jobs of `kinds` in `lanes` (name to number at once); jobs find `tools` at `job.tools`.

    Kinds it does not know and lanes it does not have are left to others.
    """

    def __init__(
        self,
        db: Database,
        notifier: Notifier,
        kinds: Iterable[JobKind],
        lanes: Mapping[str, int],
        tools: Any,
        options: WorkerOptions | None = None,
    ) -> None:
        options = options or WorkerOptions()
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"[:120]
        self._db = db
        self._notifier = notifier
        self._kinds = {kind.name: kind for kind in kinds}
        self._lanes = {lane: slots for lane, slots in lanes.items() if slots > 0}
        self._tools = tools
        self._lease_s = options.lease_s
        self._running: dict[int, Running] = {}
        self._changed = threading.Condition()
        self._claiming = threading.Lock()
        self._stopping = False
        self._heartbeat = Heartbeat(db, self.name, options.lease_s, self._snapshot)
        sweep_every_s = min(10.0, options.lease_s / 3)
        schedule = Schedule(db, self._kinds, options.periodic, sweep_every_s)
        self._engine = self._make_engine(schedule, options.poll_s)

    @property
    def lanes(self) -> list[str]:
        """Those that it has a slot in."""
        return list(self._lanes)

    def start(self) -> None:
        """Begin to claim and run jobs; returns at once."""
        self._notifier.subscribe(self._heard)
        self._heartbeat.start()
        self._engine.start()
        log.info("worker started", extra={"worker": self.name, "lanes": dict(self._lanes)})

    def stop(self, grace_s: float) -> None:
        """Claim no more, ask running jobs to stop, wait `grace_s`, hand back what still runs.

        A job that is handed back loses no try; its thread, should it go on, can write no more.
        """
        deadline = time.monotonic() + grace_s
        self._stopping = True
        for running in self._snapshot():
            running.job.stop("shutdown")
        # What it claims in its last turn is told by `_begin`.
        self._engine.stop(grace_s)
        self._notifier.unsubscribe(self._heard)
        with self._changed:
            self._changed.wait_for(
                lambda: not self._running, timeout=max(0.0, deadline - time.monotonic())
            )
        self._hand_back(self._snapshot())
        self._heartbeat.stop()
        log.info("worker stopped", extra={"worker": self.name})

    def claim_due(self) -> float | None:
        """Start due jobs as far as there are slots; called by the engine, from one thread.

        Seconds until the next waiting job is due; None when none waits that could run here now.
        """
        slots, kinds = self._room()
        if self._stopping or not slots or not kinds:
            return None
        with self._db.read() as tx:
            waits = leases.due_in(tx, slots, kinds)
        ready = [lane for lane, wait_s in waits.items() if wait_s <= 0]
        claimed = self._claim({lane: slots[lane] for lane in ready}) if ready else []
        for job in claimed:
            self._begin(job)
        if claimed:
            return 0.0
        # Due but not to be had: someone else is just taking it.
        return max(_RACED_S if ready else 0.0, min(waits.values())) if waits else None

    def claim_next(self, lane: str) -> Future[None] | None:
        """Start the next due job of `lane`; what is done when it has ended. None: no job is due.

        For engines that know lanes one by one; may be called from any thread, and waits there while
        all that is due has to wait for the limit of its kind.
        """
        while True:
            # One at a time: whether there is a slot must hold until it is taken.
            with self._claiming:
                slots, kinds = self._room()
                if self._stopping or lane not in slots:
                    return None
                for claimed in self._claim({lane: 1}):
                    return self._begin(claimed)
            with self._db.read() as tx:
                if leases.due_in(tx, [lane], self._kinds).get(lane, 1.0) > 0:
                    return None
                is_raced = leases.due_in(tx, [lane], kinds).get(lane, 1.0) <= 0
            # Due but not to be had: someone else is just taking it, or its kind is at its limit.
            with self._changed:
                self._changed.wait(_RACED_S if is_raced else _LIMITED_S)

    def _make_engine(self, schedule: Schedule, poll_s: float) -> Engine:
        if self._db.dialect == "sqlite":
            return LocalEngine(self.claim_due, schedule, poll_s)
        # Loaded only where it is used.
        from polyreel.infra.jobs.procrastinate import ProcrastinateEngine

        return ProcrastinateEngine(self._db, self._lanes, self.claim_next, schedule)

    def _claim(self, slots: Mapping[str, int]) -> list[tuple[leases.Claim, float]]:
        claimed: list[tuple[leases.Claim, float]] = []
        taken: Counter[str] = Counter()
        # Side by side with others: a claim takes one row that nobody holds, and waits for none.
        with self._db.write(alone=False) as tx:
            began = time.monotonic()
            for lane, free in slots.items():
                for _ in range(free):
                    kinds = self._room(taken)[1]
                    claim = leases.claim(
                        tx, lane=lane, kinds=kinds, worker=self.name, lease_s=self._lease_s
                    )
                    if claim is None:
                        break
                    taken[claim.kind] += 1
                    claimed.append((claim, began))
            if claimed:
                tx.notify("jobs")
        return claimed

    def _begin(self, claimed: tuple[leases.Claim, float]) -> Future[None]:
        claim, began = claimed
        job = Job(claim, self._db, self._tools)
        running = Running(
            job=job,
            kind=self._kinds[claim.kind],
            claimed=began,
            safe_until=began + self._lease_s,
        )
        with self._changed:
            self._running[claim.id] = running
        if self._stopping:
            job.stop("shutdown")
        self._log_step("claimed", running)
        threading.Thread(
            target=self._run, args=(running,), name=f"job-{claim.kind}-{claim.id}", daemon=True
        ).start()
        return running.ended

    def _run(self, running: Running) -> None:
        error: Exception | None = None
        try:
            try:
                running.job.check()
                running.kind.run(running.job)
            except Exception as raised:  # noqa: BLE001 - `judge` decides, `_log_step` logs
                error = raised
            running.ending = True
            ending = judge(running.kind, running.job, error)
            self._log_step(*self._written(running, ending), error=error)
        finally:
            with self._changed:
                if self._running.get(running.job.id) is running:
                    del self._running[running.job.id]
                self._changed.notify_all()
            running.ended.set_result(None)
            self._engine.wake()

    def _written(self, running: Running, ending: Ending) -> tuple[str, Running]:
        """Write the end, again and again while the database has trouble and the lease is ours."""
        job = running.job
        pause_s = 0.1
        while ending.step != "lost" and not job.completed:
            # A success is between the row and its attempt; all other ends may tell the kind, which
            # writes what it likes.
            alone = ending.step != "succeeded"
            try:
                with self._db.write(alone=alone) as tx:
                    ending = settle(tx, running.kind, job, ending)
                break
            except Exception as error:
                is_away = isinstance(error, DatabaseUnavailable)
                log.warning("the end of a job could not be written", exc_info=not is_away)
            if job.stop_reason == "lost":
                ending = Ending(step="lost")
                break
            time.sleep(pause_s)
            pause_s = min(2.0, pause_s * 2)
        return ending.step, running

    def _hand_back(self, rest: list[Running]) -> None:
        if not rest:
            return
        try:
            with self._db.write() as tx:
                for running in rest:
                    settle(tx, running.kind, running.job, HANDED_BACK)
        except Exception:
            log.warning("jobs could not be handed back; their leases run out", exc_info=True)
        for running in rest:
            running.job.stop("lost")
            self._log_step(HANDED_BACK.step, running)

    def _room(self, taken: Mapping[str, int] | None = None) -> tuple[dict[str, int], list[str]]:
        """Free slots per lane, and the kinds that are below their limit (`taken`: about to start)."""
        busy = self._snapshot()
        lanes = Counter(running.kind.lane for running in busy)
        kinds = Counter(running.kind.name for running in busy)
        kinds.update(taken or {})
        slots = {
            lane: size - lanes[lane] for lane, size in self._lanes.items() if size > lanes[lane]
        }
        below = [
            kind.name
            for kind in self._kinds.values()
            if kind.limit is None or kinds[kind.name] < kind.limit
        ]
        return slots, below

    def _snapshot(self) -> list[Running]:
        with self._changed:
            return list(self._running.values())

    def _heard(self, topics: list[str]) -> None:
        if CANCEL_TOPIC in topics or ANYTHING in topics:
            self._heartbeat.wake()
        if ANYTHING in topics or any(f"jobs:{lane}" in topics for lane in self._lanes):
            self._engine.wake()
            with self._changed:
                self._changed.notify_all()

    def _log_step(self, step: str, running: Running, error: Exception | None = None) -> None:
        job = running.job
        went_wrong = error is not None and step in ("retried", "failed")
        # What was expected to happen says why in a sentence; a mistake of ours shows where it is.
        reason = error.message if went_wrong and isinstance(error, AppError) else None
        log.log(
            logging.WARNING if went_wrong else logging.INFO,
            "job %s: %s" if reason else "job %s",
            *([step, reason] if reason else [step]),
            exc_info=error if went_wrong and reason is None else None,
            extra={
                "job_id": job.id,
                "job_kind": job.kind,
                "attempt": job.attempt,
                "seconds": round(time.monotonic() - running.claimed, 3),
            },
        )
