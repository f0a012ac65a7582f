"""A small fast tus client, and the official Node server to compare with. The client is the same for both."""

import base64
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Self

from tests.node import installed
from tests.server import free_port

PACKAGES = ("@tus/server@2", "@tus/file-store@2")
START_S = 20.0
SCRIPT = """\
import { Server } from "@tus/server";
import { FileStore } from "@tus/file-store";
const [folder, port] = process.argv.slice(2);
const server = new Server({ path: "/api/uploads", datastore: new FileStore({ directory: folder }) });
server.listen({ host: "127.0.0.1", port: Number(port) });
"""


class NodeTus:
    """The official Node server with its file store on `folder`, while the context is open.

    Raises NodeMissing where it cannot be had.
    """

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._node, self._home = shutil.which("node"), installed("tus-server", *PACKAGES)
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        script = self._home / "serve.mjs"
        script.write_text(SCRIPT)
        command = [str(self._node), str(script), str(self._folder), str(self.port)]
        self._process = subprocess.Popen(command, cwd=self._home)
        deadline = time.monotonic() + START_S
        while not self._answers():
            assert self._process.poll() is None, "the Node server ended"
            assert time.monotonic() < deadline, "the Node server does not answer"
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=2).close()
        except OSError:
            return False
        return True


class TusClient:
    """Sends files straight from the page cache, `chunk_bytes` a request, to one server."""

    def __init__(self, port: int, chunk_bytes: int, key: str = "") -> None:
        self._port = port
        self._chunk_bytes = chunk_bytes
        self._key = key

    def send(self, film: Path) -> str:
        """Upload a file; the path of the upload."""
        (path,) = self.send_parts(film, [(0, film.stat().st_size)], as_partials=False)
        return path

    def send_parts(
        self, film: Path, stretches: Sequence[tuple[int, int]], *, as_partials: bool
    ) -> list[str]:
        """Upload stretches of a file side by side, over a connection for each; their paths.

        As tus-js-client does: all are asked for at once, in their order.
        """
        concat = {"Upload-Concat": "partial"} if as_partials else {}
        connections = [self._connection() for _ in stretches]
        try:
            for connection, (_, length) in zip(connections, stretches, strict=True):
                self._ask_for(connection, {"Upload-Length": str(length), **concat})
            with ThreadPoolExecutor(len(stretches)) as pool:
                sending = [
                    pool.submit(self._send, connection, film, *stretch)
                    for connection, stretch in zip(connections, stretches, strict=True)
                ]
                return [each.result() for each in sending]
        finally:
            for connection in connections:
                connection.close()

    def concatenate(self, paths: Sequence[str]) -> str:
        """The path of the upload that is all of these."""
        with closing(self._connection()) as connection:
            self._ask_for(connection, {"Upload-Concat": "final;" + " ".join(paths)})
            return made(connection)

    def ask(self, method: str, path: str) -> bytes:
        """The body of a request that must go well."""
        with closing(self._connection()) as connection:
            connection.request(method, path, headers=self._fields())
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status in (200, 204), (answer.status, body)
            return body

    def _connection(self) -> HTTPConnection:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=120)
        connection.connect()
        return connection

    def _ask_for(self, connection: HTTPConnection, more: dict[str, str]) -> None:
        name = base64.b64encode(b"film.mp4").decode()
        fields = {**self._fields(), "Upload-Metadata": f"filename {name}", **more}
        connection.request("POST", "/api/uploads", headers=fields)

    def _send(self, connection: HTTPConnection, film: Path, start: int, length: int) -> str:
        path = made(connection)
        with film.open("rb") as file:
            for offset in range(0, length, self._chunk_bytes):
                size = min(self._chunk_bytes, length - offset)
                connection.putrequest("PATCH", path)
                fields = {**self._fields(), "Content-Type": "application/offset+octet-stream"}
                fields |= {"Upload-Offset": str(offset), "Content-Length": str(size)}
                for name, value in fields.items():
                    connection.putheader(name, value)
                connection.endheaders()
                connection.sock.sendfile(file, start + offset, size)
                answer = connection.getresponse()
                said = answer.read()
                assert answer.status == 204, (answer.status, said)
                assert answer.headers["Upload-Offset"] == str(offset + size)
        return path

    def _fields(self) -> dict[str, str]:
        who = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        return {"Tus-Resumable": "1.0.0", **who}


def made(connection: HTTPConnection) -> str:
    """The path of an upload that was asked for."""
    answer = connection.getresponse()
    said = answer.read()
    assert answer.status == 201, (answer.status, said)
    return "/api/uploads/" + answer.headers["Location"].rsplit("/", 1)[1]
