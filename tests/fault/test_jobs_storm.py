"""Workers killed again and again, and a disk that is full for a while: every effect once."""

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from polyreel.infra.jobs import JobState, list_jobs
from polyreel.infra.tx import Database
from tests.contract.jobs import acts
from tests.contract.jobs.site import Site, eventually
from tests.databases import only_sqlite

pytestmark = pytest.mark.fault

JOBS = 150


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


def ended(db: Database) -> int:
    with db.read() as tx:
        return len(list_jobs(tx, states=[JobState.SUCCEEDED]))


def test_kill_9_at_random_moments(site: Site) -> None:
    db = site.database(acts.KINDS)
    with db.write() as tx:
        for number in range(JOBS):
            tx.enqueue("work", label=str(number))
    workers = [site.process(lease_s=1.5) for _ in range(3)]
    deadline = time.monotonic() + 25
    while ended(db) < JOBS and time.monotonic() < deadline:
        time.sleep(random.uniform(0.8, 1.6))
        victim = random.randrange(len(workers))
        os.killpg(workers[victim].pid, signal.SIGKILL)
        workers[victim] = site.process(lease_s=1.5)
    eventually(lambda: ended(db) == JOBS, timeout_s=60)
    labels = [label for label, _ in site.effects()]
    assert sorted(labels, key=int) == [str(number) for number in range(JOBS)]


def test_freezes_at_random_moments(site: Site) -> None:
    db = site.database(acts.KINDS)
    with db.write() as tx:
        for number in range(JOBS):
            tx.enqueue("work", label=str(number))
    workers = [site.process(lease_s=1.0) for _ in range(3)]
    deadline = time.monotonic() + 20
    while ended(db) < JOBS and time.monotonic() < deadline:
        time.sleep(random.uniform(0.2, 0.5))
        victim = random.choice(workers)
        site.freeze(victim)
        time.sleep(1.6)
        os.kill(victim.pid, signal.SIGCONT)
    eventually(lambda: ended(db) == JOBS, timeout_s=60)
    labels = [label for label, _ in site.effects()]
    assert sorted(labels, key=int) == [str(number) for number in range(JOBS)]


@only_sqlite("a limit on the pages of a database")
def test_a_full_database_is_survived(site: Site) -> None:
    db = site.database(acts.KINDS)
    worker = site.worker(acts.KINDS, lease_s=30)
    own = worker._db.engines.writer
    with db.write() as tx:
        pages = tx.session.execute(text("PRAGMA page_count")).scalar_one()
    with own.connect() as connection:
        connection.execute(text(f"PRAGMA max_page_count={pages}"))
    with db.write() as tx:
        tx.session.execute(text("CREATE TABLE filler (x BLOB)"))
        jobs = [tx.enqueue("work", label=f"{number}" + "x" * 90) for number in range(60)]
    time.sleep(3)
    assert ended(db) < len(jobs)
    with worker._db.engines.writing(), own.connect() as connection:
        connection.execute(text("PRAGMA max_page_count=1000000"))
    eventually(lambda: ended(db) == len(jobs), timeout_s=60)
    assert len(site.effects()) == len(jobs)
