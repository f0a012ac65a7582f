"""How long from the commit that enqueues a job to its first line, in another process, on both engines.

Beside it what two synced commits cost on this disk, the least that handing a job over can cost, and
the cost of a claim behind a backlog.
"""

import statistics
import time
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from polyreel.infra.jobs import JobKind, JobQueue, JobState, leases
from polyreel.infra.migrate import upgrade
from polyreel.infra.notify import Notifier
from polyreel.infra.tx import Database
from tests.bench.table import Table
from tests.contract.jobs import acts
from tests.contract.jobs.site import Site, effects, eventually
from tests.postgres import Postgres, PostgresMissing

pytestmark = pytest.mark.bench

GOAL_MS = 50.0
ROUNDS = 200
BACKLOG = 10_000
DURABLE = "fsync = on\nsynchronous_commit = on\nfull_page_writes = on\n"


def test_pick_up_by_the_local_engine_on_sqlite(tmp_path: Path, table: Table) -> None:
    measure(table, tmp_path, f"sqlite:///{tmp_path / 'jobs.db'}")


def test_pick_up_by_procrastinate_on_postgresql(tmp_path: Path, table: Table) -> None:
    try:
        server = Postgres()
    except PostgresMissing as missing:
        table.note(f"skipped: {missing}")
        pytest.skip(str(missing))
    with (server.folder / "data" / "postgresql.conf").open("a") as configuration:
        configuration.write(DURABLE)
    with server:
        measure(table, tmp_path, server.url(server.create()))


def measure(table: Table, folder: Path, url: str) -> None:
    prepare(folder, url)
    site = Site(folder, url=url)
    try:
        db = site.database(acts.KINDS)
        worker = site.process(slots=2)
        with db.write() as tx:
            first = tx.enqueue("note")
        site.wait(first, JobState.SUCCEEDED)
        show(table, "two synced commits (reference)", two_commits(db))
        show(table, "pick-up, idle worker", pick_ups(site, db), goal_ms=GOAL_MS)
        worker.terminate()
        worker.wait()
        show(table, "claim with 10,000 jobs waiting", claims_behind_a_backlog(site))
    finally:
        site.close()


def prepare(folder: Path, url: str) -> None:
    notifier = Notifier(folder / "run")
    db = Database(url, lock_path=folder / "lock", notifier=notifier, enqueuer=JobQueue([]))
    upgrade(db)
    effects.metadata.create_all(db.engines.writer)
    db.close()
    notifier.close()


def show(table: Table, what: str, taken: list[float], goal_ms: float = 0.0) -> None:
    p95 = statistics.quantiles(taken, n=20)[18]
    goal = f"p95 <= {goal_ms:.0f} ms" if goal_ms else ""
    met = not goal_ms or p95 <= goal_ms
    median = f"median {statistics.median(taken):.2f} ms"
    table.row(what, f"p95 {p95:.2f} ms", median, goal=goal, met=met)


def pick_ups(site: Site, db: Database) -> list[float]:
    """Milliseconds from the end of the enqueueing block to the start of `run`."""
    taken = []
    for number in range(ROUNDS):
        mark = site.folder / f"mark-{number}"
        with db.write() as tx:
            job_id = tx.enqueue("stamp", label=mark.name)
        committed = time.monotonic_ns()
        eventually(mark.exists)
        site.wait(job_id, JobState.SUCCEEDED)
        # Both clocks are CLOCK_MONOTONIC: one for all processes of a machine.
        taken.append((int(mark.read_text()) - committed) / 1e6)
        mark.unlink()
        time.sleep(0.01)
    return taken


def two_commits(db: Database) -> list[float]:
    """Milliseconds of two synced commits."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(2):
            with db.write() as tx:
                tx.session.execute(insert(effects).values(label="x", job_id=0, attempt=0))
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def claims_behind_a_backlog(site: Site) -> list[float]:
    """Milliseconds of one claim, found and committed, with 10,000 due jobs of 50 owners waiting."""
    kind = JobKind(name="waiting", lane="encode", run=acts.note)
    db = site.database([kind])
    with db.write() as tx:
        for number in range(BACKLOG):
            tx.enqueue("waiting", owner_id=number % 50)
    if db.dialect == "postgresql":
        # As it does by itself within a minute.
        with db.write() as tx:
            tx.session.execute(text("ANALYZE jobs"))
    taken = []
    for _ in range(50):
        began = time.perf_counter()
        with db.write(alone=False) as tx:
            claim = leases.claim(tx, lane="encode", kinds=["waiting"], worker="bench", lease_s=600)
        assert claim is not None
        taken.append((time.perf_counter() - began) * 1000)
    return taken
