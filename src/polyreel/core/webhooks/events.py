"""The log of what happened: one sequence, without gaps, in the order in which it became true.

Transactions emit (`tx.emit`), and the log writes at their end. Writers take turns on both databases, so
whoever reads up to a number has everything up to it: nothing smaller can appear later.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import delete, func, insert, select

from polyreel.core.options import get_option
from polyreel.core.users import Actor, allow, require_admin
from polyreel.core.users.tables import UserRow
from polyreel.core.webhooks.tables import EventRow
from polyreel.infra.tx import EventOrder, Tx
from polyreel.kit.errors import Invalid
from polyreel.kit.ids import uuid7

__all__ = [
    "EVENT_KINDS",
    "EVENT_TOPIC",
    "TEST_KIND",
    "Event",
    "EventPage",
    "check_kinds",
    "event_to_json",
    "first_sequence",
    "list_events",
    "newest_sequence",
    "trim_events",
    "write_events",
]

EVENT_KINDS = (
    "upload.finished",
    "video.playable",
    "video.ready",
    "video.failed",
    "video.deleted",
    "remote_download.finished",
    "remote_download.failed",
)
"""What may be asked for."""
TEST_KIND = "webhook.test"
"""What is sent to try an endpoint; to that one alone."""
EVENT_TOPIC = "events"
"""The notice that the log has grown."""

_MOST_AT_ONCE = 1000
_TRIMMED_AT_ONCE = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One line of the log; `data` as JSON has it."""

    sequence: int
    uid: str
    kind: str
    owner_id: int
    owner_name: str
    data: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class EventPage:
    """Events after some number, oldest first. `next_since`: what to ask for next. `has_missed`: what
    followed the number asked for has been deleted meanwhile, or the log never came so far.
    """

    events: Sequence[Event]
    next_since: int
    has_missed: bool


def write_events(tx: Tx, orders: Sequence[EventOrder]) -> list[Event]:
    """Add to the log, in a transaction that has its turn to write."""
    names = _names(tx, {order.owner_id for order in orders})
    first = newest_sequence(tx) + 1
    events = [
        Event(
            sequence=first + number,
            uid=f"evt_{uuid7()}",
            kind=order.kind,
            owner_id=order.owner_id,
            owner_name=names.get(order.owner_id, ""),
            data=_speakable(order.data),
            created_at=tx.now,
        )
        for number, order in enumerate(orders)
    ]
    fields = Event.__dataclass_fields__
    rows = [{name: getattr(each, name) for name in fields} for each in events]
    tx.session.execute(insert(EventRow), rows)
    tx.notify(EVENT_TOPIC)
    return events


def list_events(
    tx: Tx,
    actor: Actor,
    *,
    since: int = 0,
    limit: int = 100,
    kinds: Collection[str] = (),
    of_all: bool = False,
) -> EventPage:
    """The actor's own events after `since`, at most `limit` (1 to 1000); `of_all`: everybody's.

    `kinds` empty: every kind. Raises Invalid; Forbidden where `of_all` is not an administrator in person.
    """
    if of_all:
        require_admin(actor)
    else:
        allow(actor, "read", owner_id=actor.user_id)
    check_kinds(kinds)
    if not 1 <= limit <= _MOST_AT_ONCE:
        raise Invalid(f"From 1 to {_MOST_AT_ONCE} events can be had at once.")
    query = select(EventRow).where(EventRow.sequence > since).order_by(EventRow.sequence)
    if not of_all:
        query = query.where(EventRow.owner_id == actor.user_id)
    if kinds:
        query = query.where(EventRow.kind.in_([*kinds]))
    events = [event_of(row) for row in tx.session.scalars(query.limit(limit))]
    newest = newest_sequence(tx)
    return EventPage(
        events=events,
        next_since=events[-1].sequence if len(events) == limit else newest,
        # Beyond the end: a backup was restored, and these numbers are given once more.
        has_missed=0 < since < first_sequence(tx) - 1 or since > newest,
    )


def event_of(row: EventRow) -> Event:
    """What a row says."""
    return Event(**{name: getattr(row, name) for name in Event.__dataclass_fields__})


def event_to_json(event: Event) -> bytes:
    """An event as everybody outside gets it: in a list, in the stream, as the body of a webhook. The
    same bytes every time.
    """
    stamp = event.created_at.astimezone(UTC).isoformat(timespec="milliseconds")
    return msgspec.json.encode(
        {
            "id": event.uid,
            "sequence": event.sequence,
            "type": event.kind,
            "timestamp": stamp.replace("+00:00", "Z"),
            "owner": {"id": event.owner_id, "name": event.owner_name},
            "data": event.data,
        }
    )


def check_kinds(kinds: Collection[str]) -> None:
    """Raises Invalid unless all of these may be asked for."""
    unknown = sorted(set(kinds) - {*EVENT_KINDS, TEST_KIND})
    if unknown:
        raise Invalid(f"There are no events of the type {unknown[0][:40]!r}.")


def newest_sequence(tx: Tx) -> int:
    """The number of the last event; 0 when nothing ever happened."""
    return tx.session.scalar(select(func.max(EventRow.sequence))) or 0


def first_sequence(tx: Tx) -> int:
    """The number of the oldest event that is kept; 0 when nothing ever happened."""
    return tx.session.scalar(select(func.min(EventRow.sequence))) or 0


def trim_events(tx: Tx) -> int:
    """Delete events, with their deliveries, that are older than the options say; how many.

    The newest one stays whatever its age: from it the next one has its number.
    """
    oldest = tx.now - timedelta(days=get_option(tx, "events_kept_days"))
    old = (
        select(EventRow.sequence)
        .where(EventRow.created_at < oldest, EventRow.sequence < newest_sequence(tx))
        .order_by(EventRow.sequence)
        .limit(_TRIMMED_AT_ONCE)
    )
    trimmed: Any = tx.session.execute(
        delete(EventRow)
        .where(EventRow.sequence.in_(old))
        .execution_options(synchronize_session=False)
    )
    return int(trimmed.rowcount)


def _names(tx: Tx, owner_ids: Collection[int]) -> dict[int, str]:
    query = select(UserRow.id, UserRow.name).where(UserRow.id.in_(owner_ids))
    return {user_id: name for user_id, name in tx.session.execute(query)}  # noqa: C416 - typed so


def _speakable(value: Any) -> Any:
    """The same without half a surrogate pair, which is no JSON: what programs said is quoted in it."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, Mapping):
        return {name: _speakable(each) for name, each in value.items()}
    return value
