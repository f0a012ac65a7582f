"""The local engine: finds due jobs by looking into the table, woken by notices of this machine."""

import logging
import threading
from collections.abc import Callable

from polyreel.infra.jobs.schedule import Schedule

__all__ = ["LocalEngine"]

log = logging.getLogger("polyreel.jobs")
_LONGEST_TROUBLE_S = 5.0


class LocalEngine:
    """One thread that claims what is due whenever it is woken, at its exact time, and every `poll_s`.

    `claim_due` starts what there are slots for and returns the seconds until the next waiting job is
    due, or None when none waits.
    """

    def __init__(
        self, claim_due: Callable[[], float | None], schedule: Schedule, poll_s: float
    ) -> None:
        self._claim_due = claim_due
        self._schedule = schedule
        self._poll_s = poll_s
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name="jobs-dispatch", daemon=True)

    def start(self) -> None:
        """Begin to claim."""
        self._thread.start()

    def wake(self) -> None:
        """Look again now: a job came, or a slot is free."""
        self._wake.set()

    def stop(self, timeout_s: float) -> None:
        """Claim no more."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _loop(self) -> None:
        trouble_s = 0.0
        while not self._stopping:
            # Cleared before looking, so that a notice that comes meanwhile is not lost.
            self._wake.clear()
            try:
                pause_s = self._turn()
                trouble_s = 0.0
            except Exception:
                # A locked, full or absent database must not end the worker.
                trouble_s = min(_LONGEST_TROUBLE_S, trouble_s * 2 or 0.25)
                pause_s = trouble_s
                log.warning("the job loop met trouble; it goes on", exc_info=True)
            self._wake.wait(pause_s)

    def _turn(self) -> float:
        schedule_s = self._schedule.run_due()
        due_s = self._claim_due()
        return min(self._poll_s, schedule_s, self._poll_s if due_s is None else due_s)
