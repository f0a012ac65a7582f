"""An origin of this machine that behaves, or misbehaves, as a test tells it to."""

import hashlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

__all__ = ["Canary", "Origin", "Served"]


@dataclass
class Served:
    """One file of the origin. `cuts`: after how many bytes of the body each of the first answers
    breaks off. `pause_s` is slept before each of its blocks.
    """

    data: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    pause_s: float = 0.0
    block: int = 65536
    has_length: bool = True
    ranges: bool = True


class Origin:
    """`files` maps paths to what is served; `seen` are (path, headers) of every request."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.files: dict[str, Served] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.answer: Callable[[Any], bool] | None = None
        origin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                origin._answer(self)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *args: Any) -> None:
                """Silence."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, *args: Any) -> None:
                """Clients that go away are part of the tests."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_address[1]
        self.scheme = "https" if tls else "http"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """The address of a file here."""
        return f"{self.scheme}://{host}:{self.port}{path}"

    def serve(self, path: str, data: bytes = b"", **given: Any) -> Served:
        """Serve `data` under `path`, with a strong validator unless other headers are given."""
        headers = given.pop("headers", None)
        if headers is None:
            headers = {
                "ETag": f'"{hashlib.sha256(data).hexdigest()[:16]}"',
                "Content-Type": "video/mp4",
            }
        self.files[path] = Served(data=data, headers=headers, **given)
        return self.files[path]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _answer(self, handler: Any) -> None:
        headers = {name.lower(): text for name, text in handler.headers.items()}
        self.seen.append((handler.path, headers))
        handler.close_connection = True
        if self.answer is not None and self.answer(handler):
            return
        served = self.files.get(handler.path)
        if served is None:
            handler.send_response(404)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        start, status, data = 0, served.status, served.data
        wanted = headers.get("range", "")
        validator = headers.get("if-range")
        is_same = validator in (None, *(served.headers.get(n) for n in ("ETag", "Last-Modified")))
        if wanted.startswith("bytes=") and served.ranges and is_same and status == 200:
            start, status = int(wanted[6:].split("-")[0]), 206
        handler.send_response(status)
        for name, text in served.headers.items():
            handler.send_header(name, text)
        if status == 206:
            handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if served.has_length:
            handler.send_header("Content-Length", str(len(data) - start))
        handler.end_headers()
        cut = served.cuts.pop(0) if served.cuts else None
        body = data[start:] if cut is None else data[start : start + cut]
        for at in range(0, len(body), served.block):
            if served.pause_s:
                time.sleep(served.pause_s)
            handler.wfile.write(body[at : at + served.block])


class Canary:
    """Listens, and counts who comes."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self.port = self._socket.getsockname()[1]
        self.visits = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while not self._is_over.is_set():
            try:
                one, _ = self._socket.accept()
            except TimeoutError:
                continue
            self.visits += 1
            one.close()
