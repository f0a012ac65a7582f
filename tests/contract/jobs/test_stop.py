"""Stopping a worker: what it has goes back to the queue and costs nothing."""

import threading

import pytest

from polyreel.infra.jobs import Job, JobCancelled, JobKind, JobState, LeaseLost, cancel_job
from tests.contract.jobs.site import Site, add_effect


def test_a_stopped_worker_hands_back_without_costing_a_try(site: Site) -> None:
    started = threading.Event()
    second = threading.Event()

    def run(job: Job) -> None:
        if job.attempt == 2:
            second.set()
            return
        started.set()
        job.cancelled.wait(20)
        assert job.stop_reason == "shutdown"
        job.check()

    kinds = [JobKind(name="slow", lane="fast", run=run, max_attempts=1)]
    worker = site.worker(kinds)
    with site.database(kinds).write() as tx:
        job_id = tx.enqueue("slow")
    assert started.wait(5)
    worker.stop(5)
    job = site.job(job_id)
    assert (job.state, job.attempt, job.tries) == (JobState.QUEUED, 1, 0)
    site.worker(kinds)
    assert second.wait(5)
    job = site.wait(job_id, JobState.SUCCEEDED)
    assert (job.attempt, job.tries) == (2, 1)


def test_what_ends_within_the_grace_counts(site: Site) -> None:
    started = threading.Event()

    def run(job: Job) -> None:
        started.set()
        job.cancelled.wait(20)

    kinds = [JobKind(name="slow", lane="fast", run=run)]
    worker = site.worker(kinds)
    with site.database(kinds).write() as tx:
        job_id = tx.enqueue("slow")
    assert started.wait(5)
    worker.stop(5)
    assert site.job(job_id).state is JobState.SUCCEEDED


def test_a_deaf_job_is_handed_back_and_can_write_no_more(site: Site) -> None:
    started, go_on, refused = threading.Event(), threading.Event(), threading.Event()

    def run(job: Job) -> None:
        started.set()
        go_on.wait(20)
        with pytest.raises(LeaseLost), job.write() as tx:
            add_effect(tx, job)
        refused.set()
        with pytest.raises(JobCancelled):
            job.check()

    kinds = [JobKind(name="deaf", lane="fast", run=run)]
    worker = site.worker(kinds)
    with site.database(kinds).write() as tx:
        job_id = tx.enqueue("deaf")
    assert started.wait(5)
    worker.stop(0.2)
    assert site.job(job_id).state is JobState.QUEUED
    assert site.job(job_id).tries == 0
    go_on.set()
    assert refused.wait(5)
    assert site.job(job_id).state is JobState.QUEUED
    assert site.effects() == []


def test_a_cancelled_job_is_not_handed_back(site: Site) -> None:
    started = threading.Event()

    def run(job: Job) -> None:
        started.set()
        threading.Event().wait(1)
        job.check()

    kinds = [JobKind(name="slow", lane="fast", run=run)]
    worker = site.worker(kinds)
    db = site.database(kinds)
    with db.write() as tx:
        job_id = tx.enqueue("slow") or 0
    assert started.wait(5)
    with db.write() as tx:
        cancel_job(tx, job_id)
    worker.stop(0.1)
    assert site.job(job_id).state is JobState.CANCELLED


def test_a_worker_that_never_started_can_be_stopped(site: Site) -> None:
    worker = site.worker([], start=False)
    worker.stop(0.1)
