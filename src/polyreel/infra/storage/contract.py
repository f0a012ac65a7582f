"""What a Storage promises, whatever is behind it.

A key is one or more segments of `[a-z0-9][a-z0-9._-]*` joined by `/`, made by the server, never by
a client. Anything else is a ValueError, so no key can leave the storage or hit its temporary files.

After a crash or a power cut, for every key: either the whole file that was committed, or nothing
(or the file that was there before). The one exception is a growing file, which is readable under
its key before it is whole: whoever reads it must know from elsewhere how much of it counts. What a
crash leaves under temporary names is removed by `sweep_temporary`.

Out of space is OSError(ENOSPC) from whatever call met it; the key is then untouched. A failed sync
is a lost write: it is raised, never retried, and the file is not published.
"""

import functools
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

__all__ = ["Growing", "Staged", "Storage", "StoredFile", "check_key"]

_KEY = re.compile(r"[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*", re.ASCII)
LONGEST_KEY = 512
LONGEST_SEGMENT = 200
TEMPORARY = "tmp"


@functools.lru_cache(maxsize=4096)
def check_key(key: str) -> str:
    """`key` itself. Raises ValueError when it is not one, or lies among the temporary files."""
    segments = key.split("/")
    if (
        not _KEY.fullmatch(key)
        or len(key) > LONGEST_KEY
        or max(map(len, segments)) > LONGEST_SEGMENT
        or segments[0] == TEMPORARY
    ):
        raise ValueError(f"not a storage key: {key!r}")
    return key


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of a listing."""

    key: str
    size: int
    """Bytes."""
    modified: datetime


class Staged(Protocol):
    """A file being made out of sight; used as a context manager, left without commit it is gone."""

    @property
    def path(self) -> Path:
        """A local file to write to; exists, empty. A program may replace it by rename."""

    @property
    def fd(self) -> int:
        """A descriptor of `path` for writing, opened at first use, closed by commit and discard."""

    def commit(self) -> int:
        """Make it durable, then visible under its key in one step, replacing what was there.

        Returns its size in bytes. When this returns, file and name survive a power cut. Raises
        OSError: then the temporary file is gone and the key is as before, or (the sync of the
        folder failed) names the new file without being durable.
        """

    def discard(self) -> None:
        """Remove it; nothing happens when it was committed or discarded before."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class Growing(Protocol):
    """A file that is readable under its key while it is written; used as a context manager.

    Left without `finish` it stays as it is, unfinished: its owner deletes or replaces it.
    """

    @property
    def path(self) -> Path:
        """The local file."""

    @property
    def fd(self) -> int:
        """A descriptor for writing."""

    def sync(self) -> None:
        """Make what was written so far durable."""

    def finish(self) -> int:
        """Make all of it durable and close it; its size in bytes."""

    def close(self) -> None:
        """Close it as it is; nothing happens when it is closed."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class Storage(Protocol):
    """Files under keys. Every verb raises ValueError for what is not a key, OSError from below."""

    def create(self, key: str) -> Staged:
        """Begin a file that appears under `key`, whole, when it is committed."""

    def open_growing(self, key: str) -> Growing:
        """Begin a file that is readable under `key` from now on.

        Its name is durable when this returns. Raises FileExistsError when the key is taken.
        """

    def reopen(self, key: str) -> Growing:
        """Go on with a growing file, at its beginning. Raises FileNotFoundError."""

    def adopt(self, local: Path, key: str) -> int:
        """Move a finished local file in, replacing what was there; its size in bytes.

        Durable when this returns; `local` is gone then. On an error `local` is still there, unless
        only the last sync failed.
        """

    def open_read(self, key: str) -> int:
        """A file descriptor for reading, the caller's to close. Raises FileNotFoundError."""

    def materialise(self, key: str) -> AbstractContextManager[Path]:
        """A local path with the content of `key` for a child program, valid inside the block.

        Read only. Raises FileNotFoundError.
        """

    def delete(self, key: str) -> bool:
        """Remove it; False when it was not there. Not synced: a crash may bring it back."""

    def exists(self, key: str) -> bool:
        """True when there is a file under `key`, growing ones too."""

    def size(self, key: str) -> int:
        """Bytes. Raises FileNotFoundError."""

    def list(self, prefix: str = "") -> Iterator[StoredFile]:
        """Every file at or below the segments of `prefix`, in no order; temporary ones never.

        `a/b` lists `a/b` and `a/b/c`, not `a/bc`. A file that comes or goes meanwhile may be missed.
        """

    def scratch(self) -> AbstractContextManager[Path]:
        """An empty folder of this machine for child programs; it goes, with all in it, at the end of
        the block, or in a later sweep.
        """

    def sweep_temporary(self, min_age_s: float) -> int:
        """Remove temporary files that nobody has written to for `min_age_s` seconds; how many."""

    def free_bytes(self) -> int | None:
        """What can still be stored; None where nobody can say."""
