"""What can be asked for: a kind of job, where it runs, and how often it is tried."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from polyreel.infra.jobs.job import Job
from polyreel.infra.tx import Tx

__all__ = ["JobKind"]

_LONGEST_BACKOFF_S = 900.0


@dataclass(frozen=True, slots=True)
class JobKind:
    """One kind of job.

    `run` returning means done. To stop early it raises (`job.check()` does). What it raises decides:
    Busy, Unavailable and unknown exceptions are tried again with growing pauses until
    `max_attempts`; other AppErrors fail at once with their message; after a cancel, anything ends
    it as cancelled. It may run twice, so its effects belong into `with job.write()`.
    """

    name: str
    lane: str
    run: Callable[[Job], None]
    max_attempts: int = 5
    priority: int = 0
    """Default priority; higher goes first."""
    limit: int | None = None
    """At most this many at once in one worker process; None: as many as its lane has slots."""
    backoff_s: float = 2.0
    """Pause before the second try; doubles with each further one, up to 15 minutes."""
    about: str | None = None
    """The arg, an id, by which its jobs are found together and kept longer: `media_id`."""
    on_failed: Callable[[Tx, Mapping[str, Any], str], None] | None = None
    """Called with the args and the last words, in the transaction that ends a job as failed."""
    on_cancelled: Callable[[Tx, Mapping[str, Any]], None] | None = None
    """Called with the args, in the transaction that ends a job as cancelled."""

    def pause_s(self, tries: int) -> float:
        """Seconds to wait after `tries` tries, with jitter so that a crowd does not return at once."""
        if tries <= 0:
            return 0.0
        longest = min(self.backoff_s * 2.0 ** min(tries - 1, 30), _LONGEST_BACKOFF_S)
        return longest * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
