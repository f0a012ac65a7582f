"""Connections that go to a checked address and nowhere else; the only importer of the HTTP library."""

import base64
import functools
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

import certifi
import httpcore
import httpx

from polyreel.infra.outbound.bounds import Answer, Watch, bounded
from polyreel.infra.outbound.errors import BadAddress, BadAnswer, Unreachable

__all__ = ["Exchange", "Url", "read_url"]

# So often a waiting request looks whether it shall stop.
_GLANCE_S = 0.5


class Guard(Protocol):
    """Who says where a connection may go."""

    def addresses(self, host: str, port: int, watch: Watch) -> list[str]:
        """The addresses to connect to, every one of them checked. Raises AppError."""

    def connecting(self, host: str, address: str, port: int) -> None:
        """Told of each connection before it is tried."""


@dataclass(frozen=True)
class Url:
    """A URL as the library that asks for it understands it: there is no second opinion."""

    parsed: httpx.URL

    @property
    def text(self) -> str:
        """All of it, credentials included."""
        return str(self.parsed)

    @property
    def scheme(self) -> str:
        """In lower case."""
        return self.parsed.scheme

    @property
    def host(self) -> str:
        """As it is resolved: lower case, IDNA done, without brackets."""
        return self.parsed.raw_host.decode("ascii")

    @property
    def port(self) -> int:
        """The one that is connected to."""
        given = self.parsed.port
        return given if given is not None else 443 if self.scheme == "https" else 80

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host, port."""
        return self.scheme, self.host, self.port

    @property
    def credentials(self) -> dict[str, str]:
        """The header that user name and password of the URL come to."""
        name, word = self.parsed.username, self.parsed.password
        if not (name or word):
            return {}
        packed = base64.b64encode(f"{name}:{word}".encode()).decode("ascii")
        return {"authorization": f"Basic {packed}"}

    def join(self, reference: str) -> "Url":
        """Where a reference on this page leads."""
        with _readable():
            return Url(self.parsed.join(reference))

    def without_credentials(self) -> "Url":
        """The same without user name and password."""
        return Url(self.parsed.copy_with(username=None, password=None, userinfo=b""))


def read_url(text: str) -> Url:
    """Raises BadAddress for what is none."""
    with _readable():
        parsed = httpx.URL(text)
        # The root's dot is part of no certificate.
        if parsed.raw_host.endswith(b"."):
            parsed = parsed.copy_with(host=parsed.raw_host.decode("ascii").removesuffix("."))
        return Url(parsed)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (httpx.InvalidURL, UnicodeError, ValueError):
        raise BadAddress("This is not the address of a file.") from None


class Exchange:
    """One request and those that its redirects lead to; a context manager."""

    def __init__(self, guard: Guard, watch: Watch, agent: str) -> None:
        self._watch = watch
        # What is not packed cannot burst.
        self._headers = {"user-agent": agent, "accept": "*/*", "accept-encoding": "identity"}
        self._pool = httpcore.ConnectionPool(
            ssl_context=_ssl_context(),
            max_connections=1,
            max_keepalive_connections=0,
            network_backend=_Backend(guard, watch),
        )
        self._response: httpcore.Response | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end_response()
        self._pool.close()

    def send(
        self, method: str, url: Url, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        """Ask; the answer before it, if any, is given up. Raises as `Outbound.stream`."""
        self._end_response()
        with _said(url):
            self._response = response = self._pool.handle_request(
                self._request(method, url, headers, body)
            )
        limits = self._watch.limits
        size = sum(len(name) + len(text) + 4 for name, text in response.headers)
        if size > limits.header_bytes:
            raise BadAnswer("The other server's answer has too large a head.")
        found = dict(httpx.Headers(response.headers))
        return Answer(
            status=response.status,
            headers=found,
            url=url.without_credentials().text,
            chunks=bounded(_raw(response, found, url), found, limits.body_bytes),
        )

    def _request(
        self, method: str, url: Url, headers: Mapping[str, str], body: bytes | None
    ) -> httpcore.Request:
        given = {**self._headers, **url.credentials, **headers}
        made = httpx.Request(method, url.parsed, headers=given, content=body)
        parsed = url.parsed
        return httpcore.Request(
            method=method,
            url=httpcore.URL(
                scheme=parsed.raw_scheme,
                host=parsed.raw_host,
                port=parsed.port,
                target=parsed.raw_path,
            ),
            headers=made.headers.raw,
            content=body,
        )

    def _end_response(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            response.close()


def _raw(response: httpcore.Response, headers: Mapping[str, str], url: Url) -> Iterator[bytes]:
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise BadAnswer("The other server sends the file packed, though it was asked not to.")
    with _said(url):
        yield from response.iter_stream()


@contextmanager
def _said(url: Url) -> Iterator[None]:
    """The library's errors in our words."""
    host = url.host
    try:
        yield
    except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
        if isinstance(error.__context__, ssl.SSLError):
            raise BadAnswer(f"The server {host} has no valid certificate for its name.") from error
        raise Unreachable(f"The server {host} cannot be reached.") from error
    except httpcore.ReadTimeout as error:
        raise Unreachable(f"The server {host} stopped sending.") from error
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        raise Unreachable(f"The connection to {host} broke off.") from error


class _Backend(httpcore.NetworkBackend):
    """Resolves and checks a name once, and connects to what was checked."""

    def __init__(self, guard: Guard, watch: Watch) -> None:
        self._guard = guard
        self._watch = watch
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first checked address of `host` that takes one."""
        trouble: Exception | None = None
        for address in self._guard.addresses(host, port, self._watch):
            self._guard.connecting(host, address, port)
            left_s = self._watch.left(self._watch.limits.connect_s)
            try:
                return _Stream(self._plain.connect_tcp(address, port, left_s), self._watch)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                trouble = error
        raise trouble or httpcore.ConnectError("no address")

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        """Never."""
        raise BadAddress


class _Stream(httpcore.NetworkStream):
    """A connection that keeps to the limits of its request and hears when it shall stop."""

    def __init__(self, inner: httpcore.NetworkStream, watch: Watch) -> None:
        self._inner = inner
        self._watch = watch

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        began = time.monotonic()
        while True:
            left_s = self._watch.left(_GLANCE_S)
            try:
                return self._inner.read(max_bytes, left_s)
            except httpcore.ReadTimeout:
                if time.monotonic() - began >= self._watch.limits.idle_s:
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._watch.left(self._watch.limits.idle_s))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left_s = self._watch.left(self._watch.limits.connect_s)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left_s), self._watch)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


@functools.cache
def _ssl_context() -> ssl.SSLContext:
    """Authorities as browsers know them, and those an administrator gave this machine."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    return context
