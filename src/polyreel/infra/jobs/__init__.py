"""Background work: leased rows in the database, put there by the transaction that needs them.

`tx.enqueue(kind, key=..., **ids)` adds a job; a Worker runs it in one of its lanes. See rows.py for
what a job is, leases.py for whose it is, kinds.py for what a kind may say, worker.py for the process
that runs them. How that process learns of work: local.py on SQLite; on PostgreSQL procrastinate.py,
which fetches what tickets.py added to the same transaction.
"""

from polyreel.infra.jobs.job import Job, JobCancelled, LeaseLost
from polyreel.infra.jobs.kinds import JobKind
from polyreel.infra.jobs.leases import end_all as end_leases
from polyreel.infra.jobs.queue import (
    JobQueue,
    cancel_job,
    cancel_jobs_by_key,
    find_job,
    front_of,
    get_job,
    hasten_job,
    list_jobs,
    recast_job,
    retry_job,
    trim_jobs,
    waiting_job,
)
from polyreel.infra.jobs.rows import JobInfo, JobRow, JobState, PeriodicRow
from polyreel.infra.jobs.schedule import Periodic
from polyreel.infra.jobs.worker import Worker, WorkerOptions

__all__ = [
    "Job",
    "JobCancelled",
    "JobInfo",
    "JobKind",
    "JobQueue",
    "JobRow",
    "JobState",
    "LeaseLost",
    "Periodic",
    "PeriodicRow",
    "Worker",
    "WorkerOptions",
    "cancel_job",
    "cancel_jobs_by_key",
    "end_leases",
    "find_job",
    "front_of",
    "get_job",
    "hasten_job",
    "list_jobs",
    "recast_job",
    "retry_job",
    "trim_jobs",
    "waiting_job",
]
