"""Where this API carries its credentials: a JWT or an `ak_` key, last word of Authorization; and who
is told what when that is not enough. Contract: section 1.6.
"""

from polyreel.core import users
from polyreel.core.users import Actor
from polyreel.http.auth import actor_by_token, bearer_token, check_scope
from polyreel.http.middleware import Scope
from polyreel.infra.tools import Tools
from polyreel.kit.errors import Forbidden

__all__ = ["authenticate", "require_admin", "require_login"]


def authenticate(tools: Tools, scope: Scope) -> Actor | None:
    """The person of a request; None without a token.

    Raises Unauthenticated for a token that stands for nobody, Forbidden for a key that may not use
    this method.
    """
    token = bearer_token(scope["headers"])
    if token is None:
        return None
    with tools.db.read() as tx:
        actor = actor_by_token(tx, tools.secrets, token)
    check_scope(actor, scope["method"])
    return actor


def require_admin(actor: Actor) -> None:
    """Raises Forbidden, in upstream's words, unless this is an administrator with a JWT."""
    require_login(actor, "API Key Not Permitted for Admin Routes")
    try:
        users.require_admin(actor)
    except Forbidden:
        raise Forbidden("Not Permitted") from None


def require_login(actor: Actor, refusal: str) -> None:
    """Raises Forbidden with `refusal` for an API key."""
    try:
        users.require_login(actor)
    except Forbidden:
        raise Forbidden(refusal) from None
