"""Stopping jobs: at once while they wait, within a second while they run."""

import threading
import time
from collections.abc import Mapping
from typing import Any

from polyreel.infra.jobs import Job, JobKind, JobState, cancel_job, cancel_jobs_by_key
from polyreel.infra.tx import Tx
from tests.contract.jobs.site import Site, eventually
from tests.pace import Stopwatch


class Obedient:
    """Runs until it is told to stop; `told` counts `on_cancelled`."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.told: list[Mapping[str, Any]] = []
        self.kind = JobKind(
            name="slow", lane="fast", run=self.run, on_cancelled=self.on_cancelled, max_attempts=3
        )

    def run(self, job: Job) -> None:
        self.started.set()
        job.cancelled.wait(20)
        job.check()

    def on_cancelled(self, tx: Tx, args: Mapping[str, Any]) -> None:
        self.told.append(dict(args))


def test_a_waiting_job_never_starts(site: Site) -> None:
    slow = Obedient()
    db = site.database([slow.kind])
    with db.write() as tx:
        job_id = tx.enqueue("slow", video_id=1) or 0
    with db.write() as tx:
        assert cancel_job(tx, job_id)
        assert not cancel_job(tx, job_id)
        assert not cancel_job(tx, 4711)
    assert slow.told == [{"video_id": 1}]
    site.worker([slow.kind])
    time.sleep(0.2)
    assert site.job(job_id).state is JobState.CANCELLED
    assert site.job(job_id).finished_at is not None
    assert not slow.started.is_set()


def test_a_running_job_stops_within_a_second(site: Site) -> None:
    slow = Obedient()
    site.worker([slow.kind])
    db = site.database([slow.kind])
    with db.write() as tx:
        job_id = tx.enqueue("slow", key="k", video_id=2)
    assert slow.started.wait(5)
    began = Stopwatch()
    with db.write() as tx:
        assert cancel_jobs_by_key(tx, "k") == 1
    job = site.wait(job_id, JobState.CANCELLED)
    assert began.read() < 1.0
    assert (job.attempt, slow.told) == (1, [{"video_id": 2}])


def test_a_cancel_is_noticed_without_any_notice(site: Site) -> None:
    slow = Obedient()
    worker_db = site.worker([slow.kind])
    db = site.database([slow.kind])
    with db.write() as tx:
        job_id = tx.enqueue("slow") or 0
    assert slow.started.wait(5)
    began = Stopwatch()
    db.notifier.publish = lambda topics: None  # type: ignore[method-assign]
    with db.write() as tx:
        cancel_job(tx, job_id)
    site.wait(job_id, JobState.CANCELLED)
    assert began.read() < 1.5
    assert worker_db.name


def test_a_crash_after_the_cancel_is_a_cancel(site: Site) -> None:
    started = threading.Event()

    def run(job: Job) -> None:
        started.set()
        job.cancelled.wait(20)
        raise RuntimeError("the child was killed")

    kinds = [JobKind(name="slow", lane="fast", run=run)]
    site.worker(kinds)
    db = site.database(kinds)
    with db.write() as tx:
        job_id = tx.enqueue("slow") or 0
    assert started.wait(5)
    with db.write() as tx:
        cancel_job(tx, job_id)
    assert site.wait(job_id, JobState.CANCELLED).tries == 1


def test_what_ends_by_itself_keeps_its_end(site: Site) -> None:
    slow = threading.Event()

    def run(job: Job) -> None:
        slow.set()
        job.cancelled.wait(20)

    kinds = [JobKind(name="slow", lane="fast", run=run)]
    site.worker(kinds)
    db = site.database(kinds)
    with db.write() as tx:
        job_id = tx.enqueue("slow") or 0
    assert slow.wait(5)
    with db.write() as tx:
        cancel_job(tx, job_id)
    site.wait(job_id, JobState.SUCCEEDED)


def test_a_cancelled_job_of_a_dead_worker_is_not_run_again(site: Site) -> None:
    slow = Obedient()
    db = site.database([slow.kind])
    process = site.process(lease_s=1.0)
    acts_db = site.database([JobKind(name="hold", lane="fast", run=slow.run)])
    with acts_db.write() as tx:
        job_id = tx.enqueue("hold") or 0
    eventually(lambda: (site.folder / "started-1").exists())
    process.kill()
    with db.write() as tx:
        assert cancel_job(tx, job_id)
    site.worker([JobKind(name="hold", lane="fast", run=slow.run)], lease_s=1.0)
    assert site.wait(job_id, JobState.CANCELLED).attempt == 1
    assert not slow.started.is_set()
