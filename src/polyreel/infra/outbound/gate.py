"""A proxy of our own for child programs that ask other servers themselves: it keeps our rules for them.

It listens on this machine alone, for one run, and knows one password. Each request names a server;
its addresses are resolved and checked as those of all our requests are, and what was checked is connected to. It
speaks HTTP's CONNECT, and plain requests for http addresses. Source: RFC 9110, 9.3.6; RFC 9112, 3.2.2.
"""

import base64
import contextlib
import hmac
import logging
import secrets
import selectors
import socket
import threading
import time
from dataclasses import dataclass
from typing import Self

from polyreel.infra.outbound.bounds import Limits, Watch
from polyreel.infra.outbound.client import Outbound
from polyreel.infra.outbound.errors import BadAddress
from polyreel.kit.errors import AppError

__all__ = ["Gate"]

_log = logging.getLogger(__name__)

_MOST_CONNECTIONS = 32
_LARGEST_HEAD = 64 * 1024
_PIECE = 256 * 1024
_HEAD_S = 20.0
_NEVER_ON = frozenset(
    {b"connection", b"keep-alive", b"proxy-authorization", b"proxy-connection", b"te", b"upgrade"}
)


class Gate:
    """A context manager. `url` is what the child is given; `refused` the first address that it was
    not let through to. `limits.total_s` and `limits.body_bytes` are those of the whole run.
    """

    def __init__(self, outbound: Outbound, limits: Limits) -> None:
        self._outbound = outbound
        self._limits = limits
        self._ends = time.monotonic() + limits.total_s
        self._word = secrets.token_urlsafe(24)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=_MOST_CONNECTIONS)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://child:{self._word}@127.0.0.1:{self.port}"
        self.refused: BadAddress | None = None
        self.received_bytes = 0
        self.is_too_large = False
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._is_closed = False
        self._thread = threading.Thread(target=self._accept, name="outbound-gate", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._is_closed = True
            still_open = list(self._open)
        # A listener that is only closed goes on waiting in its thread.
        for each in (self._listener, *still_open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listener.close()

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if not self._keep(client):
                client.close()
                continue
            name = "outbound-gate-child"
            threading.Thread(target=self._serve, args=(client,), name=name, daemon=True).start()

    def _keep(self, connection: socket.socket) -> bool:
        """Note it, so that it ends with us; False when there are too many, or it is over."""
        with self._lock:
            if self._is_closed or len(self._open) >= 2 * _MOST_CONNECTIONS:
                return False
            self._open.add(connection)
            return True

    def _forget(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)
        connection.close()

    def _serve(self, client: socket.socket) -> None:
        try:
            client.settimeout(_HEAD_S)
            asked = _read_request(client, self._word)
            server = self._connect(asked)
            try:
                if asked.is_tunnel:
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                server.sendall(asked.first)
                self._relay(client, server)
            finally:
                self._forget(server)
        except _Said as error:
            _say(client, error.line)
        except BadAddress as error:
            self.refused = self.refused or error
            _say(client, "403 Forbidden")
        except AppError:
            _say(client, "502 Bad Gateway")
        except OSError:
            _log.debug("a connection of a child ended", exc_info=True)
        finally:
            self._forget(client)

    def _connect(self, asked: "_Asked") -> socket.socket:
        """A connection to the first checked address that takes one. Raises AppError."""
        limits = Limits(connect_s=self._limits.connect_s, total_s=self._left())
        watch = Watch(limits, None)
        for address in self._outbound.addresses(asked.host, asked.port, watch):
            self._outbound.connecting(asked.host, address, asked.port)
            try:
                server = socket.create_connection(
                    (address, asked.port), watch.left(limits.connect_s)
                )
            except OSError:
                continue
            if not self._keep(server):
                server.close()
                break
            return server
        raise _Said("502 Bad Gateway")

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        """Bytes both ways, until either end is done, nothing moves, or it has been enough."""
        other = {client: server, server: client}
        with selectors.DefaultSelector() as selector:
            for each in other:
                each.settimeout(self._limits.idle_s)
                selector.register(each, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(min(self._limits.idle_s, self._left()))
                if not ready or self._left() <= 0:
                    return
                for key, _ in ready:
                    source = key.fileobj
                    assert isinstance(source, socket.socket)  # noqa: S101
                    data = source.recv(_PIECE)
                    if source is server and not self._count(len(data)):
                        return
                    if data:
                        other[source].sendall(data)
                        continue
                    selector.unregister(source)
                    with contextlib.suppress(OSError):
                        other[source].shutdown(socket.SHUT_WR)
                    if source is server:
                        return

    def _count(self, size: int) -> bool:
        with self._lock:
            self.received_bytes += size
            most = self._limits.body_bytes
            if most and self.received_bytes > most:
                self.is_too_large = True
            return not self.is_too_large

    def _left(self) -> float:
        return max(0.0, self._ends - time.monotonic())


@dataclass(frozen=True)
class _Asked:
    """Where to, and the first bytes that go there."""

    host: str
    port: int
    is_tunnel: bool
    first: bytes


class _Said(Exception):
    """A status line for the child."""

    def __init__(self, line: str) -> None:
        super().__init__(line)
        self.line = line


def _read_request(client: socket.socket, word: str) -> _Asked:
    head, rest = _read_head(client)
    line, *fields = head.split(b"\r\n")
    words = line.split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
        raise _Said("400 Bad Request")
    pairs = [_field(each) for each in fields]
    given = next((value for name, value in pairs if name == b"proxy-authorization"), b"")
    wanted = b"Basic " + base64.b64encode(f"child:{word}".encode())
    if not hmac.compare_digest(given, wanted):
        raise _Said("407 Proxy Authentication Required")
    method, target = words[0], words[1].decode("latin-1")
    if method == b"CONNECT":
        host, colon, port = target.rpartition(":")
        if not colon or not port.isdecimal() or len(port) > 5:
            raise _Said("400 Bad Request")
        return _Asked(host, int(port), is_tunnel=True, first=rest)
    return _plain(method, target, pairs, rest)


def _plain(method: bytes, target: str, pairs: list[tuple[bytes, bytes]], rest: bytes) -> _Asked:
    """A request for an http address, in the form in which its server takes it."""
    # Loaded by the first of them, as the client does.
    from polyreel.infra.outbound.wire import read_url

    url = read_url(target)
    if url.scheme != "http" or not url.host:
        raise BadAddress("Only http and https addresses can be used.")
    kept = [(name, value) for name, value in pairs if name not in {*_NEVER_ON, b"host"}]
    lines = [
        method + b" " + url.parsed.raw_path + b" HTTP/1.1",
        b"host: " + url.parsed.netloc,
        b"connection: close",
        *(name + b": " + value for name, value in kept),
    ]
    return _Asked(
        url.host, url.port, is_tunnel=False, first=b"\r\n".join(lines) + b"\r\n\r\n" + rest
    )


def _read_head(client: socket.socket) -> tuple[bytes, bytes]:
    data = bytearray()
    while b"\r\n\r\n" not in data:
        piece = client.recv(_LARGEST_HEAD)
        data += piece
        if not piece or len(data) > 2 * _LARGEST_HEAD:
            raise _Said("400 Bad Request")
    head, _, rest = bytes(data).partition(b"\r\n\r\n")
    if len(head) > _LARGEST_HEAD:
        raise _Said("400 Bad Request")
    return head, rest


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not colon or not name or name != name.strip() or b"\n" in value or b"\r" in value:
        raise _Said("400 Bad Request")
    return name.lower(), value.strip()


def _say(client: socket.socket, line: str) -> None:
    more = "Proxy-Authenticate: Basic\r\n" if line.startswith("407") else ""
    text = f"HTTP/1.1 {line}\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n"
    with contextlib.suppress(OSError):
        client.sendall(text.encode("ascii"))
