"""Rows of statistics: sums by slot of time. No foreign keys: what happened stays counted when the video,
or the user, is gone.
"""

from sqlalchemy import BigInteger, Float, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from polyreel.infra.db import Base

ID = BigInteger().with_variant(Integer(), "sqlite")


class UserSumRow(Base):
    """What one user (0: everybody together) did in one slot: `slot_s` seconds from `at`, which counts
    seconds from the epoch. `amount` is bytes, or milliseconds for encoding.
    """

    __tablename__ = "statistics_of_users"

    metric: Mapped[str] = mapped_column(String(16), primary_key=True)
    slot_s: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(ID, primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    amount: Mapped[int] = mapped_column(BigInteger)
    events: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index(None, "metric", "slot_s", "at"),)


class MediaSumRow(Base):
    """The same for one media (0: none) of one user; `label` is a rendition's name, the host that was
    fetched from, or empty.
    """

    __tablename__ = "statistics_of_media"

    metric: Mapped[str] = mapped_column(String(16), primary_key=True)
    slot_s: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    media_id: Mapped[int] = mapped_column(ID, primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(ID, primary_key=True, autoincrement=False)
    label: Mapped[str] = mapped_column(String(120), primary_key=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    events: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        Index(None, "metric", "slot_s", "at"),
        Index(None, "metric", "slot_s", "user_id", "at"),
    )


class MachineRow(Base):
    """Readings of one gauge in one slot: their total and number, so that averages stay true."""

    __tablename__ = "statistics_of_machines"

    gauge: Mapped[str] = mapped_column(String(24), primary_key=True)
    slot_s: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    total: Mapped[float] = mapped_column(Float)
    readings: Mapped[int] = mapped_column(BigInteger)
