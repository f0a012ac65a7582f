"""Endpoints and deliveries as this API tells them, in the manner of its rows."""

from datetime import datetime

import msgspec

from polyreel.core import webhooks
from polyreel.dialects.videocms.shapes import Row
from polyreel.dialects.videocms.translate import time_text

__all__ = [
    "Delivery",
    "Endpoint",
    "NewEndpoint",
    "delivery_to_row",
    "endpoint_to_row",
    "new_endpoint_to_answer",
]


class Endpoint(Row, kw_only=True):
    """An endpoint as its owner sees it. `Types` empty: all; `DisabledReason` empty: the server did not
    switch it off.
    """

    UserID: int
    Url: str
    Description: str
    Types: list[str]
    All: bool
    Enabled: bool
    DisabledReason: str
    FailingSince: str | None
    RestsUntil: str | None
    LastDeliveredAt: str | None


class NewEndpoint(Endpoint, kw_only=True):
    """The same with its secret, this once."""

    Secret: str


class Delivery(msgspec.Struct):
    """One event for one endpoint; `Status`, `TookMs`, `Answer` and `Error` are of the last attempt."""

    ID: int
    CreatedAt: str
    EndpointID: int
    EventID: str
    Sequence: int
    Type: str
    State: str
    Attempts: int
    NextTryAt: str | None
    TriedAt: str | None
    Status: int | None
    TookMs: int | None
    Answer: str
    Error: str


def endpoint_to_row(found: webhooks.Endpoint) -> Endpoint:
    """An endpoint of the core's."""
    return Endpoint(
        ID=found.id,
        CreatedAt=time_text(found.created_at),
        UpdatedAt=time_text(found.updated_at),
        UserID=found.user_id,
        Url=found.url,
        Description=found.description,
        Types=list(found.kinds),
        All=found.is_for_all,
        Enabled=found.is_enabled,
        DisabledReason=found.disabled_reason or "",
        FailingSince=_time(found.failing_since),
        RestsUntil=_time(found.rests_until),
        LastDeliveredAt=_time(found.delivered_at),
    )


def new_endpoint_to_answer(made: webhooks.NewEndpoint) -> NewEndpoint:
    """An endpoint whose secret is new."""
    row = msgspec.structs.asdict(endpoint_to_row(made.endpoint))
    return NewEndpoint(**row, Secret=made.secret)


def delivery_to_row(found: webhooks.Delivery) -> Delivery:
    """A delivery of the core's."""
    return Delivery(
        ID=found.id,
        CreatedAt=time_text(found.created_at),
        EndpointID=found.endpoint_id,
        EventID=found.event_uid,
        Sequence=found.sequence,
        Type=found.event_kind,
        State=found.state,
        Attempts=found.attempts,
        NextTryAt=_time(found.next_try_at),
        TriedAt=_time(found.tried_at),
        Status=found.status,
        TookMs=found.took_ms,
        Answer=found.answer or "",
        Error=found.error or "",
    )


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else time_text(moment)
