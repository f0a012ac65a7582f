"""What is claimed when, and what becomes of it."""

import itertools
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from polyreel.infra.jobs import Job, JobKind, JobState, LeaseLost, list_jobs
from polyreel.infra.tx import DatabaseUnavailable, Tx
from polyreel.kit.errors import Busy, Invalid, Unavailable
from tests.contract.jobs.site import Site, add_effect, eventually

ONE = {"fast": 1}


class Recorder:
    """A job that writes down its label, and waits while its gate is closed."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.now = 0
        self.most = 0
        self.gate = threading.Event()
        self.gate.set()
        self.lock = threading.Lock()

    def __call__(self, job: Job) -> None:
        with self.lock:
            self.seen.append(str(job.args["label"]))
            self.now += 1
            self.most = max(self.most, self.now)
        self.gate.wait(20)
        with self.lock:
            self.now -= 1


def test_a_job_runs_in_a_named_thread_with_tools_and_ends(site: Site) -> None:
    seen: list[Any] = []

    def run(job: Job) -> None:
        seen.extend([job.kind, job.args["video_id"], job.tools, threading.current_thread().name])
        job.report(0.5, "half")

    kinds = [JobKind(name="note", lane="fast", run=run)]
    site.worker(kinds)
    with site.database(kinds).write() as tx:
        job_id = tx.enqueue("note", video_id=3)
    job = site.wait(job_id, JobState.SUCCEEDED)
    assert seen == ["note", 3, site.folder, f"job-note-{job_id}"]
    assert (job.attempt, job.tries, job.progress, job.message) == (1, 1, 1.0, "half")
    assert (job.lease_owner, job.error) == (None, None)
    assert job.started_at is not None
    assert job.finished_at is not None


def test_priority_then_age(site: Site) -> None:
    record = Recorder()
    kinds = [JobKind(name="note", lane="fast", run=record)]
    with site.database(kinds).write() as tx:
        for label, priority in [("a", 0), ("b", 5), ("c", 0), ("d", 9), ("e", 5)]:
            tx.enqueue("note", priority=priority, label=label)
    site.worker(kinds, lanes=ONE)
    eventually(lambda: len(record.seen) == 5)
    assert record.seen == ["d", "b", "e", "a", "c"]


def test_owners_take_turns(site: Site) -> None:
    record = Recorder()
    record.gate.clear()
    kinds = [JobKind(name="note", lane="fast", run=record)]
    with site.database(kinds).write() as tx:
        for number in range(6):
            tx.enqueue("note", owner_id=1, label=f"greedy {number}")
        tx.enqueue("note", owner_id=2, label="modest")
    site.worker(kinds, lanes={"fast": 3})
    eventually(lambda: len(record.seen) == 3)
    assert "modest" in record.seen
    record.gate.set()


def test_lanes_do_not_wait_for_each_other_and_strangers_are_left_alone(site: Site) -> None:
    record = Recorder()
    record.gate.clear()
    fast = Recorder()
    kinds = [
        JobKind(name="encode", lane="encode", run=record),
        JobKind(name="note", lane="fast", run=fast),
        JobKind(name="download", lane="net", run=fast),
        JobKind(name="foreign", lane="fast", run=fast),
    ]
    with site.database(kinds).write() as tx:
        for _ in range(3):
            tx.enqueue("encode", label="encode")
        foreign = tx.enqueue("foreign", priority=99, label="foreign")
        elsewhere = tx.enqueue("download", label="download")
        note = tx.enqueue("note", label="note")
    site.worker(kinds[:3], lanes={"fast": 1, "encode": 1})
    site.wait(note, JobState.SUCCEEDED)
    time.sleep(0.3)
    assert record.most == 1
    assert site.job(foreign).state is JobState.QUEUED
    assert site.job(elsewhere).state is JobState.QUEUED
    record.gate.set()


def test_a_kind_keeps_its_limit(site: Site) -> None:
    limited, free = Recorder(), Recorder()
    limited.gate.clear()
    kinds = [
        JobKind(name="one", lane="fast", run=limited, limit=1),
        JobKind(name="any", lane="fast", run=free),
    ]
    with site.database(kinds).write() as tx:
        last = [tx.enqueue("one", priority=9, label="one") for _ in range(3)][-1]
        job_id = tx.enqueue("any", label="any")
    site.worker(kinds, lanes={"fast": 3})
    site.wait(job_id, JobState.SUCCEEDED)
    limited.gate.set()
    site.wait(last, JobState.SUCCEEDED)
    assert limited.most == 1


def test_a_slot_that_frees_takes_what_came_meanwhile(site: Site) -> None:
    record = Recorder()
    record.gate.clear()
    kinds = [JobKind(name="note", lane="fast", run=record)]
    site.worker(kinds, lanes=ONE, poll_s=60)
    db = site.database(kinds)
    with db.write() as tx:
        tx.enqueue("note", label="first")
    eventually(lambda: record.seen == ["first"])
    with db.write() as tx:
        second = tx.enqueue("note", label="second")
    time.sleep(0.2)
    record.gate.set()
    site.wait(second, JobState.SUCCEEDED, timeout_s=5)


def test_a_delayed_job_runs_at_its_time_without_polling(site: Site) -> None:
    record = Recorder()
    kinds = [JobKind(name="note", lane="fast", run=record)]
    site.worker(kinds, poll_s=60)
    with site.database(kinds).write() as tx:
        job_id = tx.enqueue("note", delay_s=0.7, label="later")
    time.sleep(0.3)
    assert record.seen == []
    job = site.wait(job_id, JobState.SUCCEEDED, timeout_s=5)
    assert job.started_at is not None
    assert job.started_at >= job.run_after


def test_the_clock_of_the_process_does_not_matter(site: Site) -> None:
    record = Recorder()
    kinds = [JobKind(name="note", lane="fast", run=record)]
    with site.database(kinds).write() as tx:
        tx.now = datetime(2199, 1, 1, tzinfo=UTC)
        job_id = tx.enqueue("note", label="now")
        tx.now = datetime(1990, 1, 1, tzinfo=UTC)
        later = tx.enqueue("note", label="later", delay_s=60)
    site.worker(kinds)
    site.wait(job_id, JobState.SUCCEEDED)
    assert site.job(later).state is JobState.QUEUED


def test_a_crash_is_tried_again_with_growing_pauses(site: Site) -> None:
    times: list[float] = []

    def run(job: Job) -> None:
        times.append(time.monotonic())
        if job.attempt < 4:
            raise RuntimeError("once more")

    kinds = [JobKind(name="flaky", lane="fast", run=run, backoff_s=0.2)]
    site.worker(kinds)
    with site.database(kinds).write() as tx:
        job_id = tx.enqueue("flaky")
    job = site.wait(job_id, JobState.SUCCEEDED)
    assert (job.attempt, job.tries, job.error) == (4, 4, None)
    pauses = [after - before for before, after in itertools.pairwise(times)]
    assert pauses[0] >= 0.14
    assert pauses[1] >= 0.29
    assert pauses[2] >= 0.59


def test_tries_run_out_and_the_kind_is_told_in_the_same_transaction(site: Site) -> None:
    told: list[tuple[Mapping[str, Any], str, int]] = []

    def run(job: Job) -> None:
        raise RuntimeError("secret detail")

    def on_failed(tx: Tx, args: Mapping[str, Any], message: str) -> None:
        told.append((args, message, len(list_jobs(tx, states=[JobState.FAILED]))))

    kinds = [
        JobKind(
            name="bad", lane="fast", run=run, backoff_s=0.05, max_attempts=2, on_failed=on_failed
        )
    ]
    site.worker(kinds)
    with site.database(kinds).write() as tx:
        job_id = tx.enqueue("bad", video_id=8)
    job = site.wait(job_id, JobState.FAILED)
    assert (job.attempt, job.tries) == (2, 2)
    assert "secret detail" in (job.error or "")
    assert [(dict(args), seen) for args, _, seen in told] == [({"video_id": 8}, 1)]
    assert "secret" not in told[0][1]


@pytest.mark.parametrize(
    ("error", "state", "tries"),
    [
        (Invalid("This is not a film."), JobState.FAILED, 1),
        (Busy("Later.", 0), JobState.FAILED, 3),
        (Unavailable("The disk"), JobState.FAILED, 3),
    ],
)
def test_kinds_of_errors(site: Site, error: Exception, state: JobState, tries: int) -> None:
    def run(job: Job) -> None:
        raise error

    kinds = [JobKind(name="bad", lane="fast", run=run, backoff_s=0.02, max_attempts=3)]
    site.worker(kinds)
    with site.database(kinds).write() as tx:
        job_id = tx.enqueue("bad")
    job = site.wait(job_id, state)
    assert job.tries == tries
    assert job.error == str(error)


def test_a_database_out_of_reach_costs_a_job_nothing(site: Site) -> None:
    tries: list[int] = []

    def run(job: Job) -> None:
        tries.append(job.tries)
        if len(tries) < 3:
            raise DatabaseUnavailable

    kinds = [JobKind(name="unlucky", lane="fast", run=run, max_attempts=1)]
    site.worker(kinds)
    with site.database(kinds).write() as tx:
        job_id = tx.enqueue("unlucky")
    site.wait(job_id, JobState.SUCCEEDED)
    assert tries == [1, 1, 1]


def test_a_broken_callback_does_not_keep_the_job_alive(site: Site) -> None:
    def run(job: Job) -> None:
        raise Invalid("No.")

    def on_failed(tx: Tx, args: Mapping[str, Any], message: str) -> None:
        raise KeyError("broken")

    kinds = [JobKind(name="bad", lane="fast", run=run, on_failed=on_failed)]
    site.worker(kinds)
    with site.database(kinds).write() as tx:
        job_id = tx.enqueue("bad")
    site.wait(job_id, JobState.FAILED)


def test_progress_is_seen_while_it_runs(site: Site) -> None:
    go_on = threading.Event()

    def run(job: Job) -> None:
        job.report(0.25, "quarter")
        go_on.wait(10)
        job.report(7.0)

    kinds = [JobKind(name="slow", lane="fast", run=run)]
    site.worker(kinds)
    db = site.database(kinds)
    heard: list[str] = []
    db.notifier.subscribe(heard.extend)
    with db.write() as tx:
        job_id = tx.enqueue("slow")
    eventually(lambda: site.job(job_id).progress == 0.25)
    assert site.job(job_id).message == "quarter"
    assert "jobs" in heard
    go_on.set()
    site.wait(job_id, JobState.SUCCEEDED)


def test_effect_and_end_in_one_transaction(site: Site) -> None:
    ended: list[JobState] = []

    def run(job: Job) -> None:
        with job.write() as tx:
            add_effect(tx, job)
            follow = tx.enqueue("after")
            job.complete(tx)
        assert follow is not None
        ended.append(site.job(job.id).state)
        with pytest.raises(LeaseLost), job.write() as tx:
            add_effect(tx, job)

    def after(job: Job) -> None:
        with job.write() as tx:
            add_effect(tx, job)

    kinds = [
        JobKind(name="note", lane="fast", run=run),
        JobKind(name="after", lane="light", run=after),
    ]
    site.worker(kinds)
    with site.database(kinds).write() as tx:
        job_id = tx.enqueue("note", label="x")
    site.wait(job_id, JobState.SUCCEEDED)
    eventually(lambda: len(site.effects()) == 2)
    assert ended == [JobState.SUCCEEDED]
    assert site.job(job_id).attempt == 1


def test_a_rolled_back_write_leaves_the_job_running(site: Site) -> None:
    def run(job: Job) -> None:
        def broken() -> None:
            with job.write() as tx:
                add_effect(tx, job)
                job.complete(tx)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            broken()
        assert not job.completed
        assert site.job(job.id).state is JobState.RUNNING

    kinds = [JobKind(name="note", lane="fast", run=run, max_attempts=1)]
    site.worker(kinds)
    with site.database(kinds).write() as tx:
        job_id = tx.enqueue("note", label="x")
    site.wait(job_id, JobState.SUCCEEDED)
    assert site.effects() == []


def test_eight_workers_race_and_every_job_runs_once(site: Site) -> None:
    def run(job: Job) -> None:
        with job.write() as tx:
            add_effect(tx, job)

    kinds = [JobKind(name="note", lane="fast", run=run)]
    for _ in range(8):
        site.worker(kinds, lanes={"fast": 2})
    db = site.database(kinds)
    with db.write() as tx:
        tx.enqueue("note", label="alone")
    eventually(lambda: site.effects() == [("alone", 1)])
    with db.write() as tx:
        for number in range(30):
            tx.enqueue("note", label=str(number))

    def all_done() -> bool:
        with db.read() as tx:
            return len(list_jobs(tx, states=[JobState.SUCCEEDED])) == 31

    eventually(all_done)
    assert len(set(site.effects())) == len(site.effects()) == 31
