"""Whose large work is under way: a second one of the same person is refused meanwhile."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from polyreel.kit.errors import Busy

__all__ = ["Turns"]


class Turns:
    """Uploads in one request and deletions of folders, one at a time for each person, in this
    process; what counts for safety is in the core. Source: the contract, 1.9.
    """

    def __init__(self) -> None:
        self._busy: set[int] = set()
        self._lock = threading.Lock()

    @contextmanager
    def taken(self, user_id: int) -> Iterator[None]:
        """Hold this person's turn. Raises Busy."""
        with self._lock:
            if user_id in self._busy:
                raise Busy("Another upload or deletion of yours is still running.", 5)
            self._busy.add(user_id)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(user_id)
