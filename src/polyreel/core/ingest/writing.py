"""Bytes on their way to the disk: whole blocks past the page cache, where the filesystem allows it.

What is uploaded is synced before it is acknowledged. Through the page cache it would be copied once
more, push out what is being watched, and wait there for its sync.
"""

import errno
import fcntl
import mmap
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from polyreel.core.ingest.disk import begin_write_back, write_all

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["BlockFile", "copy_stretch"]

# A multiple of what any disk wants; memory, offset and length must all be multiples of it.
_BLOCK = 4096
_BUFFER_BYTES = 4 * 1024 * 1024
_WRITE_BACK_BYTES = 32 * 1024 * 1024

Bytes = bytes | memoryview

_buffers = threading.local()
_hashers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="hash")


class BlockFile:
    """Writes a file from `offset` on, through `fd`, whose own position it leaves alone. Used by one
    thread at a time; after `flush` everything is with the system, and a sync makes it durable.
    """

    def __init__(self, fd: int, offset: int = 0) -> None:
        self._fd = fd
        self._is_direct = _set_direct(fd, on=True)
        # All before `_at` is written; `_tail` comes next, shorter than a block.
        self._at = offset
        self._tail = b""
        self._handed_to_disk = offset

    def write(self, chunks: Sequence[Bytes], *digests: "_Hash") -> None:
        """Append these, and add them to digests meanwhile. Raises OSError: nothing counts as written
        then, and the digests cannot be used any more.
        """
        hashing = _hashers.submit(_update, digests, chunks) if digests else None
        try:
            if self._is_direct:
                self._write_blocks(chunks)
            else:
                self._write_cached(chunks)
        finally:
            if hashing is not None:
                hashing.result()

    def flush(self) -> None:
        """Hand over what is kept back."""
        if self._tail:
            self._put_cached(memoryview(self._tail), self._at)

    def _write_blocks(self, chunks: Sequence[Bytes]) -> None:
        buffer = _aligned_buffer()
        # The buffer stands for the file from `start` on: a multiple of blocks, as its memory is.
        begin = end = self._at % _BLOCK
        start = self._at - begin
        for chunk in (self._tail, *chunks):
            rest = memoryview(chunk)
            while rest:
                size = min(len(rest), _BUFFER_BYTES - end)
                buffer[end : end + size] = rest[:size]
                end, rest = end + size, rest[size:]
                if end == _BUFFER_BYTES:
                    self._put(buffer, begin, end, start)
                    begin, end, start = 0, 0, start + _BUFFER_BYTES
        whole = max(begin, end - end % _BLOCK)
        self._put(buffer, begin, whole, start)
        self._at, self._tail = start + whole, bytes(buffer[whole:end])

    def _put(self, buffer: memoryview, begin: int, end: int, start: int) -> None:
        """Write this stretch of the buffer; `end` is that of a block."""
        if begin % _BLOCK and end > begin:
            self._put_cached(buffer[begin:_BLOCK], start + begin)
            begin = _BLOCK
        while begin < end:
            try:
                done = os.pwrite(self._fd, buffer[begin:end], start + begin)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                done = 0
            if not done or done % _BLOCK:
                # Refused for reasons of the filesystem's own.
                self._put_cached(buffer[begin:end], start + begin)
                return
            begin += done

    def _put_cached(self, data: memoryview, offset: int) -> None:
        _set_direct(self._fd, on=False)
        try:
            while data:
                done = os.pwrite(self._fd, data, offset)
                data, offset = data[done:], offset + done
        finally:
            if self._is_direct:
                _set_direct(self._fd, on=True)

    def _write_cached(self, chunks: Sequence[Bytes]) -> None:
        os.lseek(self._fd, self._at, os.SEEK_SET)
        write_all(self._fd, chunks)
        self._at += sum(map(len, chunks))
        if self._at - self._handed_to_disk >= _WRITE_BACK_BYTES:
            begin_write_back(self._fd, self._handed_to_disk, self._at - self._handed_to_disk)
            self._handed_to_disk = self._at


def copy_stretch(source_fd: int, offset: int, size_bytes: int, target: BlockFile) -> None:
    """Append so many bytes of one file, from `offset` on, to another, and flush it. Raises OSError;
    EOFError when the source is shorter.
    """
    buffer = memoryview(mmap.mmap(-1, _BUFFER_BYTES))
    is_direct = _set_direct(source_fd, on=True)
    while size_bytes:
        skip = offset % _BLOCK
        try:
            found = os.preadv(source_fd, [buffer], offset - skip)
        except OSError as error:
            if error.errno != errno.EINVAL or not is_direct:
                raise
            is_direct = _set_direct(source_fd, on=False)
            continue
        found = min(found - skip, size_bytes)
        if found <= 0:
            raise EOFError("the file is shorter than it was")
        target.write([buffer[skip : skip + found]])
        offset, size_bytes = offset + found, size_bytes - found
    target.flush()


def _set_direct(fd: int, *, on: bool) -> bool:
    """Read and write past the page cache from now on, or through it; whether it is past it now."""
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    wanted = flags | os.O_DIRECT if on else flags & ~os.O_DIRECT
    try:
        fcntl.fcntl(fd, fcntl.F_SETFL, wanted)
    except OSError:
        return False
    return on


def _aligned_buffer() -> memoryview:
    """_BUFFER_BYTES of this thread's own, where direct reads and writes may begin."""
    try:
        found: memoryview = _buffers.view
    except AttributeError:
        found = _buffers.view = memoryview(mmap.mmap(-1, _BUFFER_BYTES))
    return found


def _update(digests: Sequence["_Hash"], chunks: Sequence[Bytes]) -> None:
    for digest in digests:
        for chunk in chunks:
            digest.update(chunk)
