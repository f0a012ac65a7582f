"""When a delivery is tried again, and when an endpoint is left in peace. Pure."""

import random
from datetime import datetime, timedelta

__all__ = ["MOST_TRIES", "is_given_up", "pause_s", "rest_s"]

# About a day in all: a receiver may be down for a night. Seconds after the first failure, the second...
_PAUSES_S = (5, 60, 300, 1800, 7200, 18_000, 28_800, 36_000)
MOST_TRIES = len(_PAUSES_S) + 1
"""So often one delivery is tried before it has failed."""

_PATIENCE = 5
_SHORTEST_REST_S, _LONGEST_REST_S = 15.0, 900.0
_LONGEST_WISH_S = 6 * 3600.0


def pause_s(tries: int, wished_s: float = 0.0) -> float | None:
    """Seconds until the next try after `tries` of them, at least as the receiver wished (six hours at
    most); None: there is none. With some jitter, so that a crowd does not return at once.
    """
    if tries >= MOST_TRIES:
        return None
    usual = _PAUSES_S[tries - 1] * random.uniform(0.9, 1.1)  # noqa: S311 - no secret
    return max(usual, min(wished_s, _LONGEST_WISH_S))


def rest_s(failures: int) -> float:
    """Seconds for which an endpoint is asked nothing at all after so many failures in a row; 0: goes on.

    One that does not answer would take the time of those that do, once for every event.
    """
    if failures < _PATIENCE:
        return 0.0
    doubled = _SHORTEST_REST_S * 2.0 ** min(failures - _PATIENCE, 20)
    return float(min(doubled, _LONGEST_REST_S))


def is_given_up(failing_since: datetime, now: datetime, *, after_days: int) -> bool:
    """Whether nothing has arrived for so long that the endpoint is switched off."""
    return now - failing_since >= timedelta(days=after_days)
