"""Rows of statistics."""

from sqlalchemy import BigInteger, Integer
from sqlalchemy.orm import Mapped, mapped_column

from polyreel.infra.db import Base

ID = BigInteger().with_variant(Integer(), "sqlite")


class TrafficRow(Base):
    """Media bytes sent in one hour for one video; `hour` counts from the epoch. No foreign keys: what
    was sent stays counted when the video is gone.
    """

    __tablename__ = "traffic"

    hour: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    owner_id: Mapped[int] = mapped_column(ID, primary_key=True, autoincrement=False)
    video_id: Mapped[int] = mapped_column(ID, primary_key=True, autoincrement=False)
    sent_bytes: Mapped[int] = mapped_column(BigInteger)
    requests: Mapped[int] = mapped_column(BigInteger)
