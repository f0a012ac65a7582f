"""Slots of time: how fine sums are kept, for how long, and which are read for a curve. Pure."""

import math
from dataclasses import dataclass

__all__ = ["KEPT_S", "SLOTS_S", "Span", "coarsest", "slot_start", "span_of"]

_DAY_S = 86_400
# Length of a slot -> how long sums of that length are kept; days for ever.
KEPT_S = {300: 3 * _DAY_S, 3600: 400 * _DAY_S}
SLOTS_S = (300, 3600, _DAY_S)
MOST_POINTS = 10_000


@dataclass(frozen=True)
class Span:
    """Buckets of `step_s` seconds, the first beginning at `start_s`, `count` of them; seconds from the
    epoch. The last holds the moment that was asked for as the end.
    """

    start_s: int
    step_s: int
    count: int

    @property
    def end_s(self) -> int:
        """The first second after the last bucket."""
        return self.start_s + self.step_s * self.count


def span_of(start_s: float, end_s: float, points: int) -> Span | None:
    """Buckets for `points` points between two moments, aligned to multiples of their length; None when
    the end is not after the start.
    """
    if end_s <= start_s:
        return None
    step_s = max(1, math.ceil((end_s - start_s) / min(max(1, points), MOST_POINTS)))
    first, last = int(start_s // step_s), int(end_s // step_s)
    return Span(first * step_s, step_s, last - first + 1)


def coarsest(step_s: int, start_s: int, now_s: int) -> int:
    """The longest slot that is no longer than a bucket, or, where that is not kept any more, the
    shortest that is: so that what is read is in proportion to what is shown.
    """
    fitting = [slot_s for slot_s in SLOTS_S if slot_s <= step_s] or [SLOTS_S[0]]
    chosen = fitting[-1]
    while chosen in KEPT_S and start_s < now_s - KEPT_S[chosen]:
        chosen = SLOTS_S[SLOTS_S.index(chosen) + 1]
    return chosen


def slot_start(moment_s: int, slot_s: int) -> int:
    """When the slot began that a moment lies in."""
    return moment_s - moment_s % slot_s
