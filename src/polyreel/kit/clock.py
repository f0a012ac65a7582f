"""The one place that asks for the time."""

import time
from datetime import UTC, datetime

__all__ = ["epoch_s", "from_us", "iso", "now", "to_us"]


def now() -> datetime:
    """The present moment, aware, UTC."""
    return datetime.now(UTC)


def epoch_s() -> int:
    """The present moment in whole seconds since the epoch; cheap."""
    return int(time.time())


def to_us(moment: datetime) -> int:
    """Integer microseconds since the epoch of an aware moment."""
    whole = moment.astimezone(UTC)
    return int(whole.timestamp()) * 1_000_000 + whole.microsecond


def from_us(value: int) -> datetime:
    """The aware UTC moment of integer microseconds since the epoch."""
    return datetime.fromtimestamp(value // 1_000_000, UTC).replace(microsecond=value % 1_000_000)


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC, to the second, with a `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
