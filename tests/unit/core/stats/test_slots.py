"""Buckets lie where the contract puts them; sums are read as coarse as they may be."""

import pytest

from polyreel.core.stats.slots import KEPT_S, Span, coarsest, span_of

DAY = 86_400
NOW = 1_800_000_000


def test_buckets_begin_at_multiples_of_their_length_and_reach_to_the_end():
    span = span_of(1000, 2000, 10)
    assert span == Span(start_s=1000, step_s=100, count=11)
    assert span.end_s > 2000


def test_steps_are_rounded_up_to_whole_seconds():
    assert span_of(0, 100, 30) == Span(0, 4, 26)
    assert span_of(0, 10, 1000) == Span(0, 1, 11)


@pytest.mark.parametrize(("start", "end"), [(5, 5), (6, 5)])
def test_no_time_is_no_curve(start, end):
    assert span_of(start, end, 10) is None


def test_nobody_gets_more_points_than_can_be_drawn():
    span = span_of(0, 10 * 365 * DAY, 10**9)
    assert span is not None
    assert span.count <= 10_001


@pytest.mark.parametrize(
    ("step_s", "age_s", "slot_s"),
    [
        (1, 0, 300),
        (900, DAY, 300),
        (3600, DAY, 3600),
        (7200, 30 * DAY, 3600),
        (DAY, 30 * DAY, DAY),
        (900, KEPT_S[300] + 1, 3600),
        (900, KEPT_S[3600] + 1, DAY),
    ],
)
def test_the_coarsest_slot_that_fits_and_is_still_kept(step_s, age_s, slot_s):
    assert coarsest(step_s, NOW - age_s, NOW) == slot_s
