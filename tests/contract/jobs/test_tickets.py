"""What procrastinate carries on PostgreSQL: a ticket for every row that becomes queued, whatever breaks."""

import threading
import time
from typing import Any

import pytest
from sqlalchemy import text, update

from polyreel.infra.jobs import (
    Job,
    JobKind,
    JobRow,
    JobState,
    cancel_job,
    end_leases,
    leases,
    list_jobs,
    retry_job,
)
from polyreel.infra.jobs.endings import HANDED_BACK, Ending, settle, settle_expired
from polyreel.infra.tx import Database, DatabaseUnavailable, Tx
from tests.contract.jobs.site import Site, add_effect, eventually
from tests.databases import ON_POSTGRESQL, rows_of

pytestmark = pytest.mark.skipif(not ON_POSTGRESQL, reason="tickets are of PostgreSQL")

BREAK = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def nothing(job: Job) -> None:
    """Done at once."""


NOTE = JobKind(name="note", lane="fast", run=nothing, priority=3)
KINDS = {"note": NOTE}


def tickets(site: Site) -> list[dict[str, Any]]:
    return rows_of(
        site.url,
        "SELECT queue_name, priority, status::text, scheduled_at > now() AS is_later"
        " FROM procrastinate_jobs ORDER BY id",
    )


def change(db: Database, statement: str) -> None:
    with db.write() as tx:
        tx.session.execute(text(statement))


def take(tx: Tx) -> leases.Claim:
    claim = leases.claim(tx, lane="fast", kinds=["note"], worker="w", lease_s=30)
    assert claim is not None
    return claim


def test_a_ticket_is_part_of_the_transaction(site: Site) -> None:
    db = site.database([NOTE])

    def broken() -> None:
        with db.write() as tx:
            tx.enqueue("note")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert tickets(site) == []
    with db.write() as tx:
        tx.enqueue("note", key="k")
        tx.enqueue("note", key="k")
    expected = {"queue_name": "fast", "priority": 3, "status": "todo", "is_later": None}
    assert tickets(site) == [expected]


def test_every_way_into_the_queue_brings_a_ticket(site: Site) -> None:
    db = site.database([NOTE])
    with db.write() as tx:
        job_id = tx.enqueue("note") or 0
        assert len(tickets_in(tx)) == 1
        settle(tx, NOTE, take(tx), HANDED_BACK)
        assert len(tickets_in(tx)) == 2
        take(tx)
        end_leases(tx)
        settle_expired(tx, KINDS)
        assert len(tickets_in(tx)) == 3
        settle(tx, NOTE, take(tx), Ending(step="retried"))
        assert len(tickets_in(tx)) == 4
        cancel_job(tx, job_id)
        assert len(tickets_in(tx)) == 4
        assert retry_job(tx, job_id)
        assert tickets_in(tx) == [None] * 5
        settle(tx, NOTE, take(tx), Ending(step="retried", pause_s=60))
        tx.enqueue("note", delay_s=3600)
        assert [later for later in tickets_in(tx) if later] == [True, True]


def tickets_in(tx: Tx) -> list[bool | None]:
    query = text("SELECT scheduled_at > now() FROM procrastinate_jobs ORDER BY id")
    return list(tx.session.scalars(query))


def test_a_row_without_a_ticket_is_run_all_the_same(site: Site) -> None:
    db = site.database([NOTE])
    with db.write() as tx:
        jobs = [tx.enqueue("note") for _ in range(3)]
    change(db, "DELETE FROM procrastinate_jobs")
    site.worker([NOTE])
    for job_id in jobs:
        site.wait(job_id, JobState.SUCCEEDED)
    eventually(lambda: tickets(site) == [])


def test_tickets_of_dead_workers_and_too_many_of_them_go(site: Site) -> None:
    db = site.database([NOTE])
    with db.write() as tx:
        jobs = [tx.enqueue("note") for _ in range(3)]
    change(db, "UPDATE procrastinate_jobs SET status = 'doing'")
    change(db, "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1h')")
    change(
        db,
        "UPDATE procrastinate_jobs SET worker_id = (SELECT id FROM procrastinate_workers)"
        " WHERE id % 2 = 0",
    )
    site.worker([NOTE])
    for job_id in jobs:
        assert site.wait(job_id, JobState.SUCCEEDED).attempt == 1
    eventually(lambda: tickets(site) == [])


def test_a_stopped_worker_leaves_a_ticket_for_each_row(site: Site) -> None:
    started = threading.Event()

    def run(job: Job) -> None:
        started.set()
        job.cancelled.wait(20)
        job.check()

    kinds = [JobKind(name="slow", lane="fast", run=run)]
    worker = site.worker(kinds, lanes={"fast": 1})
    db = site.database(kinds)
    with db.write() as tx:
        for _ in range(3):
            tx.enqueue("slow")
    assert started.wait(5)
    worker.stop(5)
    waiting = [ticket for ticket in tickets(site) if ticket["status"] == "todo"]
    assert len(waiting) >= 3
    assert rows_of(site.url, "SELECT * FROM procrastinate_workers") == []


def test_who_was_taken_for_dead_goes_on(site: Site) -> None:
    db = site.database([NOTE])
    site.worker([NOTE])
    with db.write() as tx:
        first = tx.enqueue("note")
    site.wait(first, JobState.SUCCEEDED)
    # As another worker does when this one was frozen for long.
    change(db, "DELETE FROM procrastinate_workers")
    with db.write() as tx:
        second = tx.enqueue("note")
    site.wait(second, JobState.SUCCEEDED, timeout_s=5)


def test_running_jobs_and_their_slots_outlive_broken_connections(site: Site) -> None:
    lock, gate = threading.Lock(), threading.Event()
    now, most = 0, 0

    def run(job: Job) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        gate.wait(20)
        with job.write() as tx:
            add_effect(tx, job)
        with lock:
            now -= 1

    kinds = [JobKind(name="slow", lane="fast", run=run)]
    site.worker(kinds, lanes={"fast": 2})
    db = site.database(kinds)
    with db.write() as tx:
        jobs = [tx.enqueue("slow", label=str(number)) for number in range(6)]
    eventually(lambda: now == 2)
    for _ in range(3):
        rows_of(site.url, BREAK)
        time.sleep(0.4)
    # What procrastinate's worker does when it breaks, and is built anew after.
    change_when_back(db, "DELETE FROM procrastinate_workers")
    change_when_back(
        db, "INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('fast', 'x')"
    )
    time.sleep(2)
    gate.set()
    for job_id in jobs:
        assert site.wait(job_id, JobState.SUCCEEDED).tries == 1
    assert most == 2
    assert len(site.effects()) == 6


def change_when_back(db: Database, statement: str) -> None:
    def changed() -> bool:
        try:
            change(db, statement)
        except DatabaseUnavailable:
            return False
        return True

    eventually(changed)


def test_jobs_behind_a_limit_use_up_no_tickets_and_keep_nobody_waiting(site: Site) -> None:
    gate = threading.Event()

    def run(job: Job) -> None:
        gate.wait(20)

    kinds = [
        JobKind(name="one", lane="fast", run=run, limit=1),
        JobKind(name="any", lane="fast", run=nothing),
    ]
    site.worker(kinds, lanes={"fast": 3})
    db = site.database(kinds)
    with db.write() as tx:
        limited = [tx.enqueue("one") for _ in range(20)]
    eventually(lambda: len([row for row in tickets(site) if row["status"] == "doing"]) == 3)
    time.sleep(1)
    assert len(tickets(site)) == 20
    with db.write() as tx:
        other = tx.enqueue("any")
    site.wait(other, JobState.SUCCEEDED, timeout_s=1.5)
    gate.set()
    for job_id in limited:
        site.wait(job_id, JobState.SUCCEEDED)


def test_a_row_that_someone_writes_is_waited_for(site: Site) -> None:
    db = site.database([NOTE])
    with db.write() as tx:
        job_id = tx.enqueue("note")
    with db.write() as tx:
        tx.session.execute(update(JobRow).where(JobRow.id == job_id).values(priority=9))
        tx.session.flush()
        site.worker([NOTE])
        time.sleep(1)
        with db.read() as other:
            assert [job.state for job in list_jobs(other)] == [JobState.QUEUED]
    site.wait(job_id, JobState.SUCCEEDED, timeout_s=2)
