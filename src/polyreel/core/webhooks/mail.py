"""From the log to deliveries, and from deliveries to what is sent next: the rows behind the job.

Each endpoint has a cursor in the log. Its job turns what lies behind the cursor into deliveries and moves
the cursor, in one transaction: every event becomes one delivery, however often the job runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, false, func, insert, or_, select, update

from polyreel.core.options import get_option
from polyreel.core.users.tables import UserRow
from polyreel.core.webhooks import schedule
from polyreel.core.webhooks.endpoints import switch_off
from polyreel.core.webhooks.events import (
    TEST_KIND,
    Event,
    event_of,
    event_to_json,
    newest_sequence,
    write_events,
)
from polyreel.core.webhooks.tables import DeliveryRow, EndpointRow, EventRow
from polyreel.infra.jobs import hasten_job
from polyreel.infra.tx import EventOrder, Tx

__all__ = [
    "JOB",
    "EventLog",
    "Letter",
    "Outcome",
    "fan_out",
    "list_due",
    "may_hear",
    "note_outcome",
    "plan_next",
    "wake",
    "wake_waiting",
]

JOB = "webhooks.deliver"
_FANNED_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """One delivery to be made now."""

    delivery_id: int
    endpoint_id: int
    url: str
    salts: Sequence[str]
    event_uid: str
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How one attempt went. `status` None: no answer came; `error` None: it arrived. `wished_s`: how
    long the receiver wants to be left in peace; `is_gone`: it wants to hear nothing ever again.
    """

    tried_at: datetime
    took_ms: int
    status: int | None = None
    answer: str | None = None
    error: str | None = None
    wished_s: float = 0.0
    is_gone: bool = False


class EventLog:
    """The Recorder of a Database: what transactions emit is written, and endpoints are told."""

    def record(self, tx: Tx, events: Sequence[EventOrder]) -> None:
        """See Recorder."""
        written = write_events(tx, events)
        for endpoint, is_admin in _listening(tx, {event.owner_id for event in written}):
            if any(_fits(endpoint, event, is_admin=is_admin) for event in written):
                wake(tx, endpoint)


def wake(tx: Tx, endpoint: EndpointRow) -> None:
    """Let the job of an endpoint run now, or run on."""
    key = f"webhook:{endpoint.id}"
    added = tx.enqueue(JOB, key=key, owner_id=endpoint.user_id, endpoint_id=endpoint.id)
    if added is None:
        hasten_job(tx, key)


def wake_waiting(tx: Tx) -> None:
    """See to it that whatever waits has a job; for when one was lost."""
    waiting = select(DeliveryRow.endpoint_id).where(DeliveryRow.state == "waiting")
    behind = EndpointRow.cursor < newest_sequence(tx)
    query = select(EndpointRow).where(
        EndpointRow.is_enabled, or_(behind, EndpointRow.id.in_(waiting))
    )
    for endpoint in tx.session.scalars(query).all():
        plan_next(tx, endpoint.id)


def may_hear(tx: Tx, endpoint: EndpointRow, owner_id: int) -> bool:
    """Whether events of this person are for this endpoint."""
    if owner_id == endpoint.user_id:
        return True
    return endpoint.is_for_all and tx.session.get_one(UserRow, endpoint.user_id).is_admin


def fan_out(tx: Tx, endpoint: EndpointRow) -> None:
    """Make deliveries of what has happened since the last time, and move the cursor behind it."""
    query = select(EventRow).where(EventRow.sequence > endpoint.cursor)
    rows = tx.session.scalars(query.order_by(EventRow.sequence).limit(_FANNED_AT_ONCE)).all()
    if not rows:
        return
    is_admin = tx.session.get_one(UserRow, endpoint.user_id).is_admin
    wanted = [row for row in rows if _fits(endpoint, event_of(row), is_admin=is_admin)]
    if wanted:
        tx.session.execute(
            insert(DeliveryRow),
            [
                {
                    "endpoint_id": endpoint.id,
                    "sequence": row.sequence,
                    "state": "waiting",
                    "next_try_at": tx.now,
                    "created_at": tx.now,
                }
                for row in wanted
            ],
        )
    endpoint.cursor = rows[-1].sequence
    tx.session.flush()


def list_due(tx: Tx, endpoint_id: int, *, limit: int) -> list[Letter]:
    """What an endpoint is to be sent now, oldest events first; nothing where it is off, or rests."""
    endpoint = tx.session.get(EndpointRow, endpoint_id)
    if endpoint is None or not endpoint.is_enabled:
        return []
    fan_out(tx, endpoint)
    if endpoint.rests_until is not None and endpoint.rests_until > tx.now:
        return []
    query = (
        select(DeliveryRow.id, EventRow)
        .join(EventRow, EventRow.sequence == DeliveryRow.sequence)
        .where(_waiting(endpoint_id), DeliveryRow.next_try_at <= tx.now)
        .order_by(DeliveryRow.sequence)
        .limit(limit)
    )
    due = tx.session.execute(query).all()
    heard = [(number, row) for number, row in due if may_hear(tx, endpoint, row.owner_id)]
    # Who was an administrator when it was ordered, and is none now.
    _give_up(tx, {number for number, _ in due} - {number for number, _ in heard})
    old_is_valid = endpoint.old_until is not None and endpoint.old_until > tx.now
    salts = [endpoint.salt]
    if old_is_valid and endpoint.old_salt is not None:
        salts.append(endpoint.old_salt)
    return [
        Letter(
            delivery_id=number,
            endpoint_id=endpoint_id,
            url=endpoint.url,
            salts=salts,
            event_uid=row.uid,
            body=event_to_json(event_of(row)),
        )
        for number, row in heard
    ]


def note_outcome(tx: Tx, letter: Letter, outcome: Outcome) -> bool:
    """Write down how an attempt went; whether the endpoint is to be sent more now."""
    row = tx.session.get(DeliveryRow, letter.delivery_id)
    endpoint = tx.session.get(EndpointRow, letter.endpoint_id)
    if row is None or endpoint is None:
        return False
    row.attempts, row.tries = row.attempts + 1, row.tries + 1
    row.tried_at, row.took_ms = outcome.tried_at, outcome.took_ms
    row.status, row.answer, row.error = outcome.status, outcome.answer, outcome.error
    row.next_try_at = None
    if outcome.error is None:
        row.state = "delivered"
        endpoint.failures, endpoint.failing_since, endpoint.rests_until = 0, None, None
        endpoint.delivered_at = outcome.tried_at
    else:
        _note_failure(tx, endpoint, row, outcome)
    tx.session.flush()
    tx.notify(f"webhook:{endpoint.id}")
    return endpoint.is_enabled and endpoint.rests_until is None


def plan_next(tx: Tx, endpoint_id: int) -> None:
    """Give an endpoint its next job, when something is left: now, or when the next try is due."""
    endpoint = tx.session.get(EndpointRow, endpoint_id)
    if endpoint is None or not endpoint.is_enabled:
        return
    first = tx.session.scalar(
        select(func.min(DeliveryRow.next_try_at)).where(_waiting(endpoint_id))
    )
    due = tx.now if endpoint.cursor < newest_sequence(tx) else first
    if due is None:
        return
    due = max(due, endpoint.rests_until or due)
    tx.enqueue(
        JOB,
        key=f"webhook:{endpoint_id}",
        owner_id=endpoint.user_id,
        delay_s=max(0.0, (due - tx.now).total_seconds()),
        endpoint_id=endpoint_id,
    )


def _note_failure(tx: Tx, endpoint: EndpointRow, row: DeliveryRow, outcome: Outcome) -> None:
    endpoint.failures = endpoint.failures + 1
    endpoint.failing_since = endpoint.failing_since or tx.now
    pause_s = schedule.pause_s(row.tries, outcome.wished_s)
    # One that was switched off while it was being sent to is not tried again.
    if pause_s is None or not endpoint.is_enabled:
        row.state = "failed"
    else:
        row.state, row.next_try_at = "waiting", tx.now + timedelta(seconds=pause_s)
    rest_s = schedule.rest_s(endpoint.failures)
    endpoint.rests_until = tx.now + timedelta(seconds=rest_s) if rest_s else None
    days = get_option(tx, "webhook_disabled_after_days")
    if outcome.is_gone:
        switch_off(tx, endpoint, "The receiver answered 410: it wants no more events.")
    elif endpoint.is_enabled and schedule.is_given_up(
        endpoint.failing_since, tx.now, after_days=days
    ):
        switch_off(tx, endpoint, f"Nothing has arrived there for {days} days: {outcome.error}")


def _listening(tx: Tx, owner_ids: set[int]) -> list[tuple[EndpointRow, bool]]:
    """Endpoints that are on and may hear of these people, and whether an administrator has them."""
    everybodys = and_(EndpointRow.is_for_all, UserRow.is_admin)
    query = (
        select(EndpointRow, UserRow.is_admin)
        .join(UserRow, UserRow.id == EndpointRow.user_id)
        .where(EndpointRow.is_enabled, or_(EndpointRow.user_id.in_(owner_ids), everybodys))
    )
    return [(row, is_admin) for row, is_admin in tx.session.execute(query)]


def _fits(endpoint: EndpointRow, event: Event, *, is_admin: bool) -> bool:
    if event.kind == TEST_KIND or (endpoint.kinds and event.kind not in endpoint.kinds):
        return False
    return event.owner_id == endpoint.user_id or (endpoint.is_for_all and is_admin)


def _waiting(endpoint_id: int) -> Any:
    return and_(DeliveryRow.endpoint_id == endpoint_id, DeliveryRow.state == "waiting")


def _give_up(tx: Tx, delivery_ids: set[int]) -> None:
    which = DeliveryRow.id.in_(delivery_ids) if delivery_ids else false()
    tx.session.execute(
        update(DeliveryRow)
        .where(which)
        .values(state="failed", next_try_at=None, error="This is not for the endpoint's owner now.")
        .execution_options(synchronize_session=False)
    )
