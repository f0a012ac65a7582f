"""Webhooks of the player: while a video plays, the page posts its position to them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import func, select

from polyreel.core.users import Actor, allow
from polyreel.core.webhooks.tables import PlayerWebhookRow
from polyreel.infra.tx import Tx
from polyreel.kit.errors import Conflict, Invalid, NotFound

__all__ = [
    "PlayerWebhook",
    "WantedWebhook",
    "create_player_webhook",
    "delete_player_webhook",
    "list_player_webhooks",
    "list_webhooks_of_player",
    "replace_player_webhook",
]

# Each player calls every one of them.
MOST_WEBHOOKS = 100
_WORD = re.compile(r"[A-Za-z]{1,50}")
# What a page may be allowed to reach by name: no user, no brackets, nothing that ends a header.
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


@dataclass(frozen=True)
class WantedWebhook:
    """`per_minute` calls, 1 to 60, to `url`; the form has the value of the page's query parameter
    `query_name` under `field_name`. Both are letters only.
    """

    name: str
    url: str
    per_minute: int
    query_name: str
    field_name: str

    @property
    def origin(self) -> str:
        """Scheme, host and port of the address, as a page's policy names it."""
        parts = urlsplit(self.url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}"

    def check(self) -> None:
        """Raises Invalid."""
        wrong: dict[str, list[str]] = {}
        if not 1 <= len(self.name) <= 120:
            wrong["name"] = ["The name must have 1 to 120 characters."]
        if not _is_address(self.url):
            wrong["url"] = ["The address must be http:// or https:// with a host name."]
        if not 1 <= self.per_minute <= 60:
            wrong["per_minute"] = ["1 to 60 calls a minute are possible."]
        for field in ("query_name", "field_name"):
            if not _WORD.fullmatch(getattr(self, field)):
                wrong[field] = ["Only letters are possible here, at most 50."]
        if wrong:
            raise Invalid(fields=wrong)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        len(url) <= 255
        and url.isprintable()
        and " " not in url
        and parts.scheme in ("http", "https")
        and _HOST.fullmatch(parts.hostname or "") is not None
        and parts.username is None
        and port != 0
    )


@dataclass(frozen=True)
class PlayerWebhook(WantedWebhook):
    """One that is there."""

    id: int
    user_id: int
    created_at: datetime
    updated_at: datetime


def create_player_webhook(tx: Tx, actor: Actor, wanted: WantedWebhook) -> PlayerWebhook:
    """Add a webhook of the actor's. Raises Invalid; Conflict when they have 100."""
    allow(actor, "write", owner_id=actor.user_id)
    wanted.check()
    mine = select(func.count()).where(PlayerWebhookRow.user_id == actor.user_id)
    if (tx.session.scalar(mine) or 0) >= MOST_WEBHOOKS:
        raise Conflict(f"More than {MOST_WEBHOOKS} webhooks are not possible.")
    row = PlayerWebhookRow(
        user_id=actor.user_id, created_at=tx.now, updated_at=tx.now, **asdict(wanted)
    )
    tx.session.add(row)
    tx.session.flush()
    return _webhook(row)


def replace_player_webhook(
    tx: Tx, actor: Actor, webhook_id: int, wanted: WantedWebhook
) -> PlayerWebhook:
    """Change everything of a webhook of the actor's. Raises Invalid, NotFound."""
    wanted.check()
    row = _mine(tx, actor, webhook_id)
    values: Mapping[str, Any] = asdict(wanted)
    for name, value in values.items():
        setattr(row, name, value)
    row.updated_at = tx.now
    tx.session.flush()
    return _webhook(row)


def delete_player_webhook(tx: Tx, actor: Actor, webhook_id: int) -> None:
    """Remove a webhook of the actor's. Raises NotFound."""
    tx.session.delete(_mine(tx, actor, webhook_id))
    tx.session.flush()


def list_player_webhooks(tx: Tx, actor: Actor) -> Sequence[PlayerWebhook]:
    """The actor's, oldest first."""
    allow(actor, "read", owner_id=actor.user_id)
    return list_webhooks_of_player(tx, actor.user_id)


def list_webhooks_of_player(tx: Tx, owner_id: int) -> Sequence[PlayerWebhook]:
    """Whom players of a user's videos call; for the page that plays them."""
    query = select(PlayerWebhookRow).where(PlayerWebhookRow.user_id == owner_id)
    return [_webhook(row) for row in tx.session.scalars(query.order_by(PlayerWebhookRow.id))]


def _mine(tx: Tx, actor: Actor, webhook_id: int) -> PlayerWebhookRow:
    row = tx.session.get(PlayerWebhookRow, webhook_id)
    if row is None or row.user_id != actor.user_id:
        raise NotFound("There is no such webhook.")
    allow(actor, "write", owner_id=row.user_id)
    return row


def _webhook(row: PlayerWebhookRow) -> PlayerWebhook:
    return PlayerWebhook(
        id=row.id,
        user_id=row.user_id,
        name=row.name,
        url=row.url,
        per_minute=row.per_minute,
        query_name=row.query_name,
        field_name=row.field_name,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
