"""A job is part of the transaction that needs it."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from polyreel.infra.jobs import (
    Job,
    JobKind,
    JobState,
    cancel_job,
    find_job,
    front_of,
    hasten_job,
    list_jobs,
    recast_job,
    retry_job,
    trim_jobs,
    waiting_job,
)
from tests.contract.jobs.site import Site, eventually


def nothing(job: Job) -> None:
    """Done at once."""


NOTE = JobKind(name="note", lane="fast", run=nothing, priority=3, max_attempts=4)
OTHER = JobKind(name="other", lane="light", run=nothing)


def test_rollback_leaves_nothing(site: Site) -> None:
    db = site.database([NOTE])
    heard: list[str] = []
    db.notifier.subscribe(heard.extend)

    def broken() -> None:
        with db.write() as tx:
            tx.enqueue("note")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    with db.read() as tx:
        assert list_jobs(tx) == []
    with db.write() as tx:
        tx.enqueue("note")
    eventually(lambda: "jobs:fast" in heard)
    assert heard.count("jobs:fast") == 1


def test_a_job_starts_as_its_kind_says(site: Site) -> None:
    db = site.database([NOTE])
    with db.write() as tx:
        job_id = tx.enqueue("note", key="video:1", owner_id=7, video_id=12)
    job = site.job(job_id)
    assert (job.kind, job.lane, job.priority, job.max_attempts) == ("note", "fast", 3, 4)
    assert (job.key, job.owner_id, job.args) == ("video:1", 7, {"video_id": 12})
    assert (job.state, job.attempt, job.tries, job.progress) == (JobState.QUEUED, 0, 0, 0.0)
    assert job.started_at is None
    assert job.finished_at is None


def test_unknown_kind_is_refused(site: Site) -> None:
    db = site.database([NOTE])
    with pytest.raises(ValueError, match="nonsense"), db.write() as tx:
        tx.enqueue("nonsense")


def test_one_unfinished_job_per_key(site: Site) -> None:
    db = site.database([NOTE])
    with db.write() as tx:
        first = tx.enqueue("note", key="k")
        assert tx.enqueue("note", key="k") is None
        assert tx.enqueue("note") != tx.enqueue("note")
    with db.write() as tx:
        assert tx.enqueue("note", key="k") is None
        cancel_job(tx, first or 0)
        second = tx.enqueue("note", key="k")
    assert second is not None
    with db.read() as tx:
        found = find_job(tx, "k")
    assert found is not None
    assert found.id == second


def test_racing_for_a_key_makes_one_job(site: Site) -> None:
    made: list[int | None] = []
    start = threading.Barrier(6)

    def one() -> None:
        db = site.database([NOTE])
        start.wait()
        with db.write() as tx:
            made.append(tx.enqueue("note", key="same"))

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([job_id for job_id in made if job_id]) == 1
    assert len(made) == 6


def test_lists_by_key_kind_state_and_owner(site: Site) -> None:
    db = site.database([NOTE, OTHER])
    with db.write() as tx:
        a = tx.enqueue("note", key="video:1:probe", owner_id=1)
        b = tx.enqueue("other", key="video:1:poster", owner_id=1)
        c = tx.enqueue("note", key="video:10:probe", owner_id=2)
        d = tx.enqueue("note", key="VIDEO:1:probe")
        cancel_job(tx, c or 0)
    with db.read() as tx:
        assert [job.id for job in list_jobs(tx)] == [d, c, b, a]
        assert [job.id for job in list_jobs(tx, limit=2)] == [d, c]
        assert [job.id for job in list_jobs(tx, key_prefix="video:1:")] == [b, a]
        assert [job.id for job in list_jobs(tx, kind="other")] == [b]
        assert [job.id for job in list_jobs(tx, states=[JobState.CANCELLED])] == [c]
        assert [job.id for job in list_jobs(tx, owner_id=1, kind="note")] == [a]
        assert list_jobs(tx, key_prefix="video:2") == []


def test_what_waits_is_done_as_another_kind_at_once(site: Site) -> None:
    began: list[str] = []
    held = threading.Event()

    def slow(job: Job) -> None:
        began.append(job.kind)
        held.wait(20)

    def quick(job: Job) -> None:
        began.append(f"{job.kind} of {job.args['label']}")

    kinds = [
        JobKind(name="slow", lane="encode", run=slow),
        JobKind(name="usual", lane="encode", run=quick),
        JobKind(name="sought", lane="fast", run=quick),
    ]
    db = site.database(kinds)
    site.worker(kinds, lanes={"fast": 1, "encode": 1})
    with db.write() as tx:
        tx.enqueue("slow")
    eventually(lambda: began == ["slow"])
    with db.write() as tx:
        job_id = tx.enqueue("usual", key="k", delay_s=3600, label="this")
        assert not recast_job(tx, "absent", "sought", priority=9)
        assert recast_job(tx, "k", "sought", priority=9)
    try:
        eventually(lambda: began == ["slow", "sought of this"])
    finally:
        held.set()
    done = site.job(job_id)
    assert (done.kind, done.priority) == ("sought", 9)


def test_what_is_asked_for_last_comes_first(site: Site) -> None:
    db = site.database([NOTE, OTHER])
    with db.write() as tx:
        ids = [tx.enqueue("note", key=key) for key in ("first", "second")]
        assert front_of(tx, "other") == 0, "as it is by itself"
        assert front_of(tx, "note") == 4
        for key in ("first", "second", "first"):
            assert recast_job(tx, key, "other", priority=front_of(tx, "other"))
    assert [site.job(job_id).priority for job_id in ids] == [2, 1]
    site.worker([NOTE, OTHER])
    site.wait(ids[1], JobState.SUCCEEDED)
    with db.write() as tx:
        assert not recast_job(tx, "second", "note", priority=9), "it has ended"


def test_a_waiting_job_can_be_held(site: Site) -> None:
    db = site.database([NOTE])
    with db.write() as tx:
        job_id = tx.enqueue("note", key="k")
    with db.write() as tx:
        assert waiting_job(tx, "absent", hold=True) is None
        held = waiting_job(tx, "k", hold=True)
        assert held is not None
        assert held.id == job_id
        site.worker([NOTE])
        time.sleep(0.3)
        assert site.job(job_id).state == JobState.QUEUED
    site.wait(job_id, JobState.SUCCEEDED)
    with db.read() as tx:
        assert waiting_job(tx, "k") is None


def test_what_waits_for_its_moment_can_be_had_now(site: Site) -> None:
    db = site.database([NOTE, OTHER])
    with db.write() as tx:
        later = tx.enqueue("note", key="k", delay_s=3600)
        assert not hasten_job(tx, "absent")
    site.worker([NOTE])
    time.sleep(0.3)
    assert site.job(later).state == JobState.QUEUED
    with db.write() as tx:
        assert hasten_job(tx, "k")
    eventually(lambda: site.job(later).state == JobState.SUCCEEDED)
    with db.write() as tx:
        assert not hasten_job(tx, "k")


def test_retry_only_what_failed_or_was_cancelled(site: Site) -> None:
    db = site.database([NOTE])
    with db.write() as tx:
        job_id = tx.enqueue("note", key="k") or 0
        assert not retry_job(tx, job_id)
        cancel_job(tx, job_id)
        other = tx.enqueue("note", key="k") or 0
        assert not retry_job(tx, job_id)
        cancel_job(tx, other)
        assert retry_job(tx, job_id)
        assert not retry_job(tx, 12345)
    job = site.job(job_id)
    assert (job.state, job.tries, job.cancel_requested) == (JobState.QUEUED, 0, False)
    site.worker([NOTE])
    assert site.wait(job_id, JobState.SUCCEEDED).finished_at is not None


def test_trimming_takes_only_old_ended_rows(site: Site) -> None:
    db = site.database([NOTE])
    with db.write() as tx:
        ended = tx.enqueue("note") or 0
        waiting = tx.enqueue("note")
        cancel_job(tx, ended)
    with db.write() as tx:
        assert trim_jobs(tx, datetime.now(UTC) - timedelta(days=1)) == 0
        assert trim_jobs(tx, datetime.now(UTC) + timedelta(days=1)) == 1
        assert [job.id for job in list_jobs(tx)] == [waiting]


def test_an_id_is_never_given_twice(site: Site) -> None:
    db = site.database([NOTE])
    with db.write() as tx:
        first = tx.enqueue("note") or 0
        cancel_job(tx, first)
        trim_jobs(tx, datetime.now(UTC) + timedelta(days=1))
    with db.write() as tx:
        assert (tx.enqueue("note") or 0) > first
