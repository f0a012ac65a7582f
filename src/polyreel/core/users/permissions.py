"""Who is acting, and what they may do. Pure: what is known about the thing is handed in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from polyreel.kit.errors import Forbidden, NotFound

__all__ = [
    "ALL_SCOPES",
    "Action",
    "Actor",
    "KeyFor",
    "Via",
    "allow",
    "require_admin",
    "require_login",
]

Action = Literal["read", "write"]
Via = Literal["session", "jwt", "key", "local"]
KeyFor = Literal["videocms", "uploads", "tubearchivist", "optimized"]

ALL_SCOPES: frozenset[str] = frozenset({"read", "write"})


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A person at work, and how they proved who they are.

    `via` is `local` for someone at the server's own command line. `key_id` and `key_for` are set for
    API keys. `expires_at` is when the proof ends; None: it does not.
    """

    user_id: int
    username: str
    is_admin: bool
    via: Via
    key_id: int | None = None
    key_for: KeyFor | None = None
    scopes: frozenset[str] = ALL_SCOPES
    expires_at: datetime | None = None


def allow(
    actor: Actor | None,
    action: Action,
    *,
    owner_id: int,
    visibility: str = "private",
    shared: bool = False,
) -> None:
    """Return when `actor` (None: nobody known) may do `action` to a thing of `owner_id`.

    `visibility` is `private`, `unlisted` (whoever has its address) or `public`; anything else counts
    as private. `shared` things may be read by every signed-in person.
    Raises NotFound for a stranger, so that they cannot tell it from a missing thing; Forbidden only
    to people who may know that it exists.
    """
    if actor is not None and "read" not in actor.scopes:
        raise Forbidden("This key is not allowed to read.")
    is_own = actor is not None and (actor.is_admin or actor.user_id == owner_id)
    may_read = is_own or visibility in ("unlisted", "public") or (shared and actor is not None)
    if not may_read:
        raise NotFound
    if action == "read":
        return
    if not is_own:
        raise Forbidden if shared and actor is not None else NotFound
    if actor is not None and "write" not in actor.scopes:
        raise Forbidden("This key is only allowed to read.")


def require_admin(actor: Actor) -> None:
    """Raises Forbidden unless this is an administrator in person: a key of theirs is not enough."""
    require_login(actor)
    if not actor.is_admin:
        raise Forbidden


def require_login(actor: Actor) -> None:
    """Raises Forbidden for an API key: what concerns accounts and keys is done by people alone."""
    if actor.via == "key":
        raise Forbidden("An API key is not allowed to do that.")
