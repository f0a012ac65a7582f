"""People in front of pages of a running server: one who watches, one whose page is told of changes."""

import http.client
import json
import socket
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from tests.client import Client
from tests.server import Server

__all__ = ["PageStream", "Viewer"]


def addresses(playlist: bytes) -> list[str]:
    """What a playlist lists, in order."""
    lines = playlist.decode().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


class _Thread:
    """Runs `_run` until the block is over, and lets its failure be that of the test."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopped.set()
        self._thread.join(20)

    def _run(self) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class Got:
    """One answer to a viewer: what, how, and when on the monotonic clock."""

    path: str
    status: int
    size: int
    asked_at: float
    seconds: float


class Viewer(_Thread):
    """A player: it has opened the page, knows the playlist, and fetches one fragment after the other,
    again from the start at the end, eight a second.
    """

    def __init__(self, client: Client, uuid: str) -> None:
        super().__init__()
        self.got: list[Got] = []
        self.failures: list[str] = []
        self._port = client.server.port
        self.cookie = client.media_cookie(uuid)
        master = f"{client.media_base(uuid)}/stream/multi/master.m3u8"
        variant = addresses(client.get(master, self.cookie))[0]
        self._paths = [
            each if each.startswith("/") else f"{variant.rpartition('/')[0]}/{each}"
            for each in addresses(client.get(variant, self.cookie))
        ]

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        number = 0
        while not self.stopped.wait(0.12):
            path = self._paths[number % len(self._paths)]
            number += 1
            asked_at = time.monotonic()
            try:
                connection.request("GET", path, headers={"cookie": self.cookie})
                answer = connection.getresponse()
                size = len(answer.read())
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
                continue
            taken_s = time.monotonic() - asked_at
            self.got.append(Got(path, answer.status, size, asked_at, taken_s))
        connection.close()


class PageStream(_Thread):
    """The event stream of a page that `client` has open, at the server `at` (its own unless told)."""

    def __init__(self, client: Client, *, at: Server | None = None) -> None:
        super().__init__()
        self.events: list[tuple[float, str, dict[str, Any]]] = []
        """(when it came on the monotonic clock, event, data)."""
        server = at or client.server
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port)
        self._connection.connect()
        self._socket = self._connection.sock
        headers = {"cookie": client.session(), "accept": "text/event-stream"}
        self._connection.request("GET", "/events", headers=headers)
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200, self._answer.read()

    def wait(self, name: str, timeout_s: float = 10.0, /, **wanted: Any) -> float:
        """When the first event of that name came of which all of `wanted` is true; waits for it."""
        deadline = time.monotonic() + timeout_s
        while True:
            for came_at, event, data in list(self.events):
                if event == name and wanted.items() <= data.items():
                    return came_at
            assert time.monotonic() < deadline, (wanted, self.events[-3:])
            time.sleep(0.005)

    def __exit__(self, *error: Any) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        super().__exit__(*error)
        self._answer.close()
        self._connection.close()

    def _run(self) -> None:
        event = ""
        while not self.stopped.is_set() and not self._answer.closed:
            line = self._answer.readline().decode().rstrip("\n")
            if line.startswith("event: "):
                event = line.removeprefix("event: ")
            elif line.startswith("data: "):
                data = json.loads(line.removeprefix("data: "))
                self.events.append((time.monotonic(), event, data))
