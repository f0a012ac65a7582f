"""Accounts: make, find, list and change people."""

import re
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from polyreel.core.users.passwords import PasswordHash
from polyreel.core.users.permissions import Actor, Via
from polyreel.core.users.tables import SessionRow, SetupRow, UserRow
from polyreel.infra.db import insert_ignore
from polyreel.infra.tx import Tx
from polyreel.kit import ids
from polyreel.kit.errors import Conflict, Invalid, NotFound

__all__ = [
    "Quota",
    "User",
    "actor_of",
    "close_setup",
    "create_user",
    "find_user_by_name",
    "fold",
    "get_user",
    "list_users",
    "set_password",
    "update_user",
    "user_from_row",
]

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
_LONGEST = 254
# In bytes: more does not fit into an index of PostgreSQL's, and is not an address anyone has.
_LONGEST_FOLDED = 1024
_CHANGEABLE: Mapping[str, Any] = {
    "name": str,
    "email": str | None,
    "is_admin": bool,
    "quota_bytes": Annotated[int, msgspec.Meta(ge=0, le=2**62)],
    "balance": float,
    "max_remote_downloads": Annotated[int, msgspec.Meta(ge=1, le=10_000)],
    "remote_download_enabled": bool,
    "settings": dict[str, Any],
}


@dataclass(frozen=True, kw_only=True)
class Quota:
    """What one person may use; `limit_bytes` 0: as much as there is."""

    limit_bytes: int
    balance: float
    max_remote_downloads: int
    remote_download_enabled: bool


@dataclass(frozen=True, kw_only=True)
class User:
    """One person, without anything secret."""

    id: int
    uuid: str
    name: str
    email: str | None
    is_admin: bool
    token_version: int
    quota: Quota
    settings: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime


def user_from_row(row: UserRow) -> User:
    """The frozen value of a row."""
    return User(
        id=row.id,
        uuid=row.uuid,
        name=row.name,
        email=row.email,
        is_admin=row.is_admin,
        token_version=row.token_version,
        quota=Quota(
            limit_bytes=row.quota_bytes,
            balance=row.balance,
            max_remote_downloads=row.max_remote_downloads,
            remote_download_enabled=row.remote_download_enabled,
        ),
        settings=dict(row.settings),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def actor_of(user: User, via: Via = "local") -> Actor:
    """Someone acting as `user`; by default at the server's own command line."""
    return Actor(user_id=user.id, username=user.name, is_admin=user.is_admin, via=via)


def create_user(
    tx: Tx,
    name: str,
    *,
    password: PasswordHash | None,
    email: str | None = None,
    is_admin: bool = False,
    quota_bytes: int = 0,
) -> User:
    """Make an account. `password` comes from `Passwords.hash`, called before the transaction; None:
    nobody can sign in. An administrator made here ends the set-up.

    Raises Invalid for a name outside 3 to 32 printable characters, Conflict for one that is taken.
    """
    row = UserRow(
        uuid=ids.uuid7(),
        password_hash=password,
        is_admin=is_admin,
        token_version=secrets.randbits(40),
        quota_bytes=_fitting("quota_bytes", quota_bytes),
        settings={},
        created_at=tx.now,
        updated_at=tx.now,
    )
    _rename(tx, row, name)
    _set_email(tx, row, email)
    tx.session.add(row)
    _flush(tx)
    if is_admin:
        close_setup(tx)
    return user_from_row(row)


def close_setup(tx: Tx) -> bool:
    """End the set-up; True for the one transaction, of all that ever try, which did."""
    table = UserRow.metadata.tables[SetupRow.__tablename__]
    statement = insert_ignore(tx.database.dialect, table, index=["id"])
    result = tx.session.execute(statement.values(id=1, finished_at=tx.now).returning(table.c.id))
    return result.first() is not None


def get_user(tx: Tx, user_id: int) -> User:
    """One person. Raises NotFound."""
    return user_from_row(_row(tx, user_id))


def find_user_by_name(tx: Tx, name: str) -> User | None:
    """The person of this name, in any case."""
    row = tx.session.scalar(select(UserRow).where(UserRow.name_folded == fold(name)))
    return user_from_row(row) if row else None


def list_users(tx: Tx, *, limit: int = 1000, after_id: int = 0) -> list[User]:
    """People in the order they came, those after the id `after_id`."""
    query = select(UserRow).where(UserRow.id > after_id).order_by(UserRow.id).limit(limit)
    return [user_from_row(row) for row in tx.session.scalars(query)]


def update_user(tx: Tx, user_id: int, changes: Mapping[str, Any]) -> User:
    """Change fields of an account (the names of User and Quota; `quota_bytes` for the limit).

    Taking away administration ends every session and token of the person.
    Raises NotFound, Invalid, Conflict (name or address taken; the last administrator stays one).
    """
    row = _row(tx, user_id)
    for field, given in changes.items():
        value = _fitting(field, given)
        if field == "name":
            _rename(tx, row, value)
        elif field == "email":
            _set_email(tx, row, value)
        elif field == "is_admin":
            _set_admin(tx, row, wanted=value)
        else:
            setattr(row, field, value)
    row.updated_at = tx.now
    _flush(tx)
    return user_from_row(row)


def set_password(tx: Tx, user_id: int, password: PasswordHash) -> None:
    """Change a password and end every session and token of the person. Raises NotFound."""
    row = _row(tx, user_id)
    row.password_hash = password
    row.updated_at = tx.now
    _end_logins(tx, row)


def _row(tx: Tx, user_id: int) -> UserRow:
    row = tx.session.get(UserRow, user_id)
    if row is None:
        raise NotFound("There is no such user.")
    return row


def fold(text: str) -> str:
    """One spelling for all that a person takes for the same name; empty for what is longer than any
    name or address.
    """
    if len(text) > _LONGEST:
        # Unicode's normal forms take minutes for a megabyte of accents on one letter.
        return ""
    # Half a surrogate pair and NUL, which JSON can carry, are in no name and no database takes them.
    whole = text.encode(errors="replace").decode().replace("\0", "?")
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", whole).casefold()).strip()


def _rename(tx: Tx, row: UserRow, name: str) -> None:
    shown = unicodedata.normalize("NFC", name[:_LONGEST])
    if not 3 <= len(shown) <= 32 or not shown.isprintable() or shown != shown.strip():
        raise Invalid(fields={"name": ["A name has 3 to 32 printable characters."]})
    folded = fold(shown)
    other = tx.session.scalar(select(UserRow.id).where(UserRow.name_folded == folded))
    if other is not None and other != row.id:
        raise Conflict("That name is taken.")
    row.name, row.name_folded = shown, folded


def _set_email(tx: Tx, row: UserRow, email: str | None) -> None:
    if not email:
        row.email = row.email_folded = None
        return
    if not (_EMAIL.fullmatch(email) and email.isprintable()):
        raise Invalid(fields={"email": ["That is not an e-mail address."]})
    folded = fold(email)
    if len(folded.encode()) > _LONGEST_FOLDED:
        raise Invalid(fields={"email": ["That is not an e-mail address."]})
    other = tx.session.scalar(select(UserRow.id).where(UserRow.email_folded == folded))
    if other is not None and other != row.id:
        raise Conflict("That e-mail address is taken.")
    row.email, row.email_folded = email, folded


def _set_admin(tx: Tx, row: UserRow, *, wanted: bool) -> None:
    if row.is_admin and not wanted:
        others = select(UserRow.id).where(UserRow.is_admin, UserRow.id != row.id).limit(1)
        if tx.session.scalar(others) is None:
            raise Conflict("The last administrator stays one.")
        _end_logins(tx, row)
    elif wanted:
        close_setup(tx)
    row.is_admin = wanted


def _end_logins(tx: Tx, row: UserRow) -> None:
    row.token_version += 1
    tx.session.execute(delete(SessionRow).where(SessionRow.user_id == row.id))
    tx.session.flush()


def _fitting(field: str, value: object) -> Any:
    """`value` when the field can be changed and may have it. Raises Invalid."""
    if field not in _CHANGEABLE:
        raise Invalid(fields={field: ["This cannot be changed."]})
    try:
        return msgspec.convert(value, _CHANGEABLE[field], strict=True)
    except msgspec.ValidationError as error:
        raise Invalid(fields={field: [f"This is of the wrong kind: {error}."]}) from None


def _flush(tx: Tx) -> None:
    try:
        tx.session.flush()
    except IntegrityError:
        # Only PostgreSQL gets here: two transactions at once, each of which saw the name free.
        raise Conflict("That name or e-mail address is taken.") from None
