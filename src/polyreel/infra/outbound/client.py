"""Ask another server: every hop checked, everything bounded, nothing unpacked, no proxies."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING, Protocol

from polyreel import __version__
from polyreel.infra.outbound.addresses import Address, Rules, is_at, plain, read_host
from polyreel.infra.outbound.bounds import Answer, Limits, Watch
from polyreel.infra.outbound.errors import BadAddress, BadAnswer, Unreachable
from polyreel.kit.errors import AppError

if TYPE_CHECKING:
    from polyreel.infra.outbound.wire import Exchange, Url

__all__ = ["Fetched", "Outbound"]

LONGEST_URL = 2048
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_ADDRESSES = 16
_NO_SUCH_NAME = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
_LOCALHOST = IPv4Address("127.0.0.1")


class Resolve(Protocol):
    """Every address of a name, as text; OSError when it has none."""

    def __call__(self, name: str, port: int, /) -> Sequence[str]: ...


class Connected(Protocol):
    """Told what is about to be connected to: the host as asked for, the checked address, the port."""

    def __call__(self, host: str, address: str, port: int, /) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A whole answer. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Outbound:
    """Requests to other servers under these rules. Safe to use from any thread.

    `own_urls` are the addresses of this server itself, which never asks itself. `resolve` and
    `on_connect` are for tests: the first plays the resolver, the second sees what is connected to.
    """

    def __init__(
        self,
        rules: Rules,
        *,
        own_urls: Callable[[], Sequence[str]] = tuple,
        resolve: Resolve | None = None,
        on_connect: Connected | None = None,
    ) -> None:
        self._rules = rules
        self._own_urls = own_urls
        self._resolve = resolve or _resolve
        self._on_connect = on_connect

    def check_url(self, url: str) -> None:
        """Raises BadAddress for a URL that would not even be tried. Resolves nothing."""
        self._read(url)

    @contextmanager
    def stream(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        check: Callable[[], None] | None = None,
    ) -> Iterator[Answer]:
        """GET, with redirects followed; the answer may be read inside the block, whatever its status.

        `check` is called often, to stop by raising. Raises BadAddress, BadAnswer, Unreachable,
        TooSlow.
        """
        watch = Watch(limits or Limits(), check)
        target = self._read(url)
        with self._exchange(watch) as exchange:
            own = {name.lower(): text for name, text in (headers or {}).items()}
            for _ in range(watch.limits.redirects + 1):
                answer = exchange.send("GET", target, own)
                if answer.status not in _REDIRECTS or "location" not in answer.headers:
                    yield answer
                    return
                location = answer.headers["location"]
                target, is_same = self._redirected(target, location)
                if not is_same:
                    own.pop("authorization", None)
        raise BadAnswer("The address is redirected too often.")

    def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, limits: Limits | None = None
    ) -> Fetched:
        """GET, with redirects followed, and the whole answer. Raises as `stream`, and TooLarge."""
        with self.stream(url, headers=headers, limits=limits) as answer:
            return _whole(answer)

    def post(
        self,
        url: str,
        body: bytes,
        *,
        headers: Mapping[str, str],
        limits: Limits | None = None,
        first_bytes: int | None = None,
    ) -> Fetched:
        """POST, without following redirects, and the whole answer. Raises as `get`.

        With `first_bytes` the status is what counts: so much of the body is told, as far as it came.
        """
        limits = limits or Limits()
        if first_bytes is not None:
            # Nothing is read beyond them: the rest may be of any length.
            limits = replace(limits, body_bytes=0)
        watch = Watch(limits, None)
        target = self._read(url)
        with self._exchange(watch) as exchange:
            answer = exchange.send("POST", target, headers, body)
            return _whole(answer) if first_bytes is None else _begun(answer, first_bytes)

    def post_configured(
        self,
        url: str,
        body: bytes,
        *,
        headers: Mapping[str, str],
        limits: Limits,
        check: Callable[[], None] | None = None,
    ) -> Fetched:
        """POST to a URL that an administrator set for this very purpose, and the whole answer: it may
        be in a network of one's own and at any port. Redirects are not followed. Raises as `stream`.
        """
        asking = Outbound(
            self._rules.widened(),
            own_urls=self._own_urls,
            resolve=self._resolve,
            on_connect=self._on_connect,
        )
        with asking._exchange(Watch(limits, check)) as exchange:
            return _whole(exchange.send("POST", asking._read(url), headers, body))

    def addresses(self, host: str, port: int, watch: Watch) -> list[str]:
        """The addresses to connect to, every one of them checked; for the wire alone.

        One that is refused refuses them all. Raises BadAddress, Unreachable.
        """
        if not self._rules.allows_port(port):
            raise BadAddress(f"Port {port} is not one this server asks.")
        found = read_host(host)
        if any(is_at(url, found, port) for url in self._own_urls()):
            raise BadAddress("This is an address of this server, which does not ask itself.")
        candidates = self._looked_up(found, port, watch) if isinstance(found, str) else [found]
        if not candidates:
            raise BadAnswer(f"There is no server {host}.")
        for each in candidates:
            if not self._rules.allows(each):
                raise BadAddress("The address lies in a private network, which is not asked.")
        return [str(plain(each)) for each in candidates[:_MOST_ADDRESSES]]

    def connecting(self, host: str, address: str, port: int) -> None:
        """Tell whoever wants to know; for the wire alone."""
        if self._on_connect is not None:
            self._on_connect(host, address, port)

    def _looked_up(self, name: str, port: int, watch: Watch) -> list[Address]:
        if name == "localhost" or name.endswith(".localhost"):
            return [_LOCALHOST]
        found: list[Sequence[str] | Exception] = []

        def ask() -> None:
            try:
                found.append(self._resolve(name, port))
            except (OSError, UnicodeError) as error:
                found.append(error)

        # The system's resolver knows no limit of time: whoever waits for it must not wait with it.
        thread = threading.Thread(target=ask, name="outbound-resolve", daemon=True)
        thread.start()
        waits_until = time.monotonic() + watch.limits.connect_s
        while thread.is_alive() and time.monotonic() < waits_until:
            thread.join(watch.left(0.25))
        if not found or isinstance(found[0], Exception):
            raise _not_found(name, found[0] if found else None)
        return list(dict.fromkeys(ip_address(text.partition("%")[0]) for text in found[0]))

    @contextmanager
    def _exchange(self, watch: Watch) -> Iterator["Exchange"]:
        # Loaded by the first request: most processes never make one.
        from polyreel.infra.outbound.wire import Exchange

        with Exchange(self, watch, f"Polyreel/{__version__}") as exchange:
            yield exchange

    def _read(self, url: str) -> "Url":
        from polyreel.infra.outbound.wire import read_url

        if len(url) > LONGEST_URL:
            raise BadAddress("The address is too long.")
        target = read_url(url)
        if target.scheme not in ("http", "https"):
            raise BadAddress("Only http and https addresses can be used.")
        if not target.host:
            raise BadAddress("The address names no server.")
        read_host(target.host)
        if not self._rules.allows_port(target.port):
            raise BadAddress(f"Port {target.port} is not one this server asks.")
        return target

    def _redirected(self, target: "Url", location: str) -> tuple["Url", bool]:
        """Where a redirect leads; whether that is the same server, which alone gets credentials."""
        following = self._read(target.join(location).text)
        is_same = following.origin == target.origin
        return (following if is_same else following.without_credentials()), is_same


def _whole(answer: Answer) -> Fetched:
    return Fetched(status=answer.status, headers=answer.headers, body=b"".join(answer.chunks))


def _begun(answer: Answer, most: int) -> Fetched:
    body = b""
    with suppress(AppError):
        for chunk in answer.chunks:
            body += chunk
            if len(body) >= most:
                break
    return Fetched(status=answer.status, headers=answer.headers, body=body[:most])


def _not_found(name: str, error: object) -> Exception:
    """A name that does not exist will not exist in a minute; a resolver that is away may be back."""
    if isinstance(error, socket.gaierror) and error.errno in _NO_SUCH_NAME:
        return BadAnswer(f"There is no server {name}.")
    return Unreachable(f"The server {name} cannot be found at the moment.")


def _resolve(name: str, port: int) -> Sequence[str]:
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]
