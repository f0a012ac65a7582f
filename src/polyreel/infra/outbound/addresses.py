"""Which addresses may be asked. Pure.

A list of what is refused, and beyond it whatever the system's registry does not call global: the
registry alone lets through what leads inwards (NAT64, 6to4, the clouds' own services).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import urlsplit

from polyreel.infra.outbound.errors import BadAddress

__all__ = ["Address", "Rules", "is_at", "is_public", "make_rules", "plain", "read_host"]

Address = IPv4Address | IPv6Address

_REFUSED_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",  # carrier-grade NAT
            "127.0.0.0/8",
            "168.63.129.16/32",  # a cloud's own service inside every machine of it
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
_GLOBAL_6 = IPv6Network("2000::/3")
_REFUSED_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, Teredo among them
            "2001:db8::/32",
            "2002::/16",  # 6to4
            "3fff::/20",
        ),
    )
)
# Networks that have IPv6 alone reach the rest of the world through this prefix.
_NAT64 = IPv6Network("64:ff9b::/96")
# Interface identifiers of ISATAP, which carry an IPv4 address behind them.
_ISATAP = (0x00005EFE, 0x02005EFE)

# Where machines of one's own are. Not what a cloud or a link keeps for itself.
_OWN: tuple[IPv4Network | IPv6Network, ...] = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("100.64.0.0/10"),
    IPv4Network("127.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv6Network("::1/128"),
    IPv6Network("fc00::/7"),
)

_NUMERIC = re.compile(r"\d+|0x[0-9a-f]*", re.ASCII)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_LONGEST_NAME = 253
_USUAL = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What this server may ask: ports, and networks that are allowed although they are not public."""

    allow: Sequence[IPv4Network | IPv6Network] = ()
    ports: Sequence[range] = (range(80, 81), range(443, 444), range(1024, 65536))

    def allows_port(self, port: int) -> bool:
        """True for a port that may be connected to."""
        return any(port in each for each in self.ports)

    def allows(self, address: Address) -> bool:
        """True for an address that may be connected to."""
        address = plain(address)
        if any(address.version == each.version and address in each for each in self.allow):
            return True
        return is_public(address)

    def widened(self) -> "Rules":
        """These, for an origin that an administrator named: networks of one's own too, any port."""
        return Rules(allow=(*self.allow, *_OWN), ports=(range(1, 65536),))


def make_rules(*, allow: str = "", ports: str = "") -> Rules:
    """Rules from comma lists: networks (`192.168.1.0/24`) and ports (`80,443,1024-65535`).

    Raises ValueError for what is neither.
    """
    networks = [ip_network(each, strict=False) for each in _items(allow)]
    spans = []
    for each in _items(ports):
        first, _, last = each.partition("-")
        least, most = int(first), int(last or first)
        if not 1 <= least <= most <= 65535:
            raise ValueError(f"{each!r} is not a port, or a range of ports")
        spans.append(range(least, most + 1))
    return Rules(allow=networks, ports=spans) if spans else Rules(allow=networks)


def plain(address: Address) -> Address:
    """The address itself, without a zone; of an IPv4 address in IPv6's clothes the IPv4 address."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        return IPv6Address(int(address))
    return address


def is_public(address: Address) -> bool:
    """True for an address of the public internet that leads nowhere else."""
    address = plain(address)
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in each for each in _REFUSED_4)
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    if address not in _GLOBAL_6 or any(address in each for each in _REFUSED_6):
        return False
    return address.is_global and (int(address) >> 32) & 0xFFFFFFFF not in _ISATAP


def read_host(host: str) -> Address | str:
    """The address that a URL's host spells, or the name that has to be resolved, in lower case.

    Addresses count in their usual form alone: 127.1, 0x7f000001 or 2130706433 are refused, and so is
    every name that ends like a number. Raises BadAddress.
    """
    host = host.removeprefix("[").removesuffix("]").lower().removesuffix(".")
    if ":" in host:
        try:
            return IPv6Address(host) if "%" not in host else _refused()
        except ValueError:
            return _refused()
    labels = host.split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        try:
            return ip_address(host)
        except ValueError:
            return _refused()
    if len(host) > _LONGEST_NAME or not all(map(_LABEL.fullmatch, labels)):
        return _refused()
    return host


def is_at(url: str, host: Address | str, port: int) -> bool:
    """Whether `url`, one of our own, is at that host (as `read_host` gives it) and port; where one is
    at a usual port it is at both.
    """
    try:
        parts = urlsplit(url)
        own = read_host((parts.hostname or "").encode("idna").decode("ascii"))
        own_port = parts.port or _USUAL.get(parts.scheme, 0)
    except (ValueError, BadAddress):
        return False
    if not isinstance(own, str) and not isinstance(host, str):
        own, host = plain(own), plain(host)
    usual = frozenset(_USUAL.values())
    return own == host and (own_port == port or {own_port, port} <= usual)


def _refused() -> Address:
    raise BadAddress("The address names no server that can be asked.")


def _items(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]
