"""Who uses a data folder: each process of ours holds a shared lock on one file in it while it lives.

The kernel lets go of the lock of whoever is killed, so it never tells of the dead.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Presence"]


class Presence:
    """The mark of one process; waits while another one holds the folder alone."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_SH)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """True when no other process has the folder open; until the block ends none can open it.

        When False, others may come and go.
        """
        is_alone = False
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_alone = True
        try:
            yield is_alone
        finally:
            # Also where the exclusive lock was refused: asking for it gave up the shared one.
            fcntl.flock(self._fd, fcntl.LOCK_SH)

    def close(self) -> None:
        """Take the mark away."""
        os.close(self._fd)
