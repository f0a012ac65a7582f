"""Rows of imports: what came over from another server."""

from datetime import datetime

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from polyreel.infra.db import Base, UtcTime


class ImportedRow(Base):
    """One thing of another server that is here now, so that it comes once however often it is asked.

    `source` tells one server from another; `kind` is user, key, webhook, folder, file, link, poster,
    page or settings, or moving for a file that is to be taken away there. `our_id` is what it became,
    None where there is nothing to name, or left to take away.
    """

    __tablename__ = "imported"

    source: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    foreign_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    our_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
