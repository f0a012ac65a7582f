"""Errors of ingest, by name."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from polyreel.kit.errors import Gone, Unavailable

__all__ = ["StorageFull", "UploadLost", "full_disk_is_said"]


class StorageFull(Unavailable):
    """The disk has no room for this."""

    def __init__(self) -> None:
        super().__init__("Storage space")


class UploadLost(Gone):
    """Its row is gone: swept because nothing arrived for too long, or its owner was deleted."""

    default = "The upload took too long and was given up."


@contextmanager
def full_disk_is_said() -> Iterator[None]:
    """Turn the system's words for a full disk into StorageFull."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageFull from error
        raise
