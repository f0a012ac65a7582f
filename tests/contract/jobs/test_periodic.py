"""Periodic jobs: once per slot, however many workers tick."""

import threading
import time

from polyreel.infra.jobs import Job, JobKind, Periodic, list_jobs
from tests.contract.jobs.site import Site, add_effect


def test_once_per_slot_with_four_workers(site: Site) -> None:
    def run(job: Job) -> None:
        with job.write() as tx:
            add_effect(tx, job)

    kinds = [JobKind(name="clean", lane="light", run=run)]
    periodic = [Periodic(name="clean", every_s=0.5, kind="clean")]
    for _ in range(4):
        site.worker(kinds, periodic=periodic, poll_s=60)
    time.sleep(2.6)
    with site.database(kinds).read() as tx:
        jobs = list_jobs(tx, key_prefix="periodic:clean:")
    keys = [job.key for job in jobs]
    assert len(keys) == len(set(keys))
    assert 4 <= len(keys) <= 7


def test_slots_do_not_pile_up_behind_a_slow_one(site: Site) -> None:
    gate = threading.Event()

    def run(job: Job) -> None:
        gate.wait(10)

    kinds = [JobKind(name="clean", lane="light", run=run)]
    site.worker(kinds, periodic=[Periodic(name="clean", every_s=0.3, kind="clean")])
    time.sleep(1.3)
    with site.database(kinds).read() as tx:
        assert len(list_jobs(tx)) == 1
    gate.set()
