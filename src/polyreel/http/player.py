"""What the player page hands to a browser, so that it may fetch the bytes of one video."""

from polyreel.core.delivery import LIFE_S
from polyreel.http.media import COOKIE, PREFIX
from polyreel.http.ranges import http_date
from polyreel.kit import clock

__all__ = ["player_cookies"]


def player_cookies(ticket: str, uuid: str, *, is_https: bool) -> list[str]:
    """The values of two Set-Cookie headers, for both addresses that the media of `uuid` have.

    `ticket` comes from `Tickets.issue`. Over HTTPS the cookie also reaches players that other sites
    embed (`SameSite=None`), kept apart for each of them (`Partitioned`).
    Source: the VideoCMS contract, 4.2; CHIPS (draft-cutler-httpbis-partitioned-cookies).
    """
    expires = http_date(clock.to_us(clock.now()) // 1_000_000 + LIFE_S)
    flags = "Secure; SameSite=None; Partitioned" if is_https else "SameSite=Lax"
    return [
        f"{COOKIE}={ticket}; Path={base}/{uuid}; Max-Age={LIFE_S}; Expires={expires}; "
        f"HttpOnly; {flags}"
        for base in (PREFIX, "")
    ]
