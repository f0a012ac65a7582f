"""Where this API carries its credentials: a JWT or an `ak_` key, last word of Authorization."""

from polyreel.core.users import Actor
from polyreel.http.auth import actor_by_token, bearer_token
from polyreel.http.middleware import Scope
from polyreel.infra.tools import Tools
from polyreel.kit.errors import Forbidden

__all__ = ["authenticate"]

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


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
    if ("read" if scope["method"] in _READING else "write") not in actor.scopes:
        raise Forbidden("This key is not allowed to do that.")
    return actor
