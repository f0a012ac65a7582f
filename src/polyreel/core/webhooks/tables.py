"""Rows of webhooks."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from polyreel.infra.db import Base, UtcTime

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
