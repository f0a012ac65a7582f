"""What signing in and set-up share: whether it may happen here, and the cookie at its end."""

import re

from polyreel.core.users import User, start_session
from polyreel.http.auth import header, session_token, set_cookie_header
from polyreel.http.middleware import Scope
from polyreel.kit.errors import Forbidden
from polyreel.web.asking import client_of
from polyreel.web.replies import Reply, redirect
from polyreel.web.site import Site

__all__ = ["checked_next", "require_encryption", "sign_in"]

# A path of ours: `//host` and `/\\host` are addresses elsewhere, and browsers drop tabs and newlines.
_OURS = re.compile(r"/(?![/\\])[\x21-\x7e]{0,2000}")


def checked_next(address: str) -> str:
    """Where to go after signing in: `address` when it is a path of this server, else the library."""
    return address if _OURS.fullmatch(address) or address == "/" else "/"


def require_encryption(site: Site, scope: Scope) -> None:
    """Raises Forbidden over plain HTTP where the settings ask for HTTPS."""
    if not site.settings.require_https or client_of(scope).scheme == "https":
        return
    secure = next(iter(site.public_urls), "")
    where = f" Open {secure} instead." if secure.startswith("https://") else ""
    raise Forbidden(f"This server signs people in over encrypted connections (HTTPS) only.{where}")


def sign_in(site: Site, scope: Scope, user: User, address: str) -> Reply:
    """Begin a session, always a new one, and go on. Raises Unauthenticated, when the account just changed."""
    client = client_of(scope)
    with site.db.write() as tx:
        login = start_session(
            tx,
            user,
            user_agent=header(scope["headers"], "user-agent") or "",
            replaces=session_token(scope["headers"], client),
        )
    name, value = set_cookie_header(client, login.token, expires_at=login.expires_at)
    return redirect(address).plus([(name.decode(), value.decode())])
