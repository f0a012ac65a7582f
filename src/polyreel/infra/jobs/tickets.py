"""Tickets: what procrastinate carries for us on PostgreSQL.

A ticket says "there is work in this lane" and no more; which job that is, the claim decides (see
leases.py), so that a job whose priority is raised needs no second queue. A ticket too many finds an
empty lane and does no harm; one too few is noticed within seconds and replaced.
"""

from datetime import datetime

import psycopg
from procrastinate import App, SyncPsycopgConnector
from procrastinate.exceptions import ConnectorException
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from polyreel.infra.jobs.kinds import JobKind
from polyreel.infra.jobs.rows import JobRow
from polyreel.infra.tx import Database, Tx

__all__ = ["DEAD_AFTER_S", "TASK", "defer", "reconcile"]

TASK = "polyreel.drain"
DEAD_AFTER_S = 30.0
"""A worker of procrastinate whose heart did not beat for so long is dead."""

# Never opened: it only writes on connections that it is handed.
_app = App(connector=SyncPsycopgConnector())

# Lanes with more due jobs than tickets to fetch, and how many more. A hundred tickets bring a hundred
# slots to work, and each of those goes on to the next job by itself: no lane needs more at once.
_LACKING = text("""
    SELECT due.lane, due.jobs - COALESCE(waiting.tickets, 0)
    FROM (
        SELECT lane, LEAST(count(*), 100) AS jobs FROM jobs
        WHERE state = 'queued'
          AND run_after <= EXTRACT(EPOCH FROM clock_timestamp()) * 1000000
        GROUP BY lane
    ) AS due
    LEFT JOIN (
        SELECT queue_name, count(*) AS tickets FROM procrastinate_jobs
        WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= clock_timestamp())
        GROUP BY queue_name
    ) AS waiting ON waiting.queue_name = due.lane
    WHERE due.jobs > COALESCE(waiting.tickets, 0)
""")
# Tickets that a worker fetched and will never finish.
_STRAY = """
    FROM procrastinate_jobs AS ticket
    WHERE status <> 'todo' AND NOT EXISTS (
        SELECT FROM procrastinate_workers AS worker
        WHERE worker.id = ticket.worker_id
          AND worker.last_heartbeat > clock_timestamp() - make_interval(secs => :dead_after_s)
    )
"""


def defer(tx: Tx, job_id: int, kind: JobKind, delay_s: float) -> None:
    """Let the commit of `tx` bring a ticket for a job that is queued in it, fetched when it is due."""
    due_at = None
    if delay_s > 0:
        due_at = tx.session.scalar(select(JobRow.run_after).where(JobRow.id == job_id))
    _put(tx, kind.lane, priority=kind.priority, due_at=due_at)


def reconcile(db: Database) -> None:
    """Remove the tickets of dead workers, and give every due job a ticket that has none."""
    dead = {"dead_after_s": DEAD_AFTER_S}
    # Looked at first without the right to write: nearly always there is nothing to do.
    with db.read() as tx:
        is_stray = tx.session.scalar(text(f"SELECT EXISTS (SELECT {_STRAY})"), dead)
        if not is_stray and not tx.session.execute(_LACKING).first():
            return
    with db.write() as tx:
        tx.session.execute(text(f"DELETE {_STRAY}"), dead)
        for lane, count in tx.session.execute(_LACKING).all():
            _put(tx, lane, count=count)


def _put(
    tx: Tx, lane: str, *, count: int = 1, priority: int = 0, due_at: datetime | None = None
) -> None:
    connection = tx.session.connection().connection.driver_connection
    task = _app.configure_task(
        TASK, queue=lane, priority=priority, schedule_at=due_at, connection=connection
    )
    try:
        task.batch_defer(*[{}] * count)
    except ConnectorException as error:
        # In the words of everything else that happens in a transaction.
        if isinstance(error.__cause__, psycopg.OperationalError):
            raise OperationalError("a ticket", None, error.__cause__) from error
        raise
