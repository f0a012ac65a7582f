"""The log of deliveries, for people: what was sent, what was answered, when it is tried again."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, select

from polyreel.core.users import Actor, allow
from polyreel.core.webhooks.endpoints import EndpointNotFound, writable_endpoint
from polyreel.core.webhooks.events import TEST_KIND, write_events
from polyreel.core.webhooks.mail import may_hear, wake
from polyreel.core.webhooks.tables import DeliveryRow, EndpointRow, EventRow
from polyreel.infra.tx import EventOrder, Tx
from polyreel.kit.errors import Conflict, Invalid, NotFound

__all__ = [
    "DELIVERY_STATES",
    "Delivery",
    "DeliveryNotFound",
    "list_deliveries",
    "redeliver",
    "redeliver_event",
    "send_test",
]

DELIVERY_STATES = ("waiting", "delivered", "failed")
_MOST_AT_ONCE = 200


class DeliveryNotFound(NotFound):
    """There is no such delivery to an endpoint of this person's."""

    default = "There is no such delivery."


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One event for one endpoint. `attempts` were made so far; `status` (HTTP; None: no answer came),
    `took_ms`, `answer` (its first kilobyte) and `error` (a sentence) are of the last of them.
    """

    id: int
    endpoint_id: int
    sequence: int
    event_uid: str
    event_kind: str
    state: str
    attempts: int
    next_try_at: datetime | None
    tried_at: datetime | None
    status: int | None
    took_ms: int | None
    answer: str | None
    error: str | None
    created_at: datetime


_COLUMNS = {
    "id": DeliveryRow.id,
    "endpoint_id": DeliveryRow.endpoint_id,
    "sequence": DeliveryRow.sequence,
    "event_uid": EventRow.uid,
    "event_kind": EventRow.kind,
    "state": DeliveryRow.state,
    "attempts": DeliveryRow.attempts,
    "next_try_at": DeliveryRow.next_try_at,
    "tried_at": DeliveryRow.tried_at,
    "status": DeliveryRow.status,
    "took_ms": DeliveryRow.took_ms,
    "answer": DeliveryRow.answer,
    "error": DeliveryRow.error,
    "created_at": DeliveryRow.created_at,
}


def list_deliveries(
    tx: Tx,
    actor: Actor,
    *,
    endpoint_id: int | None = None,
    state: str | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> list[Delivery]:
    """Those to the actor's own endpoints, newest first; of one endpoint, in one state, with smaller ids
    than `before_id`. Raises Invalid, NotFound for an endpoint that is not theirs.
    """
    allow(actor, "read", owner_id=actor.user_id)
    if state is not None and state not in DELIVERY_STATES:
        raise Invalid("There is no such state.")
    if not 1 <= limit <= _MOST_AT_ONCE:
        raise Invalid(f"From 1 to {_MOST_AT_ONCE} deliveries can be had at once.")
    query = (
        select(*(column.label(name) for name, column in _COLUMNS.items()))
        .join(EventRow, EventRow.sequence == DeliveryRow.sequence)
        .join(EndpointRow, EndpointRow.id == DeliveryRow.endpoint_id)
        .where(EndpointRow.user_id == actor.user_id)
        .order_by(DeliveryRow.id.desc())
        .limit(limit)
    )
    if endpoint_id is not None:
        found = tx.session.get(EndpointRow, endpoint_id)
        if found is None or found.user_id != actor.user_id:
            raise EndpointNotFound
        query = query.where(DeliveryRow.endpoint_id == endpoint_id)
    if state is not None:
        query = query.where(DeliveryRow.state == state)
    if before_id is not None:
        query = query.where(DeliveryRow.id < before_id)
    return [_delivery(row) for row in tx.session.execute(query)]


def redeliver(tx: Tx, actor: Actor, delivery_id: int) -> Delivery:
    """Send one again, with all its tries, now. Raises NotFound, Forbidden; Conflict where the endpoint is
    switched off.
    """
    row = tx.session.get(DeliveryRow, delivery_id)
    if row is None:
        raise DeliveryNotFound
    try:
        endpoint = writable_endpoint(tx, actor, row.endpoint_id)
    except EndpointNotFound:
        raise DeliveryNotFound from None
    return _order(tx, endpoint, row.sequence)


def redeliver_event(tx: Tx, actor: Actor, endpoint_id: int, sequence: int) -> Delivery:
    """Send one event of the log to an endpoint, whether or not it was sent before or fits its types.

    Raises as `redeliver`; NotFound also for an event that is not for this endpoint's owner.
    """
    endpoint = writable_endpoint(tx, actor, endpoint_id)
    event = tx.session.get(EventRow, sequence)
    if event is None or not may_hear(tx, endpoint, event.owner_id):
        raise NotFound("There is no such event.")
    return _order(tx, endpoint, sequence)


def send_test(tx: Tx, actor: Actor, endpoint_id: int) -> Delivery:
    """Let something happen that this one endpoint is told of. Raises as `redeliver`."""
    endpoint = writable_endpoint(tx, actor, endpoint_id)
    if not endpoint.is_enabled:
        raise Conflict("The endpoint is switched off.")
    data = {"message": "This is a test.", "endpoint_id": endpoint.id}
    order = EventOrder(kind=TEST_KIND, owner_id=endpoint.user_id, data=data)
    [event] = write_events(tx, [order])
    return _order(tx, endpoint, event.sequence)


def _order(tx: Tx, endpoint: EndpointRow, sequence: int) -> Delivery:
    if not endpoint.is_enabled:
        raise Conflict("The endpoint is switched off.")
    row = tx.session.scalars(
        select(DeliveryRow).where(
            DeliveryRow.endpoint_id == endpoint.id, DeliveryRow.sequence == sequence
        )
    ).first()
    if row is None:
        row = DeliveryRow(endpoint_id=endpoint.id, sequence=sequence, created_at=tx.now)
        tx.session.add(row)
    row.state, row.tries, row.next_try_at = "waiting", 0, tx.now
    # Whoever orders wants it tried now, also where the endpoint is left in peace.
    endpoint.rests_until = None
    tx.session.flush()
    wake(tx, endpoint)
    query = select(*(column.label(name) for name, column in _COLUMNS.items()))
    query = query.join(EventRow, EventRow.sequence == DeliveryRow.sequence)
    return _delivery(tx.session.execute(query.where(DeliveryRow.id == row.id)).one())


def _delivery(row: Row[*tuple[object, ...]]) -> Delivery:
    return Delivery(**row._mapping)
