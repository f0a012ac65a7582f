"""Accounts and keys that come from another server, with what they had there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from polyreel.core.users.accounts import User, create_user, get_user, update_user
from polyreel.core.users.keys import hash_key
from polyreel.core.users.passwords import PasswordHash, is_bcrypt
from polyreel.core.users.permissions import ALL_SCOPES, Actor, KeyFor
from polyreel.core.users.tables import KeyRow, UserRow
from polyreel.infra.tx import Tx
from polyreel.kit.errors import Conflict, Invalid

__all__ = ["CarriedKey", "CarriedUser", "carry_key", "carry_user"]

_PREFIX = 8


@dataclass(frozen=True, kw_only=True)
class CarriedUser:
    """A person as another server knew them. `bcrypt_hash` None: nobody can sign in until there is a
    new password. `more` are changes as `update_user` takes them.
    """

    name: str
    bcrypt_hash: str | None
    email: str | None
    is_admin: bool
    created_at: datetime
    more: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class CarriedKey:
    """An API key that another server gave out; `text` is the key itself."""

    key_for: KeyFor
    text: str
    name: str
    expires_at: datetime | None
    last_used_at: datetime | None
    created_at: datetime


def carry_user(tx: Tx, carried: CarriedUser) -> User:
    """Make the account; its password is accepted as it is and replaced at the first login.

    Raises Invalid, Conflict, as create_user and update_user do.
    """
    if carried.bcrypt_hash is not None and not is_bcrypt(carried.bcrypt_hash):
        raise Invalid("The password is kept in a form that is not known here.")
    made = create_user(
        tx,
        carried.name,
        password=PasswordHash(carried.bcrypt_hash) if carried.bcrypt_hash else None,
        email=carried.email,
        is_admin=carried.is_admin,
    )
    update_user(tx, made.id, carried.more)
    tx.session.get_one(UserRow, made.id).created_at = carried.created_at
    tx.session.flush()
    return get_user(tx, made.id)


def carry_key(tx: Tx, owner: Actor, carried: CarriedKey) -> int:
    """Let a key go on working for `owner`; its id. Raises Conflict where the same key is known."""
    secret_hash = hash_key(carried.text)
    if tx.session.scalar(select(KeyRow.id).where(KeyRow.secret_hash == secret_hash)) is not None:
        raise Conflict("This key is known here already.")
    row = KeyRow(
        user_id=owner.user_id,
        key_for=carried.key_for,
        name=carried.name,
        prefix=carried.text[:_PREFIX] + "...",
        secret_hash=secret_hash,
        scopes=" ".join(sorted(ALL_SCOPES)),
        expires_at=carried.expires_at,
        last_used_at=carried.last_used_at,
        created_at=carried.created_at,
    )
    tx.session.add(row)
    tx.session.flush()
    return row.id
