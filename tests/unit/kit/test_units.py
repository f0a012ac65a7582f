import pytest

from polyreel.kit.units import format_bytes, format_duration


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_610_612_736, "1.5 GiB"),
     (2**70, "1048576.0 PiB")],
)  # fmt: skip
def test_sizes_have_one_decimal_above_bytes(size, text):
    assert format_bytes(size) == text


@pytest.mark.parametrize(
    ("duration_ms", "text"),
    [(0, "0:00"), (499, "0:00"), (59_600, "1:00"), (245_000, "4:05"), (3_723_000, "1:02:03")],
)
def test_durations_are_shown_as_players_show_them(duration_ms, text):
    assert format_duration(duration_ms) == text
