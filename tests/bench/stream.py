"""A small fast HTTP client: kept-alive sockets that read bodies into one buffer. The same for all servers."""

import re
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD_BYTES = 16 * 1024
_BUFFER_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Rate:
    """What came out of one measurement."""

    bytes_per_s: float
    requests_per_s: float


class Socket:
    """One kept-alive connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def fetch(self, request: bytes, *, keep: bytearray | None = None) -> tuple[int, int]:
        """(status, body's length) of one request; `keep` gets the body."""
        self._socket.sendall(request)
        have, end = 0, -1
        while end < 0:
            count = self._socket.recv_into(self._buffer[have:_HEAD_BYTES])
            assert count, "the server closed the connection"
            have += count
            end = bytes(self._buffer[:have]).find(b"\r\n\r\n")
        head = bytes(self._buffer[:end])
        found = _LENGTH.search(head)
        assert found, head
        length = int(found[1])
        if keep is not None:
            keep += self._buffer[end + 4 : have]
        self._drain(length - (have - end - 4), keep)
        return int(head[9:12]), length

    def length_of(self, request: bytes) -> int:
        """The length that the answer to a HEAD tells."""
        self._socket.sendall(request)
        have = 0
        while bytes(self._buffer[:have]).find(b"\r\n\r\n") < 0:
            count = self._socket.recv_into(self._buffer[have:_HEAD_BYTES])
            assert count, "the server closed the connection"
            have += count
        found = _LENGTH.search(bytes(self._buffer[:have]))
        assert found
        return int(found[1])

    def _drain(self, left: int, keep: bytearray | None) -> None:
        while left:
            count = self._socket.recv_into(self._buffer, min(left, _BUFFER_BYTES))
            assert count, "the server closed the connection"
            if keep is not None:
                keep += self._buffer[:count]
            left -= count


def request_bytes(path: str, cookie: str = "", span: tuple[int, int] | None = None) -> bytes:
    """A GET, with the first and last byte of a range where one is asked for."""
    lines = [f"GET {path} HTTP/1.1", "Host: localhost"]
    lines += [f"Cookie: {cookie}"] if cookie else []
    lines += [f"Range: bytes={span[0]}-{span[1]}"] if span else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def measure(port: int, requests: Sequence[bytes], *, connections: int, seconds: float) -> Rate:
    """Ask for all of them, again and again, over so many connections at once."""
    totals = [(0, 0)] * connections
    gate = threading.Barrier(connections + 1)
    end_at = [0.0]

    def work(number: int) -> None:
        with Socket(port) as connection:
            connection.fetch(requests[0])
            gate.wait(30)
            size, count = 0, number
            while time.monotonic() < end_at[0]:
                _, length = connection.fetch(requests[count % len(requests)])
                size, count = size + length, count + 1
            totals[number] = (size, count - number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    end_at[0] = began + seconds
    # A connection that broke before it came here breaks the gate, and with it the measurement.
    gate.wait(30)
    for thread in threads:
        thread.join()
    taken = time.monotonic() - began
    return Rate(sum(size for size, _ in totals) / taken, sum(n for _, n in totals) / taken)
