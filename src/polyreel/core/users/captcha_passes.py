"""What a viewer gets who solved a captcha: a token that spares the next one for a while."""

from datetime import timedelta

import jwt

from polyreel.core.options import Options
from polyreel.core.users.permissions import Actor
from polyreel.infra.secrets import Secrets
from polyreel.kit import clock

__all__ = ["CAPTCHA_PASS_LIFE", "has_captcha_pass", "is_captcha_due", "issue_captcha_pass"]

CAPTCHA_PASS_LIFE = timedelta(minutes=20)
_ALGORITHM = "HS256"
_PURPOSE = "captcha passes"


def is_captcha_due(options: Options, actor: Actor | None, owner_id: int) -> bool:
    """Whether the player of a video of `owner_id` asks this viewer for a captcha, unless they hold a
    pass. Never its owner, nor an administrator: a password is asked for more than a captcha is.
    """
    if not (options.captcha_enabled and options.captcha_at_player):
        return False
    return actor is None or not (actor.is_admin or actor.user_id == owner_id)


def issue_captcha_pass(secrets: Secrets, client_ip: str) -> str:
    """A token of 20 minutes, good for this address alone. Source: the VideoCMS contract, section 3."""
    ends_at = clock.now() + CAPTCHA_PASS_LIFE
    claims = {"ip": client_ip, "exp": int(ends_at.timestamp())}
    return jwt.encode(claims, secrets.key(_PURPOSE), algorithm=_ALGORITHM)


def has_captcha_pass(secrets: Secrets, token: str | None, client_ip: str) -> bool:
    """Whether `token` is such a pass, of this address, and not over."""
    if not token or len(token) > 1000:
        return False
    try:
        claims = jwt.decode(
            token,
            secrets.key(_PURPOSE),
            algorithms=[_ALGORITHM],
            options={"require": ["ip", "exp"]},
        )
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        return False
    return bool(claims["ip"] == client_ip)
