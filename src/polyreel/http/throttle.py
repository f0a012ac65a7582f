"""Limits of how often something may be tried: token buckets in the memory of this process."""

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

from polyreel.core.users import fold
from polyreel.kit.errors import Busy, Unavailable

__all__ = ["LoginThrottle", "Throttle", "network_of"]


class Throttle:
    """`burst` tries at once per key, then one every `every_s` seconds.

    Knows at most `most_keys` keys; beyond that it forgets who came longest ago.
    """

    def __init__(
        self,
        *,
        burst: int,
        every_s: float,
        most_keys: int = 20_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst = burst
        self._every_s = every_s
        self._most_keys = most_keys
        self._clock = clock
        self._lock = threading.Lock()
        # Per key the moment at which its bucket is full again: all there is to know of a bucket.
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

    def take(self, key: Hashable) -> None:
        """Count one try. Raises Busy, and counts nothing, when there were too many."""
        with self._lock:
            now = self._clock()
            full_at = max(now, self._full_at.get(key, now)) + self._every_s
            wait_s = full_at - now - self._burst * self._every_s
            if wait_s > 1e-6:
                raise Busy(retry_after_s=int(wait_s) + 1)
            self._full_at[key] = full_at
            self._full_at.move_to_end(key)
            while len(self._full_at) > self._most_keys:
                self._full_at.popitem(last=False)

    def give_back(self, key: Hashable) -> None:
        """Uncount one try that did no harm."""
        with self._lock:
            if key in self._full_at:
                self._full_at[key] -= self._every_s


class LoginThrottle:
    """Wrong passwords: ten per address and name, then one every 10 s; thirty per address, whatever
    the names, then one every 2 s. It is always on, in every face.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._by_name = Throttle(burst=10, every_s=10, clock=clock)
        self._by_address = Throttle(burst=30, every_s=2, clock=clock)

    @contextmanager
    def attempt(self, address: str, name: str) -> Iterator[None]:
        """Around one check of a password: counted before it, uncounted when it ends well, or when
        there was nobody to check it.

        Raises Busy.
        """
        network = network_of(address)
        # All spellings of one account are one name: nobody gets ten more tries by each of them.
        pair = (network, fold(name))
        self._by_address.take(network)
        self._by_name.take(pair)
        is_counted = True
        try:
            yield
            is_counted = False
        except Unavailable:
            # Who tries again and again while the database is away shall get in when it is back.
            is_counted = False
            raise
        finally:
            if not is_counted:
                self._by_name.give_back(pair)
                self._by_address.give_back(network)


def network_of(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 that one IPv6 customer has."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed.packed[:8] + bytes(8), 64)))
