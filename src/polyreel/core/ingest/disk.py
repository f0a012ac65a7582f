"""What the operating system does for large files: room ahead, early write-back, clones, locks.

Room, write-back and clones are for speed alone: where a filesystem refuses, nothing is lost.
"""

import contextlib
import ctypes
import errno
import fcntl
import functools
import os
import struct
from collections.abc import Callable, Sequence

__all__ = [
    "append_file",
    "begin_write_back",
    "clone_range",
    "copy_range",
    "preallocate",
    "try_lock",
    "write_all",
]

# From linux/falloc.h, linux/fs.h.
_KEEP_SIZE = 1
_FICLONE = 0x40049409
_FICLONERANGE = 0x4020940D
_COPY_BYTES = 64 * 1024 * 1024
_MOST_BUFFERS = 1000  # below IOV_MAX
_CANNOT = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.ENOTTY)


def preallocate(fd: int, size_bytes: int, offset: int = 0) -> int:
    """Hold room on the disk for that much, without changing the file's length; 0 where refused.

    By fallocate(2) itself: the C library's posix_fallocate writes to every block where the
    filesystem cannot do it.
    """
    fallocate = _fallocate()
    if fallocate is None or fallocate(fd, _KEEP_SIZE, offset, size_bytes) != 0:
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


def append_file(source_fd: int, target_fd: int, size_bytes: int) -> None:
    """Copy the first `size_bytes` of a file to where `target_fd` stands, within the kernel: shared
    blocks where the filesystem has them. Raises OSError; EOFError when the source is shorter.
    """
    done, copy, start = 0, _copy_file_range, os.lseek(target_fd, 0, os.SEEK_CUR)
    while done < size_bytes:
        length = min(_COPY_BYTES, size_bytes - done)
        try:
            copied = copy(source_fd, target_fd, done, length)
        except OSError as error:
            if copy is _sendfile or error.errno not in _CANNOT:
                raise
            copied = 0
        if not copied and copy is _sendfile:
            raise EOFError("the file is shorter than it was")
        if not copied:
            # Refused between these two, or answered 0 as some special filesystems do.
            copy = _sendfile
        # The sync at the end has little left to do then.
        begin_write_back(target_fd, start + done, copied)
        done += copied


def _copy_file_range(source_fd: int, target_fd: int, offset: int, length: int) -> int:
    return os.copy_file_range(source_fd, target_fd, length, offset_src=offset)


def _sendfile(source_fd: int, target_fd: int, offset: int, length: int) -> int:
    return os.sendfile(target_fd, source_fd, offset, length)


def clone_range(
    source_fd: int, offset: int, size_bytes: int, target_fd: int, target_offset: int
) -> bool:
    """Let the target share these blocks of the source, where the filesystem can; False where not."""
    # struct file_clone_range of linux/fs.h.
    wanted = struct.pack("qQQQ", source_fd, offset, size_bytes, target_offset)
    try:
        fcntl.ioctl(target_fd, _FICLONERANGE, wanted)
    except OSError:
        return False
    return True


def write_all(fd: int, chunks: Sequence[bytes | memoryview]) -> None:
    """Write all of these where `fd` stands."""
    waiting = [memoryview(chunk) for chunk in chunks if chunk]
    while waiting:
        written = os.writev(fd, waiting[:_MOST_BUFFERS])
        done = 0
        while done < len(waiting) and written >= len(waiting[done]):
            written -= len(waiting[done])
            done += 1
        del waiting[:done]
        if waiting and written:
            waiting[0] = waiting[0][written:]


def try_lock(fd: int, offset: int = 0, size_bytes: int = 0) -> bool:
    """Whether this stretch of the open file, to its end and beyond where `size_bytes` is 0, is now ours
    alone, among all processes of all machines that share it; until it is closed, or its process ends.
    """
    # struct flock of linux/fcntl.h; the lock is one of the open file, not of the process.
    wanted = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, offset, size_bytes, 0)
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, wanted)
    except (BlockingIOError, PermissionError):
        return False
    return True


@functools.cache
def _fallocate() -> Callable[[int, int, int, int], int] | None:
    function = getattr(ctypes.CDLL(None, use_errno=True), "fallocate64", None)
    if function is None:
        return None
    function.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_longlong, ctypes.c_longlong]
    function.restype = ctypes.c_int
    result: Callable[[int, int, int, int], int] = function
    return result
