"""The tables of background work, and what the rest of the house may see of a job."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    ColumnElement,
    Index,
    Integer,
    String,
    literal_column,
)
from sqlalchemy.orm import Mapped, mapped_column

from polyreel.infra.db import Base, LastWords, UtcTime, sorted_text

__all__ = ["ENDED", "UNFINISHED", "JobInfo", "JobRow", "JobState", "PeriodicRow", "unfinished"]


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    """Waits for a free slot, or for its moment (`run_after`)."""
    RUNNING = "running"
    """A worker holds its lease."""
    SUCCEEDED = "succeeded"
    """Its work is done."""
    FAILED = "failed"
    """Given up; `error` says why."""
    CANCELLED = "cancelled"
    """Stopped because someone asked for it."""


UNFINISHED = (JobState.QUEUED, JobState.RUNNING)
ENDED = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)

# Spelt out, never bound as parameters: a database only recognises its partial index by its text.
_UNFINISHED_SQL = "state IN ('queued', 'running')"


def unfinished() -> ColumnElement[bool]:
    """The condition of the unique index over keys, as INSERT ... ON CONFLICT must repeat it."""
    return literal_column(_UNFINISHED_SQL, Boolean())


class JobRow(Base):
    """One job: what to do, who does it until when, and how far it is."""

    __tablename__ = "jobs"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    kind: Mapped[str] = mapped_column(String(64))
    lane: Mapped[str] = mapped_column(String(16))
    priority: Mapped[int] = mapped_column(Integer, default=0)
    """Higher goes first."""
    owner_id: Mapped[int | None] = mapped_column(BigInteger)
    """For whom; only to be fair between owners. Not a foreign key: infra knows no users."""
    key: Mapped[str | None] = mapped_column(sorted_text(200))
    """At most one unfinished job has it."""
    about: Mapped[str | None] = mapped_column(String(64))
    """What it is done for, such as `media_id:12`; see JobKind.about."""
    args: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Ids only: shown in lists, never a secret."""
    state: Mapped[str] = mapped_column(String(16), default=JobState.QUEUED.value)
    attempt: Mapped[int] = mapped_column(Integer, default=0)
    """The fence: grows with every claim and never shrinks."""
    tries: Mapped[int] = mapped_column(Integer, default=0)
    """Attempts that count against `max_attempts`; a hand-back at shutdown does not."""
    max_attempts: Mapped[int] = mapped_column(Integer)
    run_after: Mapped[datetime] = mapped_column(UtcTime)
    lease_owner: Mapped[str | None] = mapped_column(String(120))
    lease_until: Mapped[datetime | None] = mapped_column(UtcTime)
    cancel_requested: Mapped[bool] = mapped_column(Boolean, default=False)
    progress: Mapped[float] = mapped_column(default=0.0)
    """0 to 1."""
    message: Mapped[str | None] = mapped_column(LastWords)
    """What it does just now, for people."""
    error: Mapped[str | None] = mapped_column(LastWords)
    """Last words of the last attempt that went wrong."""
    cpu_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    """What its child programs took of the processor, over all attempts."""
    work: Mapped[float] = mapped_column(default=0.0)
    """How much was done, in a unit of the kind's own; 0: not known."""
    command: Mapped[str | None] = mapped_column(LastWords)
    """The child program of the last attempt, for people."""
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """Begin of the last attempt."""
    finished_at: Mapped[datetime | None] = mapped_column(UtcTime)

    __table_args__ = (
        CheckConstraint(
            "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="state"
        ),
        Index(
            "uq_jobs_key_unfinished",
            "key",
            unique=True,
            sqlite_where=literal_column(_UNFINISHED_SQL, Boolean()),
            postgresql_where=literal_column(_UNFINISHED_SQL, Boolean()),
        ),
        Index("ix_jobs_claim", "state", "lane", "priority", "run_after", "owner_id"),
        Index("ix_jobs_key", "key"),
        Index("ix_jobs_finished_at", "finished_at"),
        Index("ix_jobs_about", "about", "id"),
        # An id must never be given twice: (id, attempt) is the fence.
        {"sqlite_autoincrement": True},
    )


class PeriodicRow(Base):
    """The last slot of a periodic job that was enqueued."""

    __tablename__ = "periodic"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    slot: Mapped[int] = mapped_column(BigInteger)


@dataclass(frozen=True, kw_only=True, slots=True)
class JobInfo:
    """A job as it stood when it was read."""

    id: int
    kind: str
    lane: str
    priority: int
    owner_id: int | None
    key: str | None
    about: str | None
    args: dict[str, Any]
    state: JobState
    attempt: int
    tries: int
    max_attempts: int
    run_after: datetime
    lease_owner: str | None
    cancel_requested: bool
    progress: float
    message: str | None
    error: str | None
    cpu_ms: int
    work: float
    command: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, row: JobRow) -> "JobInfo":
        """What may be seen of `row`."""
        values = {name: getattr(row, name) for name in cls.__slots__}
        return cls(**{**values, "state": JobState(row.state), "args": dict(row.args)})
