"""Putting jobs into a transaction, looking at them, and changing one's mind about them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, delete, func, select, update

from polyreel.infra.db import insert_ignore, now_us
from polyreel.infra.jobs.kinds import JobKind
from polyreel.infra.jobs.rows import ENDED, UNFINISHED, JobInfo, JobRow, JobState, unfinished
from polyreel.infra.tx import JobOrder, Tx

__all__ = [
    "JobQueue",
    "cancel_job",
    "cancel_jobs_by_key",
    "find_job",
    "front_of",
    "get_job",
    "hasten_job",
    "list_jobs",
    "queue_of",
    "recast_job",
    "retry_job",
    "trim_jobs",
    "waiting_job",
]

_jobs: Any = JobRow.__table__

TOPIC = "jobs"
CANCEL_TOPIC = "jobs:cancel"


class JobQueue:
    """The Enqueuer of a Database: knows every kind, writes job rows."""

    def __init__(self, kinds: Iterable[JobKind]) -> None:
        self.kinds: dict[str, JobKind] = {}
        for kind in kinds:
            if kind.name in self.kinds:
                raise ValueError(f"two kinds of job are called {kind.name}")
            self.kinds[kind.name] = kind

    def enqueue(self, tx: Tx, order: JobOrder) -> int | None:
        """The id of the new job; None when an unfinished one has this key already.

        A running job counts as unfinished, however far it is. Raises ValueError for an unknown kind.
        """
        kind = self.kinds.get(order.kind)
        if kind is None:
            raise ValueError(f"no kind of job is called {order.kind!r}")
        row = {
            "kind": kind.name,
            "lane": kind.lane,
            "priority": kind.priority if order.priority is None else order.priority,
            "owner_id": order.owner_id,
            "key": order.key,
            "about": f"{kind.about}:{order.args[kind.about]}" if kind.about else None,
            "args": order.args,
            "max_attempts": kind.max_attempts,
            "delay_us": round(order.delay_s * 1_000_000),
            "created_at": tx.now,
        }
        job_id: int | None = tx.session.scalar(_inserting(tx.database.dialect), row)
        if job_id is not None:
            self.announce(tx, job_id, kind, order.delay_s)
        return job_id

    def announce(self, tx: Tx, job_id: int, kind: JobKind, delay_s: float = 0) -> None:
        """Let workers know, after the commit, that a job waits, due in `delay_s` seconds.

        Whatever makes a row queued calls this, in the same transaction.
        """
        if tx.database.dialect == "postgresql":
            # Procrastinate is only loaded where it is used.
            from polyreel.infra.jobs import tickets

            tickets.defer(tx, job_id, kind, delay_s)
        tx.notify(f"jobs:{kind.lane}")
        tx.notify(TOPIC)


def queue_of(tx: Tx) -> JobQueue:
    """The queue behind `tx`."""
    queue = tx.database.enqueuer
    if not isinstance(queue, JobQueue):
        raise TypeError("this database has no job queue")
    return queue


def get_job(tx: Tx, job_id: int) -> JobInfo | None:
    """The job, or None when there is none (trimmed some days after its end)."""
    found = _read(tx, select(JobRow).where(JobRow.id == job_id))
    return found[0] if found else None


def find_job(tx: Tx, key: str) -> JobInfo | None:
    """The newest job of this key, ended or not."""
    found = _read(tx, select(JobRow).where(JobRow.key == key).order_by(JobRow.id.desc()).limit(1))
    return found[0] if found else None


def waiting_job(tx: Tx, key: str, *, hold: bool = False) -> JobInfo | None:
    """The job of this key while it waits; `hold`, in a write block: no worker begins it before the end."""
    waiting = select(JobRow).where(JobRow.key == key, JobRow.state == JobState.QUEUED.value)
    found = _read(tx, waiting.with_for_update() if hold else waiting)
    return found[0] if found else None


def list_jobs(  # noqa: PLR0913 - each narrows the list
    tx: Tx,
    *,
    key_prefix: str | None = None,
    kind: str | None = None,
    states: Sequence[JobState] = (),
    owner_id: int | None = None,
    about: str | None = None,
    limit: int = 1000,
) -> list[JobInfo]:
    """Jobs that fit all that is given, newest first, at most `limit`."""
    query = select(JobRow).order_by(JobRow.id.desc()).limit(limit)
    if key_prefix:
        after = key_prefix[:-1] + chr(ord(key_prefix[-1]) + 1)
        query = query.where(JobRow.key >= key_prefix, JobRow.key < after)
    if kind is not None:
        query = query.where(JobRow.kind == kind)
    if states:
        query = query.where(JobRow.state.in_([state.value for state in states]))
    if owner_id is not None:
        query = query.where(JobRow.owner_id == owner_id)
    if about is not None:
        query = query.where(JobRow.about == about)
    return _read(tx, query)


def cancel_job(tx: Tx, job_id: int) -> bool:
    """Stop a job: at once while it waits, within about a second while it runs.

    True when it was unfinished. A job that ends by itself before it notices keeps that end.
    """
    return _cancel(tx, JobRow.id == job_id) > 0


def cancel_jobs_by_key(tx: Tx, key: str) -> int:
    """Stop the unfinished job of this key; how many there were (0 or 1)."""
    return _cancel(tx, JobRow.key == key)


def recast_job(tx: Tx, key: str, kind_name: str, *, priority: int) -> bool:
    """Have the waiting job of this key done now, as another kind of the same args, in its lane. One that is of
    this kind already only gets the priority. False when no such job waits.
    """
    kind = queue_of(tx).kinds[kind_name]
    waiting = update(JobRow).where(JobRow.key == key, JobRow.state == JobState.QUEUED.value)
    job_id = tx.session.scalar(
        waiting.where(JobRow.kind != kind.name)
        .values(kind=kind.name, lane=kind.lane, priority=priority, run_after=now_us())
        .returning(JobRow.id)
        .execution_options(synchronize_session=False)
    )
    if job_id is not None:
        queue_of(tx).announce(tx, job_id, kind)
        return True
    again = waiting.values(priority=priority).execution_options(synchronize_session=False)
    return _count(tx.session.execute(again)) > 0


def front_of(tx: Tx, kind_name: str) -> int:
    """The priority that goes before every waiting job of this kind."""
    waiting = select(func.max(JobRow.priority)).where(
        JobRow.kind == kind_name, JobRow.state == JobState.QUEUED.value
    )
    first = tx.session.scalar(waiting)
    return queue_of(tx).kinds[kind_name].priority if first is None else first + 1


def hasten_job(tx: Tx, key: str) -> bool:
    """Let the job of this key that waits for its moment be due now. True when there was one."""
    waiting = (
        update(JobRow)
        .where(JobRow.key == key, JobRow.state == JobState.QUEUED.value)
        .where(JobRow.run_after > now_us())
        .values(run_after=now_us())
        .returning(JobRow.id, JobRow.kind)
        .execution_options(synchronize_session=False)
    )
    hastened = tx.session.execute(waiting).all()
    queue = queue_of(tx)
    for job_id, kind in hastened:
        if kind in queue.kinds:
            queue.announce(tx, job_id, queue.kinds[kind])
    return bool(hastened)


def retry_job(tx: Tx, job_id: int) -> bool:
    """Queue a failed or cancelled job again with all its tries.

    False when it is in another state, or its key is taken by an unfinished job.
    """
    row = tx.session.get(JobRow, job_id, with_for_update=True, populate_existing=True)
    kind = queue_of(tx).kinds.get(row.kind) if row else None
    if row is None or kind is None or row.state not in (JobState.FAILED, JobState.CANCELLED):
        return False
    taken = (
        select(JobRow.id).where(JobRow.key == row.key).where(JobRow.state.in_(_values(UNFINISHED)))
    )
    if row.key is not None and tx.session.scalar(taken) is not None:
        return False
    tx.session.execute(
        update(JobRow)
        .where(JobRow.id == job_id)
        .values(
            state=JobState.QUEUED.value,
            tries=0,
            run_after=now_us(),
            cancel_requested=False,
            progress=0.0,
            message=None,
            error=None,
            finished_at=None,
        )
        .execution_options(synchronize_session=False)
    )
    tx.session.expire(row)
    queue_of(tx).announce(tx, job_id, kind)
    return True


def trim_jobs(
    tx: Tx, older_than: datetime, *, told_older_than: datetime | None = None, limit: int = 5000
) -> int:
    """Delete rows of jobs that ended before `older_than`, at most `limit`; how many. Those that are
    about something go when they ended before `told_older_than` (None: as the others).
    """
    is_old = (JobRow.about.is_(None) & (JobRow.finished_at < older_than)) | (
        JobRow.about.is_not(None) & (JobRow.finished_at < (told_older_than or older_than))
    )
    old = select(JobRow.id).where(is_old, JobRow.state.in_(_values(ENDED))).limit(limit)
    trimmed = tx.session.execute(
        delete(JobRow).where(JobRow.id.in_(old)).execution_options(synchronize_session=False)
    )
    return _count(trimmed)


@cache
def _inserting(dialect: str) -> Any:
    """Made once: an hour of film has some fifty jobs, all in one transaction."""
    insert = insert_ignore(dialect, _jobs, index=["key"], where=unfinished())
    # The database's clock, as for leases: the clocks of the processes may differ.
    due = now_us() + bindparam("delay_us", type_=BigInteger())
    return insert.values(run_after=due).returning(_jobs.c.id)


def _cancel(tx: Tx, which: ColumnElement[bool]) -> int:
    # Held first: on PostgreSQL a worker may claim it, end it or hand it back between two statements.
    tx.session.execute(
        select(JobRow.id)
        .where(which, JobRow.state.in_(_values(UNFINISHED)))
        .order_by(JobRow.id)
        .with_for_update()
    ).all()
    queued = (
        update(JobRow)
        .where(which, JobRow.state == JobState.QUEUED.value)
        .values(state=JobState.CANCELLED.value, finished_at=now_us(), cancel_requested=True)
        .returning(JobRow.kind, JobRow.args)
        .execution_options(synchronize_session=False)
    )
    ended = tx.session.execute(queued).all()
    asked = _count(
        tx.session.execute(
            update(JobRow)
            .where(which, JobRow.state == JobState.RUNNING.value)
            .values(cancel_requested=True)
            .execution_options(synchronize_session=False)
        )
    )
    for kind_name, args in ended:
        kind = queue_of(tx).kinds.get(kind_name)
        if kind is not None and kind.on_cancelled is not None:
            kind.on_cancelled(tx, args)
    if asked:
        tx.notify(CANCEL_TOPIC)
    if ended:
        tx.notify(TOPIC)
    return len(ended) + asked


def _read(tx: Tx, query: Select[JobRow]) -> list[JobInfo]:
    fresh = query.execution_options(populate_existing=True)
    return [JobInfo.of(row) for row in tx.session.scalars(fresh)]


def _values(states: Iterable[JobState]) -> list[str]:
    return [state.value for state in states]


def _count(result: Any) -> int:
    return int(result.rowcount)
