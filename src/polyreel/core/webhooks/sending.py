"""The job of an endpoint: sign what is due, send it, write down what came of it.

One at a time for each endpoint, and for some seconds only: then the next one has its turn. An endpoint
that is slow costs the others little, and one that does not answer is left in peace for a while.
"""

import time
from collections.abc import Mapping

from polyreel.core.webhooks.mail import (
    JOB,
    Letter,
    Outcome,
    list_due,
    note_outcome,
    plan_next,
)
from polyreel.core.webhooks.signing import secret_of, sign
from polyreel.infra.jobs import Job, JobKind
from polyreel.infra.outbound import Fetched, Limits
from polyreel.infra.tools import Tools
from polyreel.kit import clock
from polyreel.kit.errors import AppError

__all__ = ["KINDS", "deliver", "send"]

_LIMITS = Limits(connect_s=5, idle_s=5, total_s=5)
_KEPT_BYTES = 1024
_TURN_S = 2.0
_AT_ONCE = 20


def deliver(job: Job) -> None:
    """Send what is due to one endpoint. A crash between the answer and its row sends it again, under
    the same id.
    """
    endpoint_id = job.args["endpoint_id"]
    ends = time.monotonic() + _TURN_S
    with job.write() as tx:
        letters = list_due(tx, endpoint_id, limit=_AT_ONCE)
    for letter in letters:
        job.check()
        outcome = send(job.tools, letter)
        with job.write() as tx:
            goes_on = note_outcome(tx, letter, outcome)
        if not goes_on or time.monotonic() > ends:
            break
    with job.write() as tx:
        # The key is free from here on, and nobody else writes before this is there.
        job.complete(tx)
        plan_next(tx, endpoint_id)


def send(tools: Tools, letter: Letter) -> Outcome:
    """One attempt; never raises for what the other side does."""
    tried_at = clock.now()
    began = time.monotonic()
    stamp = clock.epoch_s()
    secrets = [secret_of(tools.secrets, salt) for salt in letter.salts]
    headers = {
        "content-type": "application/json",
        "webhook-id": letter.event_uid,
        "webhook-timestamp": str(stamp),
        "webhook-signature": sign(secrets, letter.event_uid, stamp, letter.body),
    }
    try:
        answer = tools.outbound.post(
            letter.url, letter.body, headers=headers, limits=_LIMITS, first_bytes=_KEPT_BYTES
        )
    except AppError as error:
        return Outcome(tried_at=tried_at, took_ms=_since(began), error=error.message)
    return Outcome(
        tried_at=tried_at,
        took_ms=_since(began),
        status=answer.status,
        answer=answer.body.decode(errors="replace"),
        error=_complaint(answer),
        wished_s=_wished_s(answer.headers),
        is_gone=answer.status == 410,
    )


def _complaint(answer: Fetched) -> str | None:
    if 200 <= answer.status < 300:
        return None
    if 300 <= answer.status < 400:
        return f"The receiver redirects ({answer.status}), which is not followed."
    return f"The receiver answered {answer.status}."


def _wished_s(headers: Mapping[str, str]) -> float:
    """Retry-After in seconds; dates are left to the usual pauses."""
    text = headers.get("retry-after", "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0.0


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


KINDS = (JobKind(name=JOB, lane="light", run=deliver, limit=3),)
