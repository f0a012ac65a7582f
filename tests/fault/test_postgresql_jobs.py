"""The job contract on PostgreSQL: its workers die, its connections break, it is away for a while."""

import logging
import os
import threading
import time
from collections import Counter

import pytest
from sqlalchemy import select

from polyreel.infra.jobs import JobInfo, JobKind, JobState, list_jobs
from polyreel.infra.tx import Database, DatabaseUnavailable
from tests.contract.jobs import acts, test_processes
from tests.contract.jobs.site import Site, effects, eventually
from tests.fault import test_jobs_storm
from tests.postgres import Postgres

pytestmark = pytest.mark.fault

log = logging.getLogger(__name__)

# More of it says no more, but takes longer.
BREAKING_S = float(os.environ.get("POLYREEL_TEST_BREAKING_S", "15"))
BREAK_EVERY_S = 2.5
AWAY_S = 10.0
BACK_WITHIN_S = 3.0


@pytest.fixture
def site(postgres_site: Site) -> Site:
    return postgres_site


# What holds on every database, here on this one, whichever the other tests use.
test_a_killed_worker = test_processes.test_a_killed_worker_loses_its_job_to_another
test_a_frozen_worker = test_processes.test_a_frozen_worker_wakes_up_and_is_refused
test_eight_workers = test_processes.test_eight_processes_race_and_every_job_runs_once
test_kill_9_at_random_moments = test_jobs_storm.test_kill_9_at_random_moments


def all_jobs(db: Database) -> list[JobInfo]:
    """Every job there is, newest first."""
    with db.read() as tx:
        return list_jobs(tx, limit=100_000)


def check_once_in_effect(db: Database, acknowledged: list[int]) -> None:
    """All that was promised was done, all that is there was done once, and no job came near its end."""
    jobs = all_jobs(db)
    assert {job.state for job in jobs} == {JobState.SUCCEEDED}
    assert set(acknowledged) <= {job.id for job in jobs}
    with db.read() as tx:
        happened = Counter(tx.session.scalars(select(effects.c.job_id)))
    assert happened == Counter(job.id for job in jobs)
    assert max(job.tries for job in jobs) < JobKind(name="", lane="", run=acts.work).max_attempts


class Enqueuer:
    """Adds a job every 30 ms in a thread, whatever happens; `acknowledged` are those that were promised."""

    def __init__(self, db: Database) -> None:
        self.acknowledged: list[int] = []
        self.refused = 0
        self._db = db
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """Add no more."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(0.03):
            try:
                with self._db.write() as tx:
                    job_id = tx.enqueue("work", label="x")
            except DatabaseUnavailable:
                self.refused += 1
            else:
                assert job_id is not None
                self.acknowledged.append(job_id)


def test_every_connection_is_broken_again_and_again(site: Site, postgres: Postgres) -> None:
    db = site.database(acts.KINDS)
    for _ in range(3):
        site.process(lease_s=6.0)
    enqueuer = Enqueuer(db)
    broken = 0
    try:
        for _ in range(round(BREAKING_S / BREAK_EVERY_S)):
            time.sleep(BREAK_EVERY_S)
            broken += postgres.terminate_connections()
    finally:
        enqueuer.stop()
    assert broken > BREAKING_S / BREAK_EVERY_S * 3
    began = time.monotonic()
    eventually(lambda: all(job.state is JobState.SUCCEEDED for job in all_jobs(db)), timeout_s=30)
    check_once_in_effect(db, enqueuer.acknowledged)
    log.info(
        f"{broken} connections broken, {len(enqueuer.acknowledged)} jobs promised,"
        f" {enqueuer.refused} refused, all done {time.monotonic() - began:.1f} s after the last;"
        f" tries {Counter(job.tries for job in all_jobs(db))}"
    )


def test_it_is_away_for_ten_seconds(site: Site, postgres: Postgres) -> None:
    db = site.database(acts.KINDS)
    for _ in range(2):
        site.process(lease_s=30.0)
    with db.write() as tx:
        held = tx.enqueue("hold", label="held")
        jobs = [tx.enqueue("work", label=str(number)) for number in range(60)]
    eventually(lambda: (site.folder / "started-1").exists())
    eventually(site.effects)
    postgres.stop()
    try:
        with pytest.raises(DatabaseUnavailable), db.write() as tx:
            tx.enqueue("work", label="while it is away")
        time.sleep(AWAY_S)
    finally:
        postgres.start()
    began = time.monotonic()
    before = len(site.effects())
    assert before < len(jobs)
    eventually(lambda: len(site.effects()) > before, timeout_s=BACK_WITHIN_S)
    first_s = time.monotonic() - began
    (site.folder / "go-1").touch()
    eventually(lambda: len(site.effects()) == len(jobs) + 1, timeout_s=30)
    assert site.wait(held, JobState.SUCCEEDED).attempt == 1
    check_once_in_effect(db, [job for job in jobs if job is not None])
    log.info(
        f"{before} jobs done before, the next {first_s:.2f} s after PostgreSQL was back, all"
        f" {time.monotonic() - began:.1f} s after; tries {Counter(j.tries for j in all_jobs(db))}"
    )
