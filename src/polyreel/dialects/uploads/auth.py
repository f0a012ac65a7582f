"""Where this API carries its key: `Authorization: Bearer <key>`."""

from polyreel.core.users import Actor, find_key
from polyreel.http.auth import check_scope, header
from polyreel.http.middleware import Scope
from polyreel.infra.tools import Tools
from polyreel.kit.errors import Unauthenticated

__all__ = ["authenticate"]


def authenticate(tools: Tools, scope: Scope) -> Actor:
    """The tenant of a request. Raises Unauthenticated, Forbidden for a key that may not do this."""
    words = (header(scope["headers"], "authorization") or "").split()
    if len(words) != 2 or words[0].lower() != "bearer":
        raise Unauthenticated
    with tools.db.read() as tx:
        actor = find_key(tx, words[1], "uploads")
    if actor is None:
        raise Unauthenticated
    check_scope(actor, scope["method"])
    return actor
