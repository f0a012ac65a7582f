"""The lease on a row, statement by statement, and as PostgreSQL would read it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from polyreel.infra.db import Base, insert_ignore, now_us
from polyreel.infra.jobs import Job, JobKind, JobQueue, JobRow, JobState, get_job, leases
from polyreel.infra.jobs.endings import HANDED_BACK, settle_expired
from polyreel.infra.jobs.rows import unfinished
from polyreel.infra.notify import Notifier
from polyreel.infra.tx import Database, Tx
from tests.databases import database_url, make_tables


def nothing(job: Job) -> None:
    """Done at once."""


KIND = JobKind(name="k", lane="fast", run=nothing, max_attempts=2)
KINDS = {"k": KIND}


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    made = Database(
        database_url(tmp_path / "x.db"),
        lock_path=tmp_path / "lock",
        notifier=Notifier(tmp_path / "run"),
        enqueuer=JobQueue([KIND]),
    )
    make_tables(made)
    yield made
    made.notifier.close()
    made.close()


def take(tx: Tx, worker: str = "w", lease_s: float = 30) -> leases.Claim:
    claim = leases.claim(tx, lane="fast", kinds=["k"], worker=worker, lease_s=lease_s)
    assert claim is not None
    return claim


def test_every_claim_is_a_new_attempt_and_old_ones_can_do_nothing(db: Database) -> None:
    with db.write() as tx:
        job_id = tx.enqueue("k") or 0
        first = take(tx)
        assert leases.claim(tx, lane="fast", kinds=["k"], worker="v", lease_s=30) is None
        leases.requeue(tx, job_id, 1, pause_s=0, error=None)
        assert leases.hold(tx, job_id, 1) is None
        second = take(tx, "v")
        assert (first.attempt, second.attempt) == (1, 2)
        for attempt in (0, 1, 3):
            assert leases.hold(tx, job_id, attempt) is None
            assert not leases.succeed(tx, job_id, attempt, None)
            assert not leases.fail(tx, job_id, attempt, "x")
            assert not leases.cancel(tx, job_id, attempt)
            assert not leases.requeue(tx, job_id, attempt, pause_s=0, error=None)
            leases.report(tx, job_id, attempt, 0.9, "late")
        assert leases.renew(tx, "w", [job_id], 30) == {}
        assert set(leases.renew(tx, "v", [job_id], 30)) == {job_id}
        assert leases.renew(tx, "v", [], 30) == {}
        job = get_job(tx, job_id)
        assert job is not None
        assert (job.state, job.progress, job.lease_owner) == (JobState.RUNNING, 0.0, "v")
        assert leases.succeed(tx, job_id, 2, "done")
        assert leases.hold(tx, job_id, 2) is None


def test_a_claim_can_name_its_job(db: Database) -> None:
    with db.write() as tx:
        tx.enqueue("k", priority=9)
        wanted = tx.enqueue("k") or 0
        claim = leases.claim(tx, lane="fast", kinds=["k"], worker="w", lease_s=30, job_id=wanted)
        assert claim is not None
        assert claim.id == wanted


def test_waiting_times(db: Database) -> None:
    with db.write() as tx:
        assert leases.due_in(tx, ["fast"], ["k"]) == {}
        tx.enqueue("k", delay_s=100)
        assert 99 < leases.due_in(tx, ["fast", "net"], ["k"])["fast"] <= 100
        tx.enqueue("k")
        assert leases.due_in(tx, ["fast"], ["k"])["fast"] <= 0
        assert leases.due_in(tx, ["net"], ["k"]) == {}
        assert leases.due_in(tx, ["fast"], ["other"]) == {}


def test_a_hand_back_gives_the_try_back(db: Database) -> None:
    with db.write() as tx:
        job_id = tx.enqueue("k") or 0
        take(tx)
        leases.requeue(tx, job_id, 1, pause_s=0, error=None, free=True)
        job = get_job(tx, job_id)
    assert job is not None
    assert (job.attempt, job.tries) == (1, 0)
    assert HANDED_BACK.pause_s == 0


def test_only_leases_that_ran_out_are_swept(db: Database) -> None:
    with db.write() as tx:
        job_id = tx.enqueue("k") or 0
        take(tx)
        assert settle_expired(tx, KINDS) == []
        tx.session.execute(update(JobRow).values(lease_until=now_us() - 1))
        assert settle_expired(tx, {}) == []
        assert [ending.step for _, ending in settle_expired(tx, KINDS)] == ["retried"]
        take(tx)
        tx.session.execute(update(JobRow).values(lease_until=now_us() - 1))
        assert [ending.step for _, ending in settle_expired(tx, KINDS)] == ["failed"]
        job = get_job(tx, job_id)
    assert job is not None
    assert job.state is JobState.FAILED


def test_the_claim_reads_no_table_from_end_to_end(db: Database) -> None:
    with db.write() as tx:
        tx.enqueue("k")
        connection = tx.session.connection()
        explain = "EXPLAIN QUERY PLAN"
        if db.dialect == "postgresql":
            # One row is read from end to end, unless it is told that this costs too much.
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            explain = "EXPLAIN"
        rows = connection.exec_driver_sql(
            f"{explain} SELECT id FROM jobs WHERE state = 'queued' AND lane = 'fast'"
            " AND run_after <= 5 ORDER BY priority DESC, run_after, id LIMIT 1"
        )
        plans = [str(row[-1]) for row in rows]
    assert any("ix_jobs_claim" in plan for plan in plans)
    assert not any(plan.startswith("SCAN") or "Seq Scan" in plan for plan in plans)


def test_postgresql_can_say_all_this() -> None:
    dialect = postgresql.dialect()
    table = Base.metadata.tables["jobs"]
    created = str(CreateTable(table).compile(dialect=dialect))
    assert "BIGSERIAL" in created
    indexes = " ".join(str(CreateIndex(i).compile(dialect=dialect)) for i in table.indexes)
    assert "WHERE state IN ('queued', 'running')" in indexes
    insert = insert_ignore("postgresql", table, index=["key"], where=unfinished())
    text = str(insert.values(kind="k").compile(dialect=dialect))
    assert "ON CONFLICT (key) WHERE state IN ('queued', 'running') DO NOTHING" in text
    fence = select(JobRow.id).with_for_update(skip_locked=True)
    assert "FOR UPDATE SKIP LOCKED" in str(fence.compile(dialect=dialect))


def test_after_a_crash_every_lease_can_be_ended_at_once(db: Database) -> None:
    with db.write() as tx:
        tx.enqueue("k")
        waiting = tx.enqueue("k") or 0
        claim = take(tx)
        leases.end_all(tx)
    with db.write() as tx:
        assert [each.id for each, _ in settle_expired(tx, KINDS)] == [claim.id]
        assert leases.hold(tx, claim.id, claim.attempt) is None
        again, other = take(tx), take(tx)
        assert {again.id, other.id} == {claim.id, waiting}
        assert again.attempt + other.attempt == 3


def test_no_job_stays_because_of_how_its_error_is_worded(db: Database) -> None:
    """Text of foreign programs and names of files may hold what no database keeps."""
    with db.write() as tx:
        job_id = tx.enqueue("k") or 0
        claim = take(tx)
        leases.report(tx, job_id, claim.attempt, 0.5, "half\ud800 a\0 film")
        assert leases.fail(tx, job_id, claim.attempt, "no file a\udcff\0.mp4")
        found = get_job(tx, job_id)
    assert found is not None
    assert (found.state, found.error) == (JobState.FAILED, "no file a??.mp4")
    assert found.message == "half? a? film"
