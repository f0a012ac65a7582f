"""The way past a connection's transport: a head, and a stretch of a file by `sendfile`."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from functools import partial

from polyreel.http.bytes import ShorterFile

__all__ = ["Direct"]

# What the network says of a client that is gone, beside what is a ConnectionError anyhow. A file on another
# machine may say the same; whoever reads it next is told.
_GONE = frozenset(
    (errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN)
)
# Others have their turn in between, however fast one client takes its bytes: with turns four times as long, all have
# less (tests/bench/bench_delivery.py). A small rest is not worth a turn of its own.
_TURN_BYTES = 512 * 1024
_REST_BYTES = 1024 * 1024

Ended = Callable[[int, OSError | None], None]


class Direct:
    """A connection's socket under another number, since the loop keeps the transport's for itself."""

    def __init__(self, loop: asyncio.AbstractEventLoop, fd: int) -> None:
        self._loop = loop
        self._socket = socket.socket(fileno=os.dup(fd))
        self._is_watched = False
        self._ended: Ended | None = None
        self._head = b""
        self._file = self._offset = self._left = self._sent = 0

    def start(self, head: bytes, file: int, offset: int, count: int, ended: Ended) -> None:
        """Send `head`, then `count` bytes of the file from `offset`, which are in memory.

        `ended` is called once, perhaps before this returns, with the bytes of the file that went out,
        and what went wrong: ConnectionError when the client has gone, ShorterFile or another OSError
        for the file.
        """
        self._head, self._file, self._offset, self._left = head, file, offset, count
        self._sent, self._ended = 0, ended
        self._go_on()

    async def send(self, head: bytes, file: int, offset: int, count: int) -> None:
        """The same, awaited. Raises OSError."""
        done: asyncio.Future[None] = self._loop.create_future()
        self.start(head, file, offset, count, partial(_settle, done))
        try:
            await done
        finally:
            self._ended = None
            self._unwatch()

    def close(self) -> None:
        """The connection is lost."""
        self._unwatch()
        self._socket.close()
        if self._ended is not None:
            self._end(ConnectionAbortedError())

    def _go_on(self) -> None:
        fd = self._socket.fileno()
        turn = self._left if self._left <= _REST_BYTES else _TURN_BYTES
        try:
            while self._head:
                self._head = self._head[self._socket.send(self._head, socket.MSG_MORE) :]
            while self._left and turn > 0:
                sent = os.sendfile(fd, self._file, self._offset, min(self._left, turn))
                if not sent:
                    raise ShorterFile
                self._offset += sent
                self._sent += sent
                self._left -= sent
                turn -= sent
        except BlockingIOError:
            pass
        except OSError as error:
            self._end(ConnectionAbortedError() if error.errno in _GONE else error)
            return
        if not self._left:
            self._end(None)
        elif not self._is_watched:
            self._is_watched = True
            self._loop.add_writer(fd, self._go_on)

    def _end(self, error: OSError | None) -> None:
        ended, self._ended = self._ended, None
        self._unwatch()
        if ended is not None:
            ended(self._sent, error)

    def _unwatch(self) -> None:
        if self._is_watched:
            self._is_watched = False
            self._loop.remove_writer(self._socket.fileno())


def _settle(done: "asyncio.Future[None]", _: int, error: OSError | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
