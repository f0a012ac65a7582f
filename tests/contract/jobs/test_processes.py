"""Real worker processes that die, freeze and race: every effect once."""

import os
import signal
import threading
import time

from sqlalchemy import update

from polyreel.infra.jobs import Job, JobKind, JobRow, JobState, list_jobs
from tests.contract.jobs import acts
from tests.contract.jobs.site import Site, eventually


def test_a_killed_worker_loses_its_job_to_another(site: Site) -> None:
    db = site.database(acts.KINDS)
    first = site.process(lease_s=1.5)
    with db.write() as tx:
        job_id = tx.enqueue("hold", key="one", label="x")
    eventually(lambda: (site.folder / "started-1").exists())
    first.kill()
    (site.folder / "go-2").touch()
    site.worker(acts.KINDS, lease_s=1.5)
    job = site.wait(job_id, JobState.SUCCEEDED)
    assert (job.attempt, job.tries) == (2, 2)
    assert site.effects() == [("x", 2)]


def test_a_frozen_worker_wakes_up_and_is_refused(site: Site) -> None:
    db = site.database(acts.KINDS)
    frozen = site.process(lease_s=1.5)
    with db.write() as tx:
        job_id = tx.enqueue("hold", label="x")
    eventually(lambda: (site.folder / "started-1").exists())
    site.freeze(frozen)
    (site.folder / "go-2").touch()
    site.worker(acts.KINDS, lease_s=1.5)
    job = site.wait(job_id, JobState.SUCCEEDED)
    os.kill(frozen.pid, signal.SIGCONT)
    (site.folder / "go-1").touch()
    eventually(lambda: (site.folder / "lost-1").exists())
    time.sleep(0.3)
    assert site.effects() == [("x", 2)]
    assert site.job(job_id) == job


def test_a_job_that_kills_its_workers_fails_in_the_end(site: Site) -> None:
    told: list[str] = []
    kind = JobKind(
        name="hold",
        lane="fast",
        run=acts.hold,
        max_attempts=1,
        on_failed=lambda tx, args, message: told.append(message),
    )
    process = site.process(lease_s=1.0)
    with site.database([kind]).write() as tx:
        job_id = tx.enqueue("hold")
    eventually(lambda: (site.folder / "started-1").exists())
    process.kill()
    site.worker([kind], lease_s=1.0)
    job = site.wait(job_id, JobState.FAILED)
    assert job.attempt == 1
    assert "disappeared" in (job.error or "")
    assert told == [job.error]


def test_eight_processes_race_and_every_job_runs_once(site: Site) -> None:
    db = site.database(acts.KINDS)
    for _ in range(8):
        site.process(slots=1)
    with db.write() as tx:
        alone = tx.enqueue("note", label="alone")
    site.wait(alone, JobState.SUCCEEDED, timeout_s=30)
    time.sleep(1.0)
    with db.write() as tx:
        for number in range(40):
            tx.enqueue("note", label=str(number))

    def all_done() -> bool:
        with db.read() as tx:
            return len(list_jobs(tx, states=[JobState.SUCCEEDED])) == 41

    eventually(all_done, timeout_s=30)
    assert len(site.effects()) == 41
    assert {attempt for _, attempt in site.effects()} == {1}


def test_sigterm_hands_back(site: Site) -> None:
    db = site.database(acts.KINDS)
    process = site.process()
    with db.write() as tx:
        job_id = tx.enqueue("hold", label="x")
    eventually(lambda: (site.folder / "started-1").exists())
    process.terminate()
    assert process.wait(10) == 0
    job = site.job(job_id)
    assert (job.state, job.attempt, job.tries) == (JobState.QUEUED, 1, 0)


def test_a_job_stops_itself_when_its_lease_cannot_be_renewed(site: Site) -> None:
    started, stopped = threading.Event(), threading.Event()

    def run(job: Job) -> None:
        started.set()
        if job.cancelled.wait(10) and job.stop_reason == "lost":
            stopped.set()
        job.check()

    kinds = [JobKind(name="slow", lane="fast", run=run, max_attempts=1)]
    worker = site.worker(kinds, lease_s=1.0)
    db = site.database(kinds)
    with db.write() as tx:
        job_id = tx.enqueue("slow")
    assert started.wait(5)
    # A writer that never ends: on SQLite it holds the database, on PostgreSQL the row.
    with db.write() as tx:
        tx.session.execute(update(JobRow).where(JobRow.id == job_id).values(message="stuck"))
        assert stopped.wait(5)
    assert worker.name
    assert site.job(job_id).state in (JobState.RUNNING, JobState.FAILED)
