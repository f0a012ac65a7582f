"""What the player page hands to a browser, so that it may fetch the bytes of one video, and the cookie
of who solved the captcha before it.
"""

from polyreel.core import users
from polyreel.core.delivery import LIFE_S
from polyreel.core.options import Options
from polyreel.core.users import Actor
from polyreel.http.auth import Client, cookie
from polyreel.http.media import COOKIE, PREFIX
from polyreel.http.middleware import Scope, ensure_exchange
from polyreel.http.ranges import http_date
from polyreel.infra.secrets import Secrets
from polyreel.kit import clock

__all__ = ["captcha_cookie", "must_solve_captcha", "player_cookies"]

_CAPTCHA_COOKIE = "captcha_bypass"


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


def must_solve_captcha(
    options: Options, secrets: Secrets, scope: Scope, actor: Actor | None, owner_id: int
) -> bool:
    """Whether whoever asks has to solve a captcha before they get the player of `owner_id`'s video.

    It stands before everything that leads to a media ticket; who holds one has solved it.
    """
    if not users.is_captcha_due(options, actor, owner_id):
        return False
    address = ensure_exchange(scope).client.address
    return not users.has_captcha_pass(secrets, cookie(scope["headers"], _CAPTCHA_COOKIE), address)


def captcha_cookie(secrets: Secrets, client: Client) -> str:
    """The value of the Set-Cookie header for who solved a captcha. Source: the VideoCMS contract, 3.

    Over HTTPS it reaches embedded players too, as the media ticket does.
    """
    token = users.issue_captcha_pass(secrets, client.address)
    flags = "; Secure; SameSite=None; Partitioned" if client.scheme == "https" else ""
    life_s = int(users.CAPTCHA_PASS_LIFE.total_seconds())
    return f"{_CAPTCHA_COOKIE}={token}; Path=/; Max-Age={life_s}; HttpOnly{flags}"
