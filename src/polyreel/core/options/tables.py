"""Rows of the options: one per option that was ever changed."""

from datetime import datetime

from sqlalchemy import BigInteger, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from polyreel.infra.db import Base, UtcTime


class OptionRow(Base):
    """The value of one option as JSON; `version` counts its changes, `updated_by` is a user's id."""

    __tablename__ = "options"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_by: Mapped[int | None] = mapped_column(BigInteger)
