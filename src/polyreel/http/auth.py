"""Who is calling: from the headers of a request to an address, a scheme, a credential, a person.

Where each API carries its credentials is for its own `auth.py` to say; this reads them.
"""

import functools
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from polyreel.core.users import Actor, find_key, find_session, read_jwt
from polyreel.infra.secrets import Secrets
from polyreel.infra.tx import Tx
from polyreel.kit import clock
from polyreel.kit.errors import Forbidden, Unauthenticated

__all__ = [
    "Client",
    "Proxies",
    "actor_by_cookie",
    "actor_by_token",
    "bearer_token",
    "check_scope",
    "cookie",
    "header",
    "is_same_origin",
    "read_client",
    "session_token",
    "set_cookie_header",
]

Headers = Sequence[tuple[bytes, bytes]]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_COOKIES = {"https": "__Host-polyreel", "http": "polyreel"}
_MOST_HOPS = 32
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Proxies:
    """The addresses whose forwarded headers are believed; `text` as the setting has it.

    Raises ValueError for what is neither an address nor a network.
    """

    def __init__(self, text: str) -> None:
        names = [name.strip() for name in text.split(",")]
        self._networks = [ipaddress.ip_network(name, strict=False) for name in names if name]
        # Asked for every request, and mostly for the same few: comparing costs more than the ticket.
        self.peer = functools.lru_cache(maxsize=4096)(self._peer)

    def trusts(self, address: Address) -> bool:
        """Whether this address is one of them."""
        return any(address in network for network in self._networks)

    def _peer(self, text: str) -> tuple[Address | None, str, bool]:
        """The other end of a connection: its address, that as text, and whether it is one of them."""
        address = _address(text)
        if address is None:
            return None, "", False
        return address, str(address), self.trusts(address)


@dataclass(frozen=True, kw_only=True)
class Client:
    """The other end of a request, as far as trusted proxies tell.

    `address` is text, empty where the transport has none; `host` is as sent, with its port.
    """

    address: str
    scheme: Literal["http", "https"]
    host: str


def header(headers: Iterable[tuple[bytes, bytes]], name: str) -> str | None:
    """The first value of a header, or None; `name` in lower case, as ASGI gives them."""
    wanted = name.encode()
    for key, value in headers:
        if key == wanted:
            return value.decode("latin-1")
    return None


def read_client(
    scope: Mapping[str, Any], proxies: Proxies, *, base_urls: Sequence[str] = ()
) -> Client:
    """The client of an ASGI scope. `base_urls`, the server's public addresses, make requests for their
    hosts `https` where they are, for proxies that end TLS and are not in the list.
    """
    headers: Headers = scope["headers"]
    peer, address, is_trusted = proxies.peer((scope.get("client") or ("", 0))[0])
    host = header(headers, "host") or ""
    scheme = scope.get("scheme", "http")
    if peer is not None and is_trusted:
        hops = _list_of(headers, b"x-forwarded-for")
        address = str(_walk(peer, hops, proxies)) if hops else address
        forwarded = _list_of(headers, b"x-forwarded-proto")
        scheme = forwarded[-1].lower() if forwarded else scheme
    for url in base_urls:
        if url.startswith("https://") and host.lower() == urlsplit(url).netloc.lower():
            scheme = "https"
    return Client(
        address=address,
        scheme="https" if scheme in ("https", "wss") else "http",
        host=host,
    )


def bearer_token(headers: Headers) -> str | None:
    """The last word of the Authorization header, so that a bare token works too; None without."""
    words = (header(headers, "authorization") or "").split()
    return words[-1] if words else None


def cookie(headers: Headers, name: str) -> str | None:
    """The value of the first cookie of this name that has one, as it is; None without.

    Other programs of the same host share its cookies: whatever stands beside ours is passed over.
    """
    for key, line in headers:
        if key != b"cookie":
            continue
        for pair in line.decode("latin-1").split(";"):
            found, _, value = pair.strip().partition("=")
            if found == name and value:
                return value
    return None


def session_token(headers: Headers, client: Client) -> str | None:
    """The session in the cookie that belongs to the client's scheme; None without."""
    return cookie(headers, _COOKIES[client.scheme])


def set_cookie_header(
    client: Client, token: str, *, expires_at: datetime | None = None
) -> tuple[bytes, bytes]:
    """The Set-Cookie header that keeps a session in a browser; an empty `token` takes it away.

    Without `expires_at` it lasts as long as the browser runs.
    """
    parts = [f"{_COOKIES[client.scheme]}={token}", "Path=/", "HttpOnly", "SameSite=Lax"]
    if client.scheme == "https":
        parts.append("Secure")
    if not token:
        parts.append("Max-Age=0")
    elif expires_at is not None:
        left_s = (expires_at - clock.now()).total_seconds()
        parts.append(f"Max-Age={max(0, int(left_s))}")
    return b"set-cookie", "; ".join(parts).encode("ascii")


def is_same_origin(headers: Headers, client: Client, *, base_urls: Sequence[str] = ()) -> bool:
    """Whether a browser sent this from a page of ours. It has to say so: with neither
    Sec-Fetch-Site nor Origin the answer is no. `none` is a person at the address bar.

    The scheme is not compared, since a proxy that ends TLS may hide it; the host is.
    Source: Fetch Metadata Request Headers (W3C), RFC 6454.
    """
    site = header(headers, "sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = header(headers, "origin")
    if not origin or origin == "null":
        return False
    sent = _host_and_port(origin)
    ours = [f"{client.scheme}://{client.host}", *base_urls]
    # An origin without host and port (an extension's, a program's) is nobody's, not everybody's.
    return sent is not None and sent in [_host_and_port(each, like=origin) for each in ours]


def actor_by_cookie(
    tx: Tx, headers: Headers, client: Client, method: str, *, base_urls: Sequence[str] = ()
) -> Actor | None:
    """The person of the session cookie, or None.

    Raises Forbidden for a method that changes something, when another site's page sent it.
    """
    token = session_token(headers, client)
    actor = find_session(tx, token) if token else None
    if actor is None or method in _SAFE_METHODS:
        return actor
    if not is_same_origin(headers, client, base_urls=base_urls):
        raise Forbidden("This request came from another site.")
    return actor


def check_scope(actor: Actor, method: str) -> None:
    """Raises Forbidden for a key that may not use this method."""
    if ("read" if method in _SAFE_METHODS else "write") not in actor.scopes:
        raise Forbidden("This key is not allowed to do that.")


def actor_by_token(tx: Tx, secrets: Secrets, token: str) -> Actor:
    """The person of a VideoCMS token: a key when it begins with `ak_`, else a JWT.

    Raises Unauthenticated.
    """
    if not token.startswith("ak_"):
        return read_jwt(tx, secrets, token)
    actor = find_key(tx, token, "videocms")
    if actor is None:
        raise Unauthenticated
    return actor


def _list_of(headers: Headers, name: bytes) -> list[str]:
    """The entries of a comma-separated header, all its lines joined, at most the last 32."""
    lines = [value.decode("latin-1") for key, value in headers if key == name]
    if not lines:
        return []
    joined = ",".join(lines)
    return [
        entry.strip() for entry in joined.rsplit(",", _MOST_HOPS)[-_MOST_HOPS:] if entry.strip()
    ]


def _walk(peer: Address, forwarded: list[str], proxies: Proxies) -> Address:
    """From the right, past trusted hops; each entry is believed because the hop before it is."""
    nearest = peer
    for entry in reversed(forwarded):
        address = _address(entry)
        if address is None:
            break
        nearest = address
        if not proxies.trusts(address):
            break
    return nearest


@functools.lru_cache(maxsize=4096)
def _address(text: str) -> Address | None:
    """An address, also as proxies write it: with a port, in brackets, IPv4 inside IPv6."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        parsed = ipaddress.ip_address(bare)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def _host_and_port(url: str, *, like: str = "") -> tuple[str, int] | None:
    """Host in lower case and port; the default port is that of the scheme of `like`."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS[urlsplit(like or url).scheme]
    except (ValueError, KeyError):
        return None
    return (parts.hostname, port) if parts.hostname else None
