"""Endpoints: addresses that are told of events, whose they are and what they want to hear."""

import secrets as random_bits
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import func, select, update

from polyreel.core.users import Actor, allow, require_admin
from polyreel.core.webhooks.events import EVENT_KINDS, newest_sequence
from polyreel.core.webhooks.signing import secret_of
from polyreel.core.webhooks.tables import DeliveryRow, EndpointRow
from polyreel.infra.outbound import Outbound
from polyreel.infra.secrets import Secrets
from polyreel.infra.tx import Tx
from polyreel.kit.errors import Conflict, Invalid, NotFound

__all__ = [
    "MOST_ENDPOINTS",
    "OLD_SECRET_LIFE",
    "Endpoint",
    "EndpointNotFound",
    "NewEndpoint",
    "WantedEndpoint",
    "create_endpoint",
    "delete_endpoint",
    "get_endpoint",
    "list_endpoints",
    "replace_endpoint",
    "rotate_secret",
    "switch_off",
    "writable_endpoint",
]

MOST_ENDPOINTS = 1000
"""Endpoints of one person: a bound for mistakes, not for people."""
OLD_SECRET_LIFE = timedelta(hours=24)
"""So long after a new secret was made, deliveries are signed with the old one as well."""
_LONGEST_URL = 1024
_LONGEST_DESCRIPTION = 255
_OFF = "The endpoint was switched off before this was delivered."


class EndpointNotFound(NotFound):
    """There is no such endpoint of this person's."""

    default = "There is no such endpoint."


@dataclass(frozen=True, kw_only=True, slots=True)
class WantedEndpoint:
    """An endpoint as it shall be. `kinds` empty: every kind of event. `is_for_all`: everybody's events,
    for administrators; else those of the owner's own videos.
    """

    url: str
    description: str = ""
    kinds: Sequence[str] = ()
    is_for_all: bool = False
    is_enabled: bool = True

    def check(self, outbound: Outbound) -> None:
        """Raises Invalid. Whether the address may be asked is seen when it is: names change hands."""
        wrong: dict[str, list[str]] = {}
        if problem := _problem(self.url):
            wrong["url"] = [problem]
        if len(self.description) > _LONGEST_DESCRIPTION or not _is_plain(self.description):
            wrong["description"] = [f"At most {_LONGEST_DESCRIPTION} printable characters."]
        if unknown := sorted(set(self.kinds) - set(EVENT_KINDS)):
            wrong["kinds"] = [f"There are no events of the type {unknown[0][:40]!r}."]
        if wrong:
            raise Invalid(fields=wrong)
        outbound.check_url(self.url)


def _problem(url: str) -> str | None:
    """What is wrong with an address; None: nothing that can be seen by looking."""
    if len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        return f"An address has at most {_LONGEST_URL} characters, and none but ASCII."
    try:
        parts = urlsplit(url)
    except ValueError:
        return "This is not an address."
    if parts.username is not None or parts.password is not None:
        return "The address must not have a password in it: deliveries are signed."
    return None


def _is_plain(text: str) -> bool:
    return text.isprintable() and text.encode(errors="replace").decode() == text


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """One that is there. `disabled_reason` says why the server switched it off; None: it did not.

    `failing_since` is the first failure after the last success; `rests_until` when the next try comes
    after several failures; `delivered_at` the last success.
    """

    id: int
    user_id: int
    url: str
    description: str
    kinds: Sequence[str]
    is_for_all: bool
    is_enabled: bool
    disabled_reason: str | None
    failures: int
    failing_since: datetime | None
    rests_until: datetime | None
    delivered_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class NewEndpoint:
    """An endpoint and its secret, which is told this once."""

    endpoint: Endpoint
    secret: str


def create_endpoint(
    tx: Tx, actor: Actor, wanted: WantedEndpoint, *, outbound: Outbound, secrets: Secrets
) -> NewEndpoint:
    """Add an endpoint of the actor's; it hears of what happens from now on.

    Raises Invalid, Forbidden; Conflict when there are too many.
    """
    allow(actor, "write", owner_id=actor.user_id)
    wanted.check(outbound)
    if wanted.is_for_all:
        require_admin(actor)
    mine = select(func.count()).where(EndpointRow.user_id == actor.user_id)
    if (tx.session.scalar(mine) or 0) >= MOST_ENDPOINTS:
        raise Conflict(f"More than {MOST_ENDPOINTS} endpoints are not possible.")
    row = EndpointRow(
        user_id=actor.user_id,
        salt=_new_salt(),
        cursor=newest_sequence(tx),
        created_at=tx.now,
        updated_at=tx.now,
    )
    _put(row, wanted)
    tx.session.add(row)
    tx.session.flush()
    return NewEndpoint(endpoint=endpoint_of(row), secret=secret_of(secrets, row.salt))


def replace_endpoint(
    tx: Tx, actor: Actor, endpoint_id: int, wanted: WantedEndpoint, *, outbound: Outbound
) -> Endpoint:
    """Change everything of an endpoint but its secret. Switched on again it goes on with what happens
    from now on; switched off, what waits for it is given up. Raises Invalid, Forbidden, NotFound.
    """
    row = writable_endpoint(tx, actor, endpoint_id)
    wanted.check(outbound)
    if wanted.is_for_all:
        require_admin(actor)
    if wanted.is_enabled and not row.is_enabled:
        row.cursor = newest_sequence(tx)
    if row.is_enabled and not wanted.is_enabled:
        switch_off(tx, row, None)
    _put(row, wanted)
    if wanted.is_enabled:
        row.disabled_reason = row.failing_since = row.rests_until = None
        row.failures = 0
    row.updated_at = tx.now
    tx.session.flush()
    return endpoint_of(row)


def rotate_secret(tx: Tx, actor: Actor, endpoint_id: int, *, secrets: Secrets) -> NewEndpoint:
    """Give an endpoint a new secret; for a day deliveries carry a signature of each.

    Raises Forbidden, NotFound.
    """
    row = writable_endpoint(tx, actor, endpoint_id)
    row.old_salt, row.old_until = row.salt, tx.now + OLD_SECRET_LIFE
    row.salt = _new_salt()
    row.updated_at = tx.now
    tx.session.flush()
    return NewEndpoint(endpoint=endpoint_of(row), secret=secret_of(secrets, row.salt))


def delete_endpoint(tx: Tx, actor: Actor, endpoint_id: int) -> None:
    """Remove an endpoint of the actor's, and its deliveries. Raises NotFound."""
    allow(actor, "write", owner_id=actor.user_id)
    tx.session.delete(_mine(tx, actor, endpoint_id))
    tx.session.flush()


def get_endpoint(tx: Tx, actor: Actor, endpoint_id: int) -> Endpoint:
    """One of the actor's own. Raises NotFound."""
    allow(actor, "read", owner_id=actor.user_id)
    return endpoint_of(_mine(tx, actor, endpoint_id))


def list_endpoints(tx: Tx, actor: Actor) -> list[Endpoint]:
    """The actor's own, oldest first."""
    allow(actor, "read", owner_id=actor.user_id)
    query = select(EndpointRow).where(EndpointRow.user_id == actor.user_id)
    return [endpoint_of(row) for row in tx.session.scalars(query.order_by(EndpointRow.id))]


def switch_off(tx: Tx, row: EndpointRow, reason: str | None) -> None:
    """Send nothing to it any more; what waits is given up, and can be ordered again. `reason`: why the
    server did it; None: a person did.
    """
    row.is_enabled = False
    row.disabled_reason = reason
    row.rests_until = None
    row.updated_at = tx.now
    tx.session.flush()
    tx.session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.endpoint_id == row.id, DeliveryRow.state == "waiting")
        .values(
            state="failed", next_try_at=None, error=func.coalesce(DeliveryRow.error, reason or _OFF)
        )
        .execution_options(synchronize_session=False)
    )


def writable_endpoint(tx: Tx, actor: Actor, endpoint_id: int) -> EndpointRow:
    """The row of an endpoint that the actor may change; one for everybody's events is changed by an
    administrator in person alone. Raises Forbidden, NotFound.
    """
    allow(actor, "write", owner_id=actor.user_id)
    row = _mine(tx, actor, endpoint_id)
    if row.is_for_all:
        require_admin(actor)
    return row


def endpoint_of(row: EndpointRow) -> Endpoint:
    """What may be seen of a row."""
    return Endpoint(**{name: getattr(row, name) for name in Endpoint.__dataclass_fields__})


def _mine(tx: Tx, actor: Actor, endpoint_id: int) -> EndpointRow:
    row = tx.session.get(EndpointRow, endpoint_id)
    if row is None or row.user_id != actor.user_id:
        raise EndpointNotFound
    return row


def _put(row: EndpointRow, wanted: WantedEndpoint) -> None:
    row.url = wanted.url
    row.description = wanted.description
    row.kinds = sorted(set(wanted.kinds), key=EVENT_KINDS.index)
    row.is_for_all = wanted.is_for_all
    row.is_enabled = wanted.is_enabled


def _new_salt() -> str:
    return random_bits.token_hex(16)
