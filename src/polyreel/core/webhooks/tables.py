"""Rows of webhooks."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from polyreel.infra.db import Base, LastWords, UtcTime

ID = BigInteger().with_variant(Integer(), "sqlite")


class PlayerWebhookRow(Base):
    """An address that players of one user's videos call so many times a minute."""

    __tablename__ = "player_webhooks"

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    user_id: Mapped[int] = mapped_column(ID, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    url: Mapped[str] = mapped_column(String(255))
    per_minute: Mapped[int] = mapped_column(Integer)
    query_name: Mapped[str] = mapped_column(String(50))
    field_name: Mapped[str] = mapped_column(String(50))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)


class EventRow(Base):
    """Something that happened. `sequence` has no gaps and is in the order of the commits; `uid` is never
    given twice, on no server. `owner_id` is no foreign key: what happened stays when a person goes.
    """

    __tablename__ = "events"

    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    uid: Mapped[str] = mapped_column(String(40), unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    owner_id: Mapped[int] = mapped_column(BigInteger)
    owner_name: Mapped[str] = mapped_column(String(32))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcTime)

    __table_args__ = (Index(None, "owner_id", "sequence"), Index(None, "created_at"))


class EndpointRow(Base):
    """An address that events are sent to. `kinds` empty: all kinds. Events up to `cursor` have become
    deliveries, where they fit. Its secrets are not kept: they follow from the salts.
    """

    __tablename__ = "webhook_endpoints"

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    user_id: Mapped[int] = mapped_column(ID, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    url: Mapped[str] = mapped_column(String(1024))
    description: Mapped[str] = mapped_column(String(255))
    kinds: Mapped[list[str]] = mapped_column(JSON)
    is_for_all: Mapped[bool]
    is_enabled: Mapped[bool]
    disabled_reason: Mapped[str | None] = mapped_column(LastWords)
    salt: Mapped[str] = mapped_column(String(64))
    old_salt: Mapped[str | None] = mapped_column(String(64))
    old_until: Mapped[datetime | None] = mapped_column(UtcTime)
    cursor: Mapped[int] = mapped_column(BigInteger)
    # Since its last success.
    failures: Mapped[int] = mapped_column(Integer, default=0)
    failing_since: Mapped[datetime | None] = mapped_column(UtcTime)
    rests_until: Mapped[datetime | None] = mapped_column(UtcTime)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcTime)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)

    __table_args__ = ({"sqlite_autoincrement": True},)


class DeliveryRow(Base):
    """One event for one endpoint: `state` waiting, delivered or failed. `attempts` counts all there
    were, `tries` those since it was last ordered; status, time and answer are of the last one.
    """

    __tablename__ = "webhook_deliveries"

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    endpoint_id: Mapped[int] = mapped_column(
        ID, ForeignKey("webhook_endpoints.id", ondelete="CASCADE")
    )
    sequence: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("events.sequence", ondelete="CASCADE"), index=True
    )
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(UtcTime)
    tried_at: Mapped[datetime | None] = mapped_column(UtcTime)
    status: Mapped[int | None] = mapped_column(Integer)
    took_ms: Mapped[int | None] = mapped_column(Integer)
    answer: Mapped[str | None] = mapped_column(LastWords)
    error: Mapped[str | None] = mapped_column(LastWords)
    created_at: Mapped[datetime] = mapped_column(UtcTime)

    __table_args__ = (
        UniqueConstraint("endpoint_id", "sequence"),
        Index(None, "endpoint_id", "state", "next_try_at"),
        Index(None, "endpoint_id", "id"),
        {"sqlite_autoincrement": True},
    )
