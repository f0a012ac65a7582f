"""Send a stretch of a file from the page cache, in the event loop.

A server that can is only told where the bytes lie. To another, chunks are large while few answers
are under way, and small when there are many, which bounds the memory of slow readers.
`RWF_NOWAIT` tells what is in memory; a cold stretch is read by a thread, so that one slow disk never
stops everybody. Filesystems that refuse the flag (tmpfs) are in memory anyway.
"""

import asyncio
import errno
import os
from collections.abc import Callable
from typing import NamedTuple

from polyreel.http.middleware import Message, Send

__all__ = [
    "LONGEST_BYTES",
    "ZERO_COPY",
    "ShorterFile",
    "Stretch",
    "is_in_memory",
    "send_file_range",
]

ZERO_COPY = "http.response.zerocopysend"
"""Message and extension of ASGI: `count` bytes of the file with the number `file`, from `offset`."""

# So many answers under way at most, and the largest chunk of each: 64 MiB in flight at the worst.
CHUNKS = ((16, 4 * 1024 * 1024), (64, 1024 * 1024))
SMALL_CHUNK = 128 * 1024
# What is asked for once, whether it is in memory, before all of it is sent.
LONGEST_BYTES = CHUNKS[0][1]
_STRIDE = 512 * 1024

_NOWAIT = getattr(os, "RWF_NOWAIT", 0)
# One byte every stride is enough to ask: what is asked for in turn is read ahead, and given back, in longer runs.
_asked = bytearray(1)
_under_way = 0


class ShorterFile(OSError):
    """A file ends before what its index says."""

    def __init__(self) -> None:
        super().__init__(errno.EIO, "the file is shorter than its index says")


class Stretch(NamedTuple):
    """An answer whose body is one stretch of a file, all of it in memory: it needs nobody's patience.

    `headers` are lines as they are sent. Whoever sends it calls `ended` once, with the bytes of the body
    that went out, and uses `file` no more.
    """

    status: int
    headers: bytes
    file: int
    offset: int
    length: int
    ended: Callable[[int], None]


async def send_file_range(
    send: Send, fd: int, start: int, length: int, *, zero_copy: bool = False
) -> int:
    """Send the body of an answer from `fd`; answers how many bytes went out. `zero_copy`: the server
    takes ZERO_COPY messages, as the extensions of the scope tell.

    Raises ShorterFile when the file is shorter than promised: the connection is then cut, which is the
    only honest end of an answer whose length was announced.
    """
    global _under_way
    sent = 0
    _under_way += 1
    try:
        while sent < length:
            at = start + sent
            if zero_copy:
                count = min(LONGEST_BYTES, length - sent)
                if not is_in_memory(fd, at, count):
                    await _read(fd, at, count)
                message: Message = {"type": ZERO_COPY, "file": fd, "offset": at, "count": count}
            else:
                want = min(_chunk(_under_way), length - sent)
                is_warm = is_in_memory(fd, at, want)
                data = os.pread(fd, want, at) if is_warm else await _read(fd, at, want)
                count = len(data)
                message = {"type": "http.response.body", "body": data}
            if not count:
                raise ShorterFile
            sent += count
            await send({**message, "more_body": sent < length})
    finally:
        _under_way -= 1
    return sent


async def _read(fd: int, offset: int, count: int) -> bytes:
    """What is on the disk, in memory afterwards."""
    return await asyncio.to_thread(os.pread, fd, count, offset)


def _chunk(under_way: int) -> int:
    return next((size for most, size in CHUNKS if under_way <= most), SMALL_CHUNK)


def is_in_memory(fd: int, offset: int, want: int) -> bool:
    """True when reading this will not wait for a disk, as far as one can tell. Raises OSError."""
    if not _NOWAIT:
        return True
    try:
        for place in (*range(offset, offset + want, _STRIDE), offset + want - 1):
            os.preadv(fd, [_asked], place, _NOWAIT)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
            raise
    return True
