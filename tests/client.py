"""What scripts and people do to a running server: send a file, ask, watch, delete. For tests."""

import http.client
import json
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

from tests.server import Server

BOUNDARY = "d41d8cd98f00b204e9800998ecf8427e"
NAME, PASSWORD = "ada", "correct horse battery"
COMPLETED, FAILED = 6, 7


@dataclass(frozen=True)
class Sent:
    """One upload that was acknowledged; moments of `time.monotonic`."""

    uuid: str
    sent_at: float
    """The last byte was handed to the kernel."""
    acked_at: float
    """The 202 was read."""


class Client:
    """One person with an Uploads key, on one kept-alive connection. Made on a server that runs."""

    def __init__(self, server: Server, key: str = "") -> None:
        self.server = server
        if not key:
            server.add_user(NAME, PASSWORD)
            key = server.add_key(NAME, "uploads")
        self.key = key
        self._session = ""
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # --- requests -------------------------------------------------------------------------------

    def ask(
        self, method: str, path: str, body: bytes = b"", /, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """(status, headers, body) of one request; `x_y="z"` becomes the header `x-y: z`."""
        connection = self._connect()
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body or None, fields)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def get(self, path: str, cookie: str = "") -> bytes:
        """The body of a 200."""
        status, _, body = self.ask("GET", path, **({"cookie": cookie} if cookie else {}))
        assert status == 200, (status, path, body[:500])
        return body

    def _connect(self) -> http.client.HTTPConnection:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
            self._connection.connect()
        return self._connection

    # --- uploads --------------------------------------------------------------------------------

    def upload(self, path: Path, *, tail: bytes = b"", name: str = "") -> Sent:
        """Send a file in one request, then `tail` as its last bytes; straight from the page cache."""
        connection = self.begin(path.stat().st_size + len(tail), name or path.name)
        with path.open("rb") as file:
            connection.sock.sendfile(file)
        connection.send(tail + self.closing())
        sent_at = time.monotonic()
        answer = connection.getresponse()
        body = answer.read()
        acked_at = time.monotonic()
        assert answer.status == 202, (answer.status, body)
        return Sent(json.loads(body)["data"]["id"], sent_at, acked_at)

    def begin(self, length: int, name: str = "film.mp4") -> http.client.HTTPConnection:
        """Send everything of an upload that comes before the file's `length` bytes."""
        head = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="folder"\r\n\r\nroot\r\n'
            f"--{BOUNDARY}\r\n"
            f'Content-Disposition: form-data; name="video"; filename="{name}"\r\n'
            "Content-Type: video/mp4\r\n\r\n"
        ).encode()
        connection = self._connect()
        connection.putrequest("POST", "/api/client/v1/uploads")
        connection.putheader("Authorization", f"Bearer {self.key}")
        connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
        connection.putheader("Content-Length", str(len(head) + length + len(self.closing())))
        connection.endheaders()
        connection.send(head)
        return connection

    def closing(self) -> bytes:
        """What comes after the file's last byte."""
        return f"\r\n--{BOUNDARY}--\r\n".encode()

    def status(self, uuid: str) -> int:
        """The Uploads API's number for a video: 1, 3, 6 or 7."""
        path = f"/api/client/v1/uploads/{uuid}"
        status, _, body = self.ask("GET", path, authorization=f"Bearer {self.key}")
        assert status == 200, (status, body)
        return int(json.loads(body)["data"]["status"])

    def uploads(self) -> list[dict[str, Any]]:
        """The most recent ones, newest first."""
        _, _, body = self.ask("GET", "/api/client/v1/uploads", authorization=f"Bearer {self.key}")
        found: list[dict[str, Any]] = json.loads(body)["data"]
        return found

    def wait_until_completed(self, uuid: str, timeout_s: float = 60) -> None:
        """Return when every planned rendition has ended well."""
        deadline = time.monotonic() + timeout_s
        while (status := self.status(uuid)) != COMPLETED:
            assert status != FAILED, f"{uuid} failed:\n{self.server.log[-6000:]}"
            late = time.monotonic() > deadline
            assert not late, (
                f"{uuid} is at {status} after {timeout_s} s:\n{self.server.log[-6000:]}"
            )
            time.sleep(0.1)

    # --- watching -------------------------------------------------------------------------------

    def media_cookie(self, uuid: str) -> str:
        """The cookie that a player gets with the page."""
        status, headers, body = self.ask("GET", f"/v/{uuid}")
        assert status == 200, (status, body[:500])
        found = re.search(r"vc_media=[^;]+", " ".join(headers.get_all("set-cookie") or []))
        assert found, "the player page sets no cookie"
        return found[0]

    def media_base(self, uuid: str) -> str:
        """Where everything of a video lies."""
        return f"/videos/qualitys/{uuid}"

    # --- as a signed-in person ------------------------------------------------------------------

    def delete(self, uuid: str) -> None:
        """Delete a video as its owner does on its page."""
        headers = {"cookie": self.session(), "origin": self.server.url}
        status, _, body = self.ask("DELETE", f"/video/{uuid}", **headers)
        assert status in (200, 204), (status, body[:500])

    def change(self, uuid: str, **wanted: str) -> None:
        """Change a video (`visibility="private"`) as its owner does on its page."""
        headers = {"cookie": self.session(), "origin": self.server.url}
        body = json.dumps(wanted).encode()
        kind = "application/json"
        status, _, said = self.ask("PATCH", f"/video/{uuid}", body, content_type=kind, **headers)
        assert status == 200, (status, said[:500])

    def session(self) -> str:
        """The cookie of a signed-in browser; signs in the first time."""
        if not self._session:
            origin = self.server.url
            form = urlencode({"username": NAME, "password": PASSWORD, "next": "/"}).encode()
            kind = "application/x-www-form-urlencoded"
            _, headers, _ = self.ask("POST", "/login", form, content_type=kind, origin=origin)
            cookies = headers.get_all("set-cookie") or []
            self._session = "; ".join(each.partition(";")[0] for each in cookies)
            assert self._session, "nobody was signed in"
        return self._session


def free_box(size: int = 64) -> bytes:
    """An MP4 box that means nothing, of random bytes: it makes another file of the same film."""
    return size.to_bytes(4, "big") + b"free" + os.urandom(size - 8)
