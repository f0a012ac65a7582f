"""What every worker does now and then: enqueue periodic jobs, take jobs from the dead."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update

from polyreel.infra.db import insert_ignore, now_us
from polyreel.infra.jobs import leases
from polyreel.infra.jobs.endings import settle_expired
from polyreel.infra.jobs.kinds import JobKind
from polyreel.infra.jobs.queue import list_jobs
from polyreel.infra.jobs.rows import UNFINISHED, PeriodicRow
from polyreel.infra.tx import Database, Tx

__all__ = ["Periodic", "Schedule", "enqueue_slot", "tick"]

log = logging.getLogger("polyreel.jobs")
_periodic: Any = PeriodicRow.__table__


@dataclass(frozen=True, kw_only=True, slots=True)
class Periodic:
    """A job of `kind` every `every_s` seconds, counted from the epoch; missed ones are not made up for."""

    name: str
    every_s: float
    kind: str

    def slot(self, moment_us: int) -> int:
        """The number of the interval that `moment_us` lies in."""
        return moment_us // round(self.every_s * 1_000_000)

    def wait_s(self, moment_us: int) -> float:
        """Seconds until the next interval begins."""
        every_us = round(self.every_s * 1_000_000)
        return (every_us - moment_us % every_us) / 1_000_000


class Schedule:
    """Does what is due when asked, and says when to ask again."""

    def __init__(
        self,
        db: Database,
        kinds: Mapping[str, JobKind],
        periodic: Sequence[Periodic],
        sweep_every_s: float,
    ) -> None:
        self._db = db
        self._kinds = kinds
        self._periodic = periodic
        self._sweep_every_s = sweep_every_s
        self._next_tick = self._next_sweep = time.monotonic()

    def run_due(self) -> float:
        """Seconds until something is due again. Raises what the database raises."""
        now = time.monotonic()
        if now >= self._next_tick:
            self._next_tick = now + tick(self._db, self._periodic)
        if now >= self._next_sweep:
            self._sweep()
            self._next_sweep = now + self._sweep_every_s
        return max(0.0, min(self._next_tick, self._next_sweep) - time.monotonic())

    def _sweep(self) -> None:
        # Looked at first without the right to write: nearly always there is nothing to do.
        with self._db.read() as tx:
            if not leases.expired(tx, self._kinds, limit=1):
                return
        with self._db.write() as tx:
            settled = settle_expired(tx, self._kinds)
        for claim, ending in settled:
            log.warning(
                "job taken from a lost worker",
                extra={
                    "job_id": claim.id,
                    "job_kind": claim.kind,
                    "attempt": claim.attempt,
                    "step": ending.step,
                },
            )


def tick(db: Database, periodic: Sequence[Periodic]) -> float:
    """Enqueue what is due of `periodic`; seconds until the next one is (at most an hour)."""
    with db.read() as tx:
        now = _now(tx)
        done = {row.name: row.slot for row in tx.session.scalars(select(PeriodicRow))}
    wait_s = 3600.0
    for item in periodic:
        if done.get(item.name, -1) < item.slot(now):
            with db.write() as tx:
                enqueue_slot(tx, item)
        wait_s = min(wait_s, item.wait_s(now))
    return wait_s


def enqueue_slot(tx: Tx, item: Periodic) -> int | None:
    """Enqueue the job of the present slot, unless someone did; its id.

    None also when the job of an earlier slot is not finished: they never pile up.
    """
    slot = item.slot(_now(tx))
    insert = insert_ignore(tx.database.dialect, _periodic, index=["name"])
    tx.session.execute(insert.values(name=item.name, slot=-1))
    # The one who moves the slot forward enqueues; all others find it moved.
    moved: Any = tx.session.execute(
        update(PeriodicRow)
        .where(PeriodicRow.name == item.name, PeriodicRow.slot < slot)
        .values(slot=slot)
        .execution_options(synchronize_session=False)
    )
    if not moved.rowcount:
        return None
    prefix = f"periodic:{item.name}:"
    if list_jobs(tx, key_prefix=prefix, states=UNFINISHED, limit=1):
        return None
    return tx.enqueue(item.kind, key=f"{prefix}{slot}")


def _now(tx: Tx) -> int:
    return int(tx.session.execute(select(now_us())).scalar_one())
