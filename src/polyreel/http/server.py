"""The HTTP/1.1 server: uvicorn, and what it leaves to others.

Bytes of files go from the page cache to the client by `sendfile`, without a copy in this process: the ASGI extension
`http.response.zerocopysend`. An app that has `at_once` is asked by that first, before a task is made: it may know how to
answer a client that asks in the same words again and again, each time with a stretch of a file. Bodies of requests
are handed on in larger pieces, and copied less. A request's head has a size and a time in which it has to come.
Source: ASGI specification, "Zero Copy Send"; RFC 9112.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, MutableMapping
from functools import partial
from types import FrameType
from typing import Any, TypeVar

import uvicorn
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from polyreel.http.bytes import ZERO_COPY, ShorterFile, Stretch
from polyreel.http.direct import Direct
from polyreel.http.heads import Asker, PlainHead, read_plain_head
from polyreel.http.middleware import ASGIApp, Message, Receive, Scope, Send, has_body

__all__ = ["listen", "make_config", "serve"]

HEAD_MOST_BYTES = 64 * 1024
# For a head to come, and for the next one on a connection that is kept.
HEAD_S = 30.0
# For answers that are under way when the server is told to stop.
GRACE_S = 5
BACKLOG = 1024
# Of a request's body, in memory until the app asks for more; then the client is held.
BODY_BYTES = 512 * 1024

T = TypeVar("T")

_log = logging.getLogger(__name__)


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

    _direct: Direct | None = None
    # What came, while it is read, and what the last head began in.
    _data = _began_in = b""
    # The fields of the last head, where nothing else came and the answer was at hand, and what answers others like it.
    _last: tuple[bytes, Asker] | None = None
    # The first head is waited for from the beginning.
    _is_in_head = True
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
        if self._answer_as_last(data):
            return
        self._last, self._data = None, data
        super().data_received(data)
        self._data = self._began_in = b""
        is_waiting = self._is_in_head or (self._is_idle() and self.timeout_keep_alive_task is None)
        if is_waiting and not self.transport.is_closing():
            self._wait_for_head()

    def on_message_begin(self) -> None:
        """The first byte of a head."""
        super().on_message_begin()
        self._began_in = self._data
        self._is_in_head = True
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        """A piece of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The whole head is there."""
        self._is_in_head = False
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

    def shutdown(self) -> None:
        """Whatever is still being sent a moment before the server ends is cut, in time for being counted."""
        super().shutdown()
        self.loop.call_later(GRACE_S - 1, self.transport.abort)

    def direct(self) -> Direct:
        """The way past the transport; to be used while that has nothing to write."""
        if self._direct is None:
            self._direct = Direct(self.loop, self.transport.get_extra_info("socket").fileno())
        return self._direct

    def _answer_as_last(self, data: bytes) -> bool:
        """Answer a request in the words of the last one; False where it is none, or there is nothing at hand."""
        cycle: RequestResponseCycle = self.cycle
        if self._last is None or not cycle.response_complete or not cycle.keep_alive:
            return False
        fields, asker = self._last
        head = read_plain_head(data) if len(data) <= HEAD_MOST_BYTES else None
        if head is None or head.fields != fields or self.transport.get_write_buffer_size():
            return False
        return self._answer_at_once(cycle, head, asker)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        # One that was answered while more was read has begun to wait for what is here already.
        self._unset_keepalive_if_required()
        scope: MutableMapping[str, Any] = cycle.scope  # type: ignore[assignment]
        meet: Callable[[Scope], Asker | None] | None = getattr(app, "at_once", None)
        head = read_plain_head(self._data) if self._began_in is self._data else None
        if meet and head and head.is_of(scope) and not self.transport.get_write_buffer_size():
            asker = None if has_body(scope) else _tried(meet, scope)
            if asker and self._answer_at_once(cycle, head, asker):
                return
        scope["extensions"] = {ZERO_COPY: {}}
        super()._start_asgi_task(cycle, partial(self._answered, cycle, app))

    def _answer_at_once(self, cycle: RequestResponseCycle, head: PlainHead, asker: Asker) -> bool:
        """Begin to send what is at hand, if it is."""
        found = _tried(asker, head)
        if found is None:
            return False
        self._last = head.fields, asker
        self._unset_keepalive_if_required()
        cycle.response_complete = False
        ended = partial(self._answered_at_once, cycle, head.path, found)
        try:
            direct = self.direct()
        except OSError as error:
            # There are no descriptors left.
            ended(0, error)
            return True
        cycle.response_started = True
        cycle.more_body = False
        lines = [STATUS_LINE[found.status], found.headers]
        # Those of this second: the date is among them.
        lines += [b"%b: %b\r\n" % pair for pair in self.server_state.default_headers]
        lines.append(b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n")
        direct.start(b"".join(lines), found.file, found.offset, found.length, ended)
        return True

    def _answered_at_once(
        self,
        cycle: RequestResponseCycle,
        path: str,
        found: Stretch,
        sent: int,
        error: OSError | None,
    ) -> None:
        _tried(found.ended, sent)
        cycle.on_response = _nothing
        if error is not None:
            if isinstance(error, ShorterFile):
                _log.error("an answer was cut", extra={"path": path, "why": str(error)})
            self.transport.close()
            return
        cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

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

    def _count(self, more: int) -> None:
        self._head_bytes += more
        if self._head_bytes > HEAD_MOST_BYTES:
            raise HeadTooLarge

    def _wait_for_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_S, self.transport.close)

    def _have_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def _nothing() -> None:
    """In place of a method of a connection that may go."""


def _tried(do: Callable[[Any], T | None], about: Any) -> T | None:
    """What must not leave a connection half way: where it fails, the app answers, and says what is wrong."""
    try:
        return do(about)
    except Exception:  # noqa: BLE001 - whatever it is, others on this connection have their answers
        _log.exception("a request was not answered, or not counted, at once")
        return None


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


def _tells_length(start: Message) -> bool:
    return any(name == b"content-length" for name, _ in start.get("headers", ()))
