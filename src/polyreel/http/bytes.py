"""Send a stretch of a file: 128 KiB at a time from the page cache, in the event loop.

`RWF_NOWAIT` reads only what is in memory; a cold page goes to a thread, so that one slow disk never
stops everybody. Filesystems that refuse the flag (tmpfs) are in memory anyway.
"""

import asyncio
import errno
import os

from polyreel.http.middleware import Send

__all__ = ["send_file_range"]

CHUNK = 128 * 1024

_NOWAIT = getattr(os, "RWF_NOWAIT", 0)
# One for the event loop, which has all of it copied before it does anything else. A fresh buffer for
# each chunk is zeroed and paged in first: measured, that halves the bytes per second.
_buffer = memoryview(bytearray(CHUNK))
# Devices whose filesystem refuses the flag, found out by asking once.
_without_nowait: set[int] = set()


async def send_file_range(send: Send, fd: int, start: int, length: int) -> int:
    """Send the body of an answer from `fd`; answers how many bytes went out.

    Raises OSError when the file is shorter than promised: the connection is then cut, which is the
    only honest end of an answer whose length was announced.
    """
    device = os.fstat(fd).st_dev
    sent = 0
    while sent < length:
        want = min(CHUNK, length - sent)
        data = _read_now(fd, start + sent, want, device)
        if data is None:
            data = await asyncio.to_thread(os.pread, fd, want, start + sent)
        if not data:
            raise OSError(errno.EIO, "the file is shorter than its index says")
        sent += len(data)
        await send({"type": "http.response.body", "body": data, "more_body": sent < length})
    return sent


def _read_now(fd: int, offset: int, want: int, device: int) -> bytes | None:
    """What can be read without waiting; None when nothing can."""
    if not _NOWAIT or device in _without_nowait:
        return os.pread(fd, want, offset)
    try:
        count = os.preadv(fd, [_buffer[:want]], offset, _NOWAIT)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
            raise
        _without_nowait.add(device)
        return os.pread(fd, want, offset)
    return bytes(_buffer[:count])
