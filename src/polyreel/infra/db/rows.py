"""What every table is made of."""

from datetime import datetime

from sqlalchemy import BigInteger, Dialect, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from polyreel.kit import clock

__all__ = ["Base", "LastWords", "UtcTime", "sorted_text"]


class Base(DeclarativeBase):
    """Base of every table; constraints get the same names on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def sorted_text(length: int) -> String:
    """Text that is sorted, or looked for by how it begins: by code points on both databases, whatever
    the rules of its language that a PostgreSQL was set up with.
    """
    return String(length).with_variant(String(length, collation="C"), "postgresql")


class LastWords(TypeDecorator[str]):
    """What a program or a traceback said, kept to be shown: NUL and half a surrogate pair, which no
    database keeps, are question marks. Nothing can fail because of how its failure was worded.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """The text as it can be kept."""
        if value is None:
            return None
        return value.encode(errors="replace").decode().replace("\0", "?")


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC moment, kept as integer microseconds since the epoch: same order, same value
    on both databases.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Aware moment to microseconds."""
        return None if value is None else clock.to_us(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Microseconds to aware moment."""
        return None if value is None else clock.from_us(value)
