"""Where this API carries its credentials: a JWT or an `ak_` key, last word of Authorization."""

from polyreel.core.users import Actor
from polyreel.http.auth import actor_by_token, bearer_token, check_scope
from polyreel.http.middleware import Scope
from polyreel.infra.tools import Tools

__all__ = ["authenticate"]


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
