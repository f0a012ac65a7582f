"""Rows of pages."""

from datetime import datetime

from sqlalchemy import BigInteger, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from polyreel.infra.db import Base, UtcTime

ID = BigInteger().with_variant(Integer(), "sqlite")


class PageRow(Base):
    """One page; `html` is kept as it was written and made safe whenever it is shown."""

    __tablename__ = "pages"

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    path: Mapped[str] = mapped_column(String(64), unique=True)
    title: Mapped[str] = mapped_column(String(128))
    html: Mapped[str] = mapped_column(Text)
    in_footer: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)

    __table_args__ = ({"sqlite_autoincrement": True},)
