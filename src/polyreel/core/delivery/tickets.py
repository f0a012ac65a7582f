"""Tickets: the right to fetch the bytes of one video for some hours, checked without a database.

A ticket names the video and the version of who may see it: changing that ends it.
"""

import base64
import hashlib
import hmac
from collections import OrderedDict
from dataclasses import dataclass

from polyreel.kit import clock

LIFE_S = 6 * 3600
_VERSION = "v1"
_REMEMBERED = 4096


@dataclass(frozen=True)
class Ticket:
    """What a ticket says; `expires_at` in seconds since the epoch."""

    video_uuid: str
    policy_version: int
    expires_at: int


class Tickets:
    """Signs and checks tickets with one key; remembers what it checked lately."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._known: OrderedDict[str, Ticket] = OrderedDict()

    def issue(self, video_uuid: str, policy_version: int, *, life_s: int = LIFE_S) -> str:
        """A ticket's text; opaque to whoever holds it."""
        expires_at = clock.epoch_s() + life_s
        body = f"{_VERSION}.{video_uuid}.{policy_version}.{expires_at}"
        return f"{body}.{self._sign(body)}"

    def check(self, text: str) -> Ticket | None:
        """The ticket, or None when it is not ours or over."""
        ticket = self._known.get(text) or self._read(text)
        if ticket is None or ticket.expires_at <= clock.epoch_s():
            self._known.pop(text, None)
            return None
        return ticket

    def _read(self, text: str) -> Ticket | None:
        body, _, signature = text.rpartition(".")
        if not hmac.compare_digest(self._sign(body).encode(), signature.encode()):
            return None
        version, video_uuid, policy_version, expires_at = body.split(".")
        if version != _VERSION:
            return None
        ticket = Ticket(video_uuid, int(policy_version), int(expires_at))
        self._known[text] = ticket
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return ticket

    def _sign(self, body: str) -> str:
        digest = hmac.digest(self._key, body.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
