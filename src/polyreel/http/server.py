"""The HTTP/1.1 server: uvicorn, and what it leaves to others.

Bytes of files go from the page cache to the client by `sendfile`, without a copy in this process: the ASGI extension
`http.response.zerocopysend`. Bodies of requests are handed on in larger pieces, and copied less. A request's head has a
size and a time in which it has to come. Source: ASGI specification, "Zero Copy Send"; RFC 9112.
"""

import asyncio
import errno
import os
import signal
import socket
from collections.abc import Callable, MutableMapping
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from polyreel.http.bytes import ZERO_COPY
from polyreel.http.middleware import ASGIApp, Message, Receive, Scope, Send

__all__ = ["listen", "make_config", "serve"]

HEAD_MOST_BYTES = 64 * 1024
# For a head to come, and for the next one on a connection that is kept.
HEAD_S = 30.0
# For answers that are under way when the server is told to stop.
GRACE_S = 5
BACKLOG = 1024
# Of a request's body, in memory until the app asks for more; then the client is held.
BODY_BYTES = 512 * 1024
# Others have their turn in between, however fast one client takes its bytes.
_TURN_BYTES = 2 * 1024 * 1024


def listen(host: str, port: int, *, is_shared: bool) -> socket.socket:
    """A socket that listens there; `is_shared` with other processes of ours. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind((host, port))
        # Who comes before the app is there waits for it.
        made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    return made


def serve(app: str, listening: socket.socket, *, stopping: Callable[[], None]) -> None:
    """Serve what the factory `app` ("module:function") makes until SIGTERM or SIGINT.

    `stopping` is called when the signal comes: what never ends by itself is to end then.
    """
    # The server raises the signal anew when it has ended; the process is to end in its own way.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    _Server(make_config(app), stopping).run([listening])


def make_config(app: str | Callable[[], ASGIApp]) -> uvicorn.Config:
    """What uvicorn is told; `app` makes the app, or names what does."""
    return uvicorn.Config(
        app,
        factory=True,
        loop="uvloop",
        http=Connection,
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=int(HEAD_S),
        timeout_graceful_shutdown=GRACE_S,
    )


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self._stopping = stopping

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Before it waits for every answer to end."""
        self._stopping()
        super().handle_exit(sig, frame)


class HeadTooLarge(Exception):
    """More than HEAD_MOST_BYTES before the body; the parser makes a 400 of it."""


class Connection(HttpToolsProtocol):
    """One client's connection."""

    _direct: "_Direct | None" = None
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End what waits for the client."""
        self._have_head()
        if self._direct is not None:
            self._direct.close()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Empty lines before a request are allowed, and are no request: the time for it runs on."""
        super().data_received(data)
        if (
            self._is_idle()
            and self.timeout_keep_alive_task is None
            and not self.transport.is_closing()
        ):
            self._wait_for_head()

    def on_message_begin(self) -> None:
        """The first byte of a head."""
        super().on_message_begin()
        self._head_bytes = 0
        self._wait_for_head()

    def on_url(self, url: bytes) -> None:
        """A piece of the address."""
        self._count(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer."""
        self._count(name, value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The whole head is there."""
        self._have_head()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a request's body, kept as it came."""
        if self.cycle.response_complete:
            return
        pieces: list[bytes] = self.cycle.__dict__.setdefault("pieces", [])
        pieces.append(body)
        if sum(map(len, pieces)) >= BODY_BYTES:
            self.flow.pause_reading()
        self.cycle.message_event.set()

    def on_response_complete(self) -> None:
        """A body that nobody wanted is not read to its end for the sake of the connection."""
        super().on_response_complete()
        cycle = self.cycle
        if cycle.response_complete and cycle.more_body:
            self.transport.close()

    def direct(self) -> "_Direct":
        """The way past the transport; to be used while that has nothing to write."""
        if self._direct is None:
            self._direct = _Direct(self.loop, self.transport.get_extra_info("socket").fileno())
        return self._direct

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        scope: MutableMapping[str, Any] = cycle.scope  # type: ignore[assignment]
        scope["extensions"] = {ZERO_COPY: {}}
        super()._start_asgi_task(cycle, partial(self._answered, cycle, app))

    async def _answered(
        self, cycle: RequestResponseCycle, app: ASGIApp, scope: Scope, receive: Receive, send: Send
    ) -> None:
        async def received() -> Message:
            message: Message = await receive()
            pieces: list[bytes] = cycle.__dict__.pop("pieces", [])
            if message["type"] == "http.request" and pieces:
                message["body"] = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            return message

        await app(scope, received, _Answer(self, cycle).send)

    def _is_idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _count(self, *texts: bytes) -> None:
        self._head_bytes += sum(map(len, texts))
        if self._head_bytes > HEAD_MOST_BYTES:
            raise HeadTooLarge

    def _wait_for_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_S, self.transport.close)

    def _have_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


class _Answer:
    """`send` of one request: takes stretches of files as well."""

    def __init__(self, connection: Connection, cycle: RequestResponseCycle) -> None:
        self._connection = connection
        self._cycle = cycle
        self._start: Message | None = None

    async def send(self, message: Message) -> None:
        """One message. Raises ConnectionError for a stretch of a file when the client has gone."""
        if message["type"] == "http.response.start" and _tells_length(message):
            # It leaves with the first bytes of the body.
            self._start = message
            return
        start, self._start = self._start, None
        if message["type"] == ZERO_COPY:
            await self._send_file(start, message)
            return
        for each in (start, message):
            if each is not None:
                await self._cycle.send(each)  # type: ignore[arg-type]

    async def _send_file(self, start: Message | None, message: Message) -> None:
        cycle, count = self._cycle, message["count"]
        head = b"" if start is None else await self._head(start)
        # An answer before this one, to a client that asks without waiting, may be on its way.
        while cycle.transport.get_write_buffer_size() and not cycle.disconnected:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
        if cycle.disconnected or cycle.transport.is_closing():
            raise ConnectionAbortedError
        if cycle.chunked_encoding or count > cycle.expected_content_length:
            raise RuntimeError("a stretch of a file is part of an answer whose length is told")
        await self._connection.direct().send(head, message["file"], message["offset"], count)
        cycle.expected_content_length -= count
        if not message.get("more_body", False):
            await cycle.send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _head(self, start: Message) -> bytes:
        """What uvicorn writes for the start of an answer."""
        cycle, written = self._cycle, _Written()
        transport, cycle.transport = cycle.transport, written  # type: ignore[assignment]
        try:
            await cycle.send(start)  # type: ignore[arg-type]
        finally:
            cycle.transport = transport
        return bytes(written)


class _Written(bytearray):
    """A transport that keeps what is written to it."""

    write = bytearray.extend


class _Direct:
    """A connection's socket under another number, since the loop keeps the transport's for itself."""

    def __init__(self, loop: asyncio.AbstractEventLoop, fd: int) -> None:
        self._loop = loop
        self._socket = socket.socket(fileno=os.dup(fd))
        self._waiting: asyncio.Future[None] | None = None

    async def send(self, head: bytes, file: int, offset: int, count: int) -> None:
        """Send `head`, then `count` bytes of the file from `offset`, which are in memory.

        Raises ConnectionError when the client has gone, OSError when the file is shorter.
        """
        while head:
            try:
                head = head[self._socket.send(head, socket.MSG_MORE) :]
            except BlockingIOError:
                await self._writable()
        while count:
            try:
                sent = os.sendfile(self._socket.fileno(), file, offset, min(count, _TURN_BYTES))
            except BlockingIOError:
                await self._writable()
                continue
            if not sent:
                raise OSError(errno.EIO, "the file is shorter than its index says")
            offset += sent
            count -= sent
            if count:
                await asyncio.sleep(0)
            if self._socket.fileno() < 0:
                raise ConnectionAbortedError

    def close(self) -> None:
        """The connection is lost."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionAbortedError())
            self._loop.remove_writer(self._socket.fileno())
        self._socket.close()

    async def _writable(self) -> None:
        fd = self._socket.fileno()
        if fd < 0:
            raise ConnectionAbortedError
        self._waiting = self._loop.create_future()
        self._loop.add_writer(fd, _wake, self._waiting)
        try:
            await self._waiting
        finally:
            # Closed, it is no longer watched, and its number may be another's.
            if self._socket.fileno() == fd:
                self._loop.remove_writer(fd)


def _wake(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)


def _tells_length(start: Message) -> bool:
    return any(name == b"content-length" for name, _ in start.get("headers", ()))
