"""The lease on a job row: claim it, renew it, write under it, end it, and take it from the dead.

Only the database's clock is compared here, and only (id, attempt) says whose a job is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Update,
    func,
    literal_column,
    select,
    type_coerce,
    update,
)
from sqlalchemy.orm import aliased

from polyreel.infra.db import now_us
from polyreel.infra.jobs.rows import JobRow, JobState
from polyreel.infra.tx import Tx

__all__ = [
    "Claim",
    "Standing",
    "cancel",
    "claim",
    "due_in",
    "end_all",
    "expired",
    "fail",
    "grasp",
    "hold",
    "renew",
    "report",
    "requeue",
    "standings",
    "succeed",
]

_RUNNING = JobState.RUNNING.value
_QUEUED = JobState.QUEUED.value


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A job that this worker has the lease of."""

    id: int
    kind: str
    lane: str
    key: str | None
    owner_id: int | None
    args: Mapping[str, Any]
    attempt: int
    tries: int
    max_attempts: int
    progress: float
    message: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How a lease stands in the database."""

    id: int
    attempt: int
    cancel_requested: bool


def due_in(tx: Tx, lanes: Iterable[str], kinds: Iterable[str]) -> dict[str, float]:
    """Seconds until the next job of each lane is due (0 or less: now); idle lanes are left out."""
    query = (
        select(JobRow.lane, func.min(type_coerce(JobRow.run_after, BigInteger)) - now_us())
        .where(JobRow.state == _QUEUED, JobRow.lane.in_(list(lanes)))
        .where(JobRow.kind.in_(list(kinds)))
        .group_by(JobRow.lane)
    )
    return {lane: wait_us / 1_000_000 for lane, wait_us in tx.session.execute(query)}


def claim(
    tx: Tx,
    *,
    lane: str,
    kinds: Sequence[str],
    worker: str,
    lease_s: float,
    job_id: int | None = None,
) -> Claim | None:
    """Take the lease of the next due job of `lane` (or of `job_id`), or None.

    Highest priority first, then owners with fewer running jobs in this lane, then the oldest.
    """
    row = aliased(JobRow)
    busy = (
        select(_owner(JobRow).label("owner"), func.count().label("jobs"))
        .where(JobRow.state == _RUNNING, JobRow.lane == lane)
        .group_by(_owner(JobRow))
        .subquery()
    )
    due = (
        select(row.id)
        .outerjoin(busy, busy.c.owner == _owner(row))
        .where(row.state == _QUEUED, row.lane == lane, row.run_after <= now_us())
        .where(row.kind.in_(kinds))
        .order_by(row.priority.desc(), func.coalesce(busy.c.jobs, 0), row.run_after, row.id)
        .limit(1)
        .with_for_update(of=row, skip_locked=True)
    )
    if job_id is not None:
        due = due.where(row.id == job_id)
    found = tx.session.execute(
        _update()
        .where(JobRow.id == due.scalar_subquery(), JobRow.state == _QUEUED)
        .values(
            state=_RUNNING,
            attempt=JobRow.attempt + 1,
            tries=JobRow.tries + 1,
            lease_owner=worker,
            lease_until=_from_now(lease_s),
            started_at=now_us(),
        )
        .returning(*_CLAIMED)
    ).one_or_none()
    return None if found is None else _claim(found)


def hold(tx: Tx, job_id: int, attempt: int) -> Standing | None:
    """The fence: how this attempt stands, which nobody can change before `tx` ends; None: it is over."""
    query = select(*_STANDING).where(_mine(job_id, attempt)).with_for_update()
    found = tx.session.execute(query).one_or_none()
    return None if found is None else Standing(**found._mapping)


def grasp(tx: Tx, worker: str, job_ids: Iterable[int]) -> set[int]:
    """Of these jobs, those that `worker` has and that nobody is writing just now: not before `tx` ends.

    It never waits: many rows are held at once, and waiting for one while holding others is how two
    transactions come to wait for each other.
    """
    query = select(JobRow.id).where(_held(worker, job_ids)).with_for_update(skip_locked=True)
    return set(tx.session.scalars(query))


def standings(tx: Tx, worker: str, job_ids: Iterable[int]) -> dict[int, Standing]:
    """The leases that `worker` still has of these jobs, by job id."""
    query = select(*_STANDING).where(_held(worker, job_ids))
    return {row.id: Standing(**row._mapping) for row in tx.session.execute(query)}


def renew(tx: Tx, worker: str, job_ids: Iterable[int], lease_s: float) -> dict[int, Standing]:
    """Prolong the leases that `worker` still has of these jobs; the same, by job id."""
    renewed = tx.session.execute(
        _update()
        .where(_held(worker, job_ids))
        .values(lease_until=_from_now(lease_s))
        .returning(*_STANDING)
    )
    return {row.id: Standing(**row._mapping) for row in renewed}


def report(tx: Tx, job_id: int, attempt: int, progress: float, message: str | None) -> None:
    """Write how far an attempt is; nothing when it is over."""
    tx.session.execute(
        _update().where(_mine(job_id, attempt)).values(progress=progress, message=message)
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What an attempt took: processor seconds of its child programs, how much it did (in a unit of the
    kind's own), and the last command, for people.
    """

    cpu_s: float = 0.0
    work: float = 0.0
    command: str = ""


def succeed(tx: Tx, job_id: int, attempt: int, message: str | None) -> bool:
    """End as done. False, here and below: the attempt is over, nothing was changed."""
    values = {"progress": 1.0, "message": message, "error": None, "finished_at": now_us()}
    return _leave(tx, job_id, attempt, state=JobState.SUCCEEDED.value, **values)


def fail(tx: Tx, job_id: int, attempt: int, error: str) -> bool:
    """End as given up, with its last words."""
    return _leave(
        tx, job_id, attempt, state=JobState.FAILED.value, error=error, finished_at=now_us()
    )


def cancel(tx: Tx, job_id: int, attempt: int) -> bool:
    """End as cancelled."""
    return _leave(tx, job_id, attempt, state=JobState.CANCELLED.value, finished_at=now_us())


def note_cost(tx: Tx, job_id: int, attempt: int, cost: Cost) -> None:
    """What this attempt took, before it ends."""
    values = {"cpu_ms": JobRow.cpu_ms + round(cost.cpu_s * 1000), "work": cost.work}
    if cost.command:
        values["command"] = cost.command
    tx.session.execute(_update().where(_mine(job_id, attempt)).values(**values))


def requeue(
    tx: Tx, job_id: int, attempt: int, *, pause_s: float, error: str | None, free: bool = False
) -> bool:
    """Give it back to the queue, due in `pause_s` seconds; `free`: this try does not count."""
    values: dict[str, Any] = {"state": _QUEUED, "run_after": _from_now(pause_s)}
    if error is not None:
        values["error"] = error
    if free:
        values["tries"] = JobRow.tries - 1
    return _leave(tx, job_id, attempt, **values)


def expired(tx: Tx, kinds: Iterable[str], *, locked: bool = False, limit: int = 100) -> list[Claim]:
    """Running jobs whose lease ran out; `locked`: nobody else can end them before `tx` ends."""
    query = (
        select(*_CLAIMED)
        .where(JobRow.state == _RUNNING, JobRow.lease_until < now_us())
        .where(JobRow.kind.in_(list(kinds)))
        .order_by(JobRow.id)
        .limit(limit)
    )
    if locked:
        query = query.with_for_update(skip_locked=True)
    return [_claim(row) for row in tx.session.execute(query)]


def end_all(tx: Tx) -> None:
    """Let every lease run out now. For when it is known that no worker lives."""
    tx.session.execute(_update().where(JobRow.state == _RUNNING).values(lease_until=_from_now(-1)))


_CLAIMED = (
    JobRow.id,
    JobRow.kind,
    JobRow.lane,
    JobRow.key,
    JobRow.owner_id,
    JobRow.args,
    JobRow.attempt,
    JobRow.tries,
    JobRow.max_attempts,
    JobRow.progress,
    JobRow.message,
)
_STANDING = (JobRow.id, JobRow.attempt, JobRow.cancel_requested)


def _owner(row: type[JobRow]) -> ColumnElement[int]:
    # A literal: PostgreSQL does not see that two parameters are the same expression to group by.
    return func.coalesce(row.owner_id, literal_column("-1", BigInteger()))


def _claim(row: Row[Any]) -> Claim:
    return Claim(**row._mapping)


def _update() -> Update:
    return update(JobRow).execution_options(synchronize_session=False)


def _leave(tx: Tx, job_id: int, attempt: int, **values: Any) -> bool:
    left: Any = tx.session.execute(
        _update().where(_mine(job_id, attempt)).values(lease_owner=None, lease_until=None, **values)
    )
    return bool(left.rowcount)


def _mine(job_id: int, attempt: int) -> ColumnElement[bool]:
    return (JobRow.id == job_id) & (JobRow.attempt == attempt) & (JobRow.state == _RUNNING)


def _held(worker: str, job_ids: Iterable[int]) -> ColumnElement[bool]:
    # By id, not only by owner: a claim whose commit broke off may be there without a thread for it,
    # and must run out.
    return (
        (JobRow.id.in_(list(job_ids))) & (JobRow.state == _RUNNING) & (JobRow.lease_owner == worker)
    )


def _from_now(seconds: float) -> ColumnElement[int]:
    return now_us() + round(seconds * 1_000_000)
