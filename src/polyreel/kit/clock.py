"""The one place that asks for the time."""

import time
from datetime import UTC, datetime, timedelta

__all__ = ["epoch", "epoch_s", "from_us", "iso", "now", "to_us"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> datetime:
    """The present moment, aware, UTC."""
    return datetime.now(UTC)


def epoch() -> float:
    """The present moment in seconds since the epoch; cheap."""
    return time.time()


def epoch_s() -> int:
    """The same in whole seconds."""
    return int(time.time())


def to_us(moment: datetime) -> int:
    """Integer microseconds since the epoch of an aware moment."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_us(value: int) -> datetime:
    """The aware UTC moment of integer microseconds since the epoch."""
    return _EPOCH + timedelta(microseconds=value)


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC, to the second, with a `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
