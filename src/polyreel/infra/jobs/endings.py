"""How an attempt ends: judged from what `run` did, written under the fence, told to the kind."""

import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy.exc import OperationalError

from polyreel.infra.jobs import leases
from polyreel.infra.jobs.job import Job, JobCancelled, LeaseLost
from polyreel.infra.jobs.kinds import JobKind
from polyreel.infra.jobs.queue import queue_of
from polyreel.infra.tx import DatabaseUnavailable, Tx
from polyreel.kit.errors import AppError, Busy, Unavailable

__all__ = ["HANDED_BACK", "Ending", "judge", "settle", "settle_expired"]

log = logging.getLogger("polyreel.jobs")
_LONGEST_ERROR = 4000
_OUTAGE_S = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """What becomes of an attempt that is over."""

    step: Literal["succeeded", "failed", "cancelled", "retried", "handed back", "lost"]
    message: str = ""
    """A sentence for people, why it did not succeed."""
    error: str | None = None
    """For the row: the sentence, or a shortened traceback."""
    pause_s: float = 0.0


HANDED_BACK = Ending(step="handed back")
_CANCELLED = Ending(step="cancelled")


def judge(kind: JobKind, job: Job, error: Exception | None) -> Ending:
    """What an attempt that returned (`error` None) or raised comes to."""
    if error is None or job.completed:
        return Ending(step="succeeded")
    if isinstance(error, LeaseLost) or job.stop_reason == "lost":
        return Ending(step="lost")
    if job.stop_reason == "shutdown":
        return HANDED_BACK
    if job.stop_reason == "cancel" or isinstance(error, JobCancelled):
        return _CANCELLED
    if isinstance(error, DatabaseUnavailable):
        # Not the job's fault, and no worker could have done it.
        return Ending(step="handed back", message=error.message, pause_s=_OUTAGE_S)
    if isinstance(error, Busy):
        return _again(kind, job.tries, error.message, error.message, float(error.retry_after_s))
    if isinstance(error, Unavailable):
        return _again(kind, job.tries, error.message, error.message)
    if isinstance(error, AppError):
        return Ending(step="failed", message=error.message, error=error.message)
    text = "".join(traceback.format_exception(error, limit=-6))[-_LONGEST_ERROR:]
    return _again(kind, job.tries, f"This ended with an unexpected error (job {job.id}).", text)


def settle(tx: Tx, kind: JobKind, whose: leases.Claim | Job, ending: Ending) -> Ending:
    """Write `ending` under the fence; what was written in truth: `lost` when the attempt was over,
    `cancelled` when someone asked for that while it was about to be queued again.
    """
    standing = leases.hold(tx, whose.id, whose.attempt)
    if standing is None:
        return Ending(step="lost")
    requeued = ending.step in ("retried", "handed back")
    if requeued and standing.cancel_requested:
        ending = _CANCELLED
    message = whose.reported()[1] if isinstance(whose, Job) else None
    if isinstance(whose, Job) and whose.cost is not None:
        leases.note_cost(tx, whose.id, whose.attempt, whose.cost)
    match ending.step:
        case "succeeded":
            leases.succeed(tx, whose.id, whose.attempt, message)
        case "failed":
            leases.fail(tx, whose.id, whose.attempt, ending.error or ending.message)
            _tell(tx, kind, whose.args, ending)
        case "cancelled":
            leases.cancel(tx, whose.id, whose.attempt)
            _tell(tx, kind, whose.args, ending)
        case "retried" | "handed back":
            free = ending.step == "handed back"
            leases.requeue(
                tx, whose.id, whose.attempt, pause_s=ending.pause_s, error=ending.error, free=free
            )
            queue_of(tx).announce(tx, whose.id, kind, ending.pause_s)
        case "lost":
            return ending
    tx.notify("jobs")
    return ending


def settle_expired(tx: Tx, kinds: Mapping[str, JobKind]) -> list[tuple[leases.Claim, Ending]]:
    """Take jobs of these kinds from workers whose lease ran out: back to the queue, or failed."""
    settled = []
    for claim in leases.expired(tx, kinds, locked=True):
        kind = kinds[claim.kind]
        # The first time at once: most often it is the machine that went down, not the job's fault.
        ending = Ending(
            step="retried",
            error="The worker that had it disappeared.",
            pause_s=kind.pause_s(claim.tries - 1),
        )
        if claim.tries >= claim.max_attempts:
            message = f"The worker disappeared {claim.tries} times while it did this."
            ending = Ending(step="failed", message=message, error=message)
        settled.append((claim, settle(tx, kind, claim, ending)))
    return settled


def _again(kind: JobKind, tries: int, message: str, error: str, least_s: float = 0.0) -> Ending:
    if tries >= kind.max_attempts:
        return Ending(step="failed", message=message, error=error)
    pause_s = max(kind.pause_s(tries), least_s)
    return Ending(step="retried", message=message, error=error, pause_s=pause_s)


def _tell(tx: Tx, kind: JobKind, args: Mapping[str, Any], ending: Ending) -> None:
    """Let the kind write its part; if that breaks, the job ends all the same."""
    try:
        with tx.attempt():
            if ending.step == "failed" and kind.on_failed is not None:
                kind.on_failed(tx, args, ending.message)
            if ending.step == "cancelled" and kind.on_cancelled is not None:
                kind.on_cancelled(tx, args)
    except OperationalError:
        raise
    except Exception:
        log.exception("job callback broke", extra={"job_kind": kind.name, "step": ending.step})
