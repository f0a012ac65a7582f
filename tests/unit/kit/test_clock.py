from datetime import UTC, datetime, timedelta, timezone

from polyreel.kit import clock


def test_a_moment_survives_microseconds_and_zones():
    moment = datetime(2026, 11, 21, 1, 2, 3, 456_789, timezone(timedelta(hours=2)))
    assert clock.from_us(clock.to_us(moment)) == moment
    assert clock.from_us(clock.to_us(moment)).tzinfo == UTC


def test_moments_before_the_epoch_keep_their_order():
    early = datetime(1969, 12, 31, 23, 59, 59, 1, UTC)
    assert clock.from_us(clock.to_us(early)) == early


def test_times_are_shown_to_the_second_with_a_z():
    moment = datetime(2026, 11, 21, 3, 2, 1, 999_999, timezone(timedelta(hours=2)))
    assert clock.iso(moment) == "2026-11-21T01:02:01Z"
