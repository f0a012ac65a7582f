"""What the operating system does for large files where it can: room ahead, early write-back, clones.

All of it is for speed alone: where a filesystem refuses, nothing is lost.
"""

import contextlib
import ctypes
import errno
import fcntl
import functools
import os
from collections.abc import Callable

__all__ = ["begin_write_back", "copy_range", "preallocate"]

# From linux/falloc.h, linux/fs.h.
_KEEP_SIZE = 1
_FICLONE = 0x40049409
_COPY_BYTES = 64 * 1024 * 1024
_CANNOT = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.ENOTTY)


def preallocate(fd: int, size_bytes: int) -> int:
    """Hold room on the disk for that much, without changing the file's length; 0 where refused.

    By fallocate(2) itself: the C library's posix_fallocate writes to every block where the
    filesystem cannot do it.
    """
    fallocate = _fallocate()
    if fallocate is None or fallocate(fd, _KEEP_SIZE, 0, size_bytes) != 0:
        return 0
    return size_bytes


def begin_write_back(fd: int, offset: int, length: int) -> None:
    """Start writing these dirty pages to the disk; does not wait."""
    with contextlib.suppress(OSError):
        os.posix_fadvise(fd, offset, length, os.POSIX_FADV_DONTNEED)


def copy_range(source_fd: int, target_fd: int, report: Callable[[int], None]) -> bool:
    """Copy a whole file within the kernel, as a clone where the filesystem has them.

    `report` gets the bytes copied so far. False when it cannot be done that way: then nothing is
    written, and both descriptors stand at 0.
    """
    with contextlib.suppress(OSError):
        fcntl.ioctl(target_fd, _FICLONE, source_fd)
        return True
    done = 0
    try:
        while copied := os.copy_file_range(source_fd, target_fd, _COPY_BYTES):
            done += copied
            report(done)
    except OSError as error:
        if done or error.errno not in _CANNOT:
            raise
        return False
    # Some special filesystems answer 0 for files that are not empty.
    return done > 0


@functools.cache
def _fallocate() -> Callable[[int, int, int, int], int] | None:
    function = getattr(ctypes.CDLL(None, use_errno=True), "fallocate64", None)
    if function is None:
        return None
    function.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_longlong, ctypes.c_longlong]
    function.restype = ctypes.c_int
    result: Callable[[int, int, int, int], int] = function
    return result
