"""What goes wrong again and again is told once: when it begins, and when it is over."""

import logging

from polyreel.infra.tx import DatabaseUnavailable

__all__ = ["Trouble"]

log = logging.getLogger("polyreel.jobs")


class Trouble:
    """One thing that is tried until it goes well; `what` says what does not, as in "no job can be claimed"."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._is_met = False

    def met(self, error: Exception) -> None:
        """It went wrong. With a traceback, unless the database is only out of reach."""
        if not self._is_met:
            is_away = isinstance(error, DatabaseUnavailable)
            log.warning("%s: %s", self._what, error, exc_info=None if is_away else error)
        self._is_met = True

    def over(self) -> None:
        """It went well."""
        if self._is_met:
            log.info("over: %s", self._what)
        self._is_met = False
