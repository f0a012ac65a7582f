"""What an attempt comes to, and how long the pauses are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from polyreel.infra.db import Base
from polyreel.infra.jobs import Job, JobCancelled, JobKind, JobQueue, LeaseLost
from polyreel.infra.jobs.endings import judge
from polyreel.infra.jobs.leases import Claim
from polyreel.infra.notify import Notifier
from polyreel.infra.tx import Database
from polyreel.kit.errors import AppError, Busy, Conflict, Invalid, Unavailable


def nothing(job: Job) -> None:
    """Done at once."""


KIND = JobKind(name="k", lane="fast", run=nothing, max_attempts=3, backoff_s=10)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    notifier = Notifier(tmp_path)
    # Never opened: judging asks nobody.
    yield Database(
        "sqlite://", lock_path=tmp_path / "lock", notifier=notifier, enqueuer=JobQueue([KIND])
    )
    notifier.close()


def attempt(db: Database, tries: int = 1) -> Job:
    claim = Claim(
        id=1,
        kind="k",
        lane="fast",
        key=None,
        owner_id=None,
        args={},
        attempt=tries,
        tries=tries,
        max_attempts=3,
        progress=0.0,
        message=None,
    )
    return Job(claim, db, None)


@pytest.mark.parametrize(
    ("error", "tries", "step"),
    [
        (None, 1, "succeeded"),
        (RuntimeError("x"), 1, "retried"),
        (RuntimeError("x"), 3, "failed"),
        (Busy(), 2, "retried"),
        (Busy(), 3, "failed"),
        (Unavailable("The disk"), 1, "retried"),
        (Unavailable("The disk"), 3, "failed"),
        (Invalid("No."), 1, "failed"),
        (Conflict(), 1, "failed"),
        (AppError(), 1, "failed"),
        (JobCancelled(), 1, "cancelled"),
        (LeaseLost(), 1, "lost"),
    ],
)
def test_without_a_stop(db: Database, error: Exception | None, tries: int, step: str) -> None:
    assert judge(KIND, attempt(db, tries), error).step == step


@pytest.mark.parametrize(
    ("reason", "error", "step"),
    [
        ("cancel", RuntimeError("killed"), "cancelled"),
        ("cancel", Invalid("half a file"), "cancelled"),
        ("cancel", None, "succeeded"),
        ("shutdown", JobCancelled(), "handed back"),
        ("shutdown", RuntimeError("killed"), "handed back"),
        ("shutdown", None, "succeeded"),
        ("lost", RuntimeError("killed"), "lost"),
        ("lost", JobCancelled(), "lost"),
    ],
)
def test_after_a_stop(
    db: Database,
    reason: Literal["cancel", "shutdown", "lost"],
    error: Exception | None,
    step: str,
) -> None:
    job = attempt(db, tries=3)
    job.stop(reason)
    assert judge(KIND, job, error).step == step


def test_a_lost_lease_outweighs_and_check_says_so(db: Database) -> None:
    job = attempt(db)
    job.check()
    job.stop("cancel")
    job.stop("shutdown")
    assert job.stop_reason == "cancel"
    with pytest.raises(JobCancelled):
        job.check()
    job.stop("lost")
    with pytest.raises(LeaseLost):
        job.check()


def test_busy_says_when_at_the_earliest(db: Database) -> None:
    assert judge(KIND, attempt(db), Busy("Later.", 300)).pause_s == 300


def test_people_never_see_a_traceback(db: Database) -> None:
    ending = judge(KIND, attempt(db, 3), RuntimeError("/srv/secret/path"))
    assert "secret" not in ending.message
    assert "job 1" in ending.message
    assert "/srv/secret/path" in (ending.error or "")
    long = judge(KIND, attempt(db), RuntimeError("x" * 100_000))
    assert len(long.error or "") <= 4000


def test_pauses_double_with_jitter_and_have_an_end() -> None:
    for tries, middle in [(1, 10), (2, 20), (3, 40), (50, 900), (5000, 900)]:
        pauses = {KIND.pause_s(tries) for _ in range(20)}
        assert len(pauses) > 1
        assert all(middle * 0.75 <= pause <= middle * 1.25 for pause in pauses)
    assert KIND.pause_s(0) == 0


def test_reports_are_clamped_and_only_news_is_taken(db: Database) -> None:
    job = attempt(db)
    assert job.take_report() is None
    job.report(2.0, "much")
    assert job.take_report() == (1.0, "much")
    job.report(1.0)
    assert job.take_report() is None
    job.report(-1)
    assert job.take_report() == (0.0, "much")
    job.keep_report()
    assert job.take_report() == (0.0, "much")


def test_two_kinds_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two kinds"):
        JobQueue([KIND, KIND])


def test_tables_are_of_the_house() -> None:
    assert {"jobs", "periodic"} <= set(Base.metadata.tables)
