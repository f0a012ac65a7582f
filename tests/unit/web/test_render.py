"""Times and sizes are written as the scripts write them."""

from datetime import UTC, datetime, timedelta

import pytest

from polyreel.kit import clock as kit_clock
from polyreel.web.render import age, clock, size

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("duration_ms", "text"),
    [(0, "0:00"), (499, "0:00"), (59_600, "1:00"), (65_000, "1:05"), (3_725_000, "1:02:05")],
)
def test_durations(duration_ms, text):
    assert clock(duration_ms) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (1_234_000_000, "1.2 GB"), (150e6, "150 MB")],
)
def test_sizes(size_bytes, text):
    assert size(size_bytes) == text


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=44), "just now"),
        (timedelta(seconds=50), "1 minute ago"),
        (timedelta(minutes=59, seconds=59), "59 minutes ago"),
        (timedelta(hours=3), "3 hours ago"),
        (timedelta(days=8), "1 week ago"),
        (timedelta(days=800), "2 years ago"),
    ],
)
def test_ages(ago, text, monkeypatch):
    monkeypatch.setattr(kit_clock, "now", lambda: NOW)
    assert age(kit_clock.iso(NOW - ago)) == text
