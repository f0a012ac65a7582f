"""How many requests one client may make, where an administrator switched that on. Contract: 1.9.

The limits on wrong passwords are others, and always on (http.throttle).
"""

import ipaddress
import time
from collections.abc import Callable

from polyreel.core.options import Options, OptionsCache
from polyreel.dialects.videocms.errors import answer
from polyreel.http.face import send_answer
from polyreel.http.media_routes import is_media
from polyreel.http.middleware import ASGIApp, Receive, Scope, Send, ensure_exchange
from polyreel.http.options import options_now
from polyreel.http.throttle import Throttle, network_of
from polyreel.kit.errors import Busy

__all__ = ["RateLimits"]

_PUBLIC = frozenset({"/api/config", "/api/file/example", "/api/p/pages", "/api/p/page"})
_AUTH = frozenset({"/api/auth/login", "/api/auth/check", "/api/auth/refresh"})


class RateLimits:
    """The buckets of this process; `around` puts them before an app. Rates and bursts are live: a
    bucket begins anew when its own change.
    """

    def __init__(
        self, options: OptionsCache, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._options = options
        self._clock = clock
        self._buckets: dict[str, tuple[tuple[int, int], Throttle]] = {}

    def around(self, app: ASGIApp) -> ASGIApp:
        """`app`, for clients that do not ask too fast; 429 with the text `Too fast` for the others."""

        async def limited(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                try:
                    self._take(scope, await options_now(self._options))
                except Busy as error:
                    ensure_exchange(scope).error = type(error).__name__
                    await send_answer(send, answer(error))
                    return
            await app(scope, receive, send)

        return limited

    def is_spared(self, address: str) -> bool:
        """Whether requests of this client are not counted now, as far as is known without a look."""
        options = self._options.fresh()
        return options is not None and _spares(options, address)

    def _take(self, scope: Scope, options: Options) -> None:
        """Raises Busy."""
        address = ensure_exchange(scope).client.address
        if _spares(options, address):
            return
        client = network_of(address)
        for bucket, group in _buckets(scope["path"]):
            rate = (getattr(options, f"rate_{group}"), getattr(options, f"burst_{group}"))
            self._bucket(bucket, rate).take(client)

    def _bucket(self, name: str, rate: tuple[int, int]) -> Throttle:
        held = self._buckets.get(name)
        if held is None or held[0] != rate:
            held = (rate, Throttle(burst=rate[1], every_s=1 / rate[0], clock=self._clock))
            self._buckets[name] = held
        return held[1]


def _buckets(path: str) -> list[tuple[str, str]]:
    """(bucket, group) of everything a request to this path counts in."""
    found = [("global", "global")]
    first, _, rest = path[1:].partition("/")
    if path in _AUTH:
        found.append((path, "auth"))
    elif path == "/api/uploads" or path.startswith("/api/uploads/"):
        found.append(("upload", "upload"))
    elif first == "api" and path not in _PUBLIC:
        found.append(("api", "api"))
    elif first == "v" and rest:
        found.append(("status" if rest.endswith("/status") else "player", "web"))
    elif is_media(path):
        found.append(("media", "web"))
    return found


def _spares(options: Options, address: str) -> bool:
    return not options.rate_limits_enabled or _is_loopback(address)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
