"""API keys: made, shown once, kept as a hash, found again by it."""

import hashlib
import hmac
import secrets as random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, or_, select

from polyreel.core.users.permissions import ALL_SCOPES, Actor, KeyFor, require_login
from polyreel.core.users.tables import KeyRow, KeyUseRow, UserRow
from polyreel.infra.secrets import Secrets
from polyreel.infra.tx import Tx
from polyreel.kit.errors import Conflict, Invalid, NotFound
from polyreel.kit.ids import new_secret

__all__ = [
    "KEY_KINDS",
    "Key",
    "KeyUse",
    "NewKey",
    "create_key",
    "delete_key",
    "ensure_derived_key",
    "find_key",
    "hash_key",
    "list_key_uses",
    "list_keys",
]

KEY_KINDS: tuple[KeyFor, ...] = ("videocms", "uploads", "tubearchivist", "optimized")

_PREFIXES = {"videocms": "ak_", "uploads": "sk-", "optimized": "ov-"}
_DERIVED: KeyFor = "tubearchivist"
_MOST_KEYS = 1000


@dataclass(frozen=True, kw_only=True)
class Key:
    """One API key as its owner may see it: never its text. `prefix` is its beginning and `...`."""

    id: int
    user_id: int
    key_for: KeyFor
    name: str
    prefix: str
    scopes: frozenset[str]
    expires_at: datetime | None
    last_used_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class NewKey:
    """A key just made, and its text, which is shown this once."""

    key: Key
    text: str


@dataclass(frozen=True, kw_only=True)
class KeyUse:
    """One request made with a key."""

    id: int
    key_id: int
    user_id: int
    method: str
    path: str
    ip: str
    created_at: datetime


def create_key(
    tx: Tx,
    actor: Actor,
    key_for: KeyFor,
    *,
    name: str,
    expires_at: datetime | None = None,
    scopes: Iterable[str] = ALL_SCOPES,
) -> NewKey:
    """Make a key of the actor's for one of the APIs. For `tubearchivist` see `ensure_derived_key`.

    Raises Forbidden for an actor who is a key, Invalid for a name outside 3 to 32 printable
    characters, an unknown scope or an end that has passed, Conflict beyond 1000 keys.
    """
    if key_for not in _PREFIXES:
        raise Invalid(fields={"key_for": ["There are no such keys to make."]})
    text = _PREFIXES[key_for] + new_secret()
    row = KeyRow(
        key_for=key_for, name=name, scopes=" ".join(sorted(set(scopes))), expires_at=expires_at
    )
    return _add(tx, actor, row, text)


def ensure_derived_key(tx: Tx, secrets: Secrets, actor: Actor, *, name: str = "token") -> NewKey:
    """The actor's one token of the kind that can be shown again (TubeArchivist's: 40 hex digits).

    It is computed from the server's secret, the person and a version, and never stored; where there
    is none yet, it is made: hand in a write transaction then. To change it, delete it first.
    """
    require_login(actor)
    mine = (KeyRow.user_id == actor.user_id, KeyRow.key_for == _DERIVED)
    row = tx.session.scalar(select(KeyRow).where(*mine))
    if row is not None:
        return NewKey(key=_key(row), text=_derive(secrets, actor.user_id, row.version or ""))
    version = random.token_hex(8)
    row = KeyRow(key_for=_DERIVED, name=name, scopes=" ".join(sorted(ALL_SCOPES)), version=version)
    return _add(tx, actor, row, _derive(secrets, actor.user_id, version))


def find_key(tx: Tx, text: str, key_for: KeyFor) -> Actor | None:
    """Who a key's text stands for; None for one that is unknown, over, or for another API.

    It is looked up by its hash, so that no comparison tells how much of a guess was right.
    """
    query = (
        select(KeyRow, UserRow)
        .join(UserRow, UserRow.id == KeyRow.user_id)
        .where(
            KeyRow.secret_hash == hash_key(text),
            KeyRow.key_for == key_for,
            or_(KeyRow.expires_at.is_(None), KeyRow.expires_at > tx.now),
        )
    )
    found = tx.session.execute(query).first()
    if found is None:
        return None
    key, user = found
    return Actor(
        user_id=user.id,
        username=user.name,
        is_admin=user.is_admin,
        via="key",
        key_id=key.id,
        key_for=key_for,
        scopes=frozenset(key.scopes.split()),
        expires_at=key.expires_at,
    )


def list_keys(tx: Tx, actor: Actor, *, key_for: KeyFor | None = None) -> list[Key]:
    """The actor's keys, oldest first; of one API where `key_for` is given. Raises Forbidden."""
    require_login(actor)
    query = select(KeyRow).where(KeyRow.user_id == actor.user_id).order_by(KeyRow.id)
    if key_for is not None:
        query = query.where(KeyRow.key_for == key_for)
    return [_key(row) for row in tx.session.scalars(query)]


def delete_key(tx: Tx, actor: Actor, key_id: int, *, key_for: KeyFor | None = None) -> None:
    """End a key of the actor's and forget its use. Raises NotFound, Forbidden."""
    _own_row(tx, actor, key_id, key_for)
    tx.session.execute(delete(KeyUseRow).where(KeyUseRow.key_id == key_id))
    tx.session.execute(delete(KeyRow).where(KeyRow.id == key_id))


def list_key_uses(
    tx: Tx, actor: Actor, key_id: int, *, key_for: KeyFor | None = None, limit: int = 100
) -> list[KeyUse]:
    """The last requests made with a key of the actor's, newest first. Raises NotFound, Forbidden."""
    _own_row(tx, actor, key_id, key_for)
    query = (
        select(KeyUseRow)
        .where(KeyUseRow.key_id == key_id)
        .order_by(KeyUseRow.created_at.desc(), KeyUseRow.id.desc())
        .limit(limit)
    )
    return [
        KeyUse(
            id=row.id,
            key_id=row.key_id,
            user_id=row.user_id,
            method=row.method,
            path=row.path,
            ip=row.ip,
            created_at=row.created_at,
        )
        for row in tx.session.scalars(query)
    ]


def _add(tx: Tx, actor: Actor, row: KeyRow, text: str) -> NewKey:
    require_login(actor)
    if not 3 <= len(row.name) <= 32 or not row.name.isprintable():
        raise Invalid(fields={"name": ["A key's name has 3 to 32 printable characters."]})
    if not row.scopes or not ALL_SCOPES.issuperset(row.scopes.split()):
        raise Invalid(fields={"scopes": [f"Scopes are {' and '.join(sorted(ALL_SCOPES))}."]})
    if row.expires_at is not None and row.expires_at <= tx.now:
        raise Invalid(fields={"expires_at": ["This moment has passed."]})
    if len(list_keys(tx, actor)) >= _MOST_KEYS:
        raise Conflict("That is too many keys: delete some first.")
    row.user_id = actor.user_id
    row.prefix = text[:8] + "..."
    row.secret_hash = hash_key(text)
    row.created_at = tx.now
    tx.session.add(row)
    tx.session.flush()
    return NewKey(key=_key(row), text=text)


def _own_row(tx: Tx, actor: Actor, key_id: int, key_for: KeyFor | None) -> KeyRow:
    require_login(actor)
    row = tx.session.get(KeyRow, key_id)
    if row is None or row.user_id != actor.user_id or key_for not in (None, row.key_for):
        raise NotFound("There is no such key.")
    return row


def _key(row: KeyRow) -> Key:
    return Key(
        id=row.id,
        user_id=row.user_id,
        key_for=next(kind for kind in KEY_KINDS if kind == row.key_for),
        name=row.name,
        prefix=row.prefix,
        scopes=frozenset(row.scopes.split()),
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        created_at=row.created_at,
    )


def hash_key(text: str) -> str:
    """What the table keeps of a key."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _derive(secrets: Secrets, user_id: int, version: str) -> str:
    message = f"{user_id}:{version}".encode()
    return hmac.digest(secrets.key("derived api key"), message, hashlib.sha256).hex()[:40]
