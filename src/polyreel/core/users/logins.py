"""Signing in: check a password, keep a session for a browser, issue a JWT for a program."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import jwt
from sqlalchemy import delete, func, select, update

from polyreel.core.users.accounts import User, actor_of, fold, user_from_row
from polyreel.core.users.passwords import PASSWORDS, Passwords, is_bcrypt, is_bcrypt_cost
from polyreel.core.users.permissions import Actor
from polyreel.core.users.tables import SessionRow, UserRow
from polyreel.infra.secrets import Secrets
from polyreel.infra.tx import Database, Tx
from polyreel.kit import clock, ids
from polyreel.kit.errors import Invalid, NotFound, Unauthenticated

__all__ = [
    "JWT_LIFE",
    "SESSION_LIFE",
    "Login",
    "check_password",
    "end_all_sessions",
    "end_session",
    "find_session",
    "hash_session_token",
    "issue_jwt",
    "read_jwt",
    "start_session",
]

SESSION_LIFE = timedelta(days=30)
JWT_LIFE = timedelta(days=7)

_ALGORITHM = "HS256"
_CLAIMS = {"userid": int, "username": str, "admin": bool, "exp": int}
_MOST_SESSIONS = 50


@dataclass(frozen=True, kw_only=True)
class Login:
    """What a signed-in program or browser keeps: the token's text and when it ends."""

    token: str
    expires_at: datetime


def check_password(
    db: Database, name: str, password: str, *, passwords: Passwords = PASSWORDS
) -> User:
    """The person whose name and password these are. Raises Unauthenticated, Busy.

    Holds no transaction while it hashes, and hashes for names that do not exist too. A hash made at
    another cost than today's, or by another server, is replaced on the way.
    """
    with db.read() as tx:
        row = tx.session.scalar(select(UserRow).where(UserRow.name_folded == fold(name)))
        kept = row.password_hash if row else None
        user = user_from_row(row) if row else None
        costs = _bcrypt_costs(tx)
    is_right = _verify(passwords, kept, password, costs)
    if not is_right or user is None or kept is None:
        raise Unauthenticated("The name or the password is wrong.")
    if passwords.is_outdated(kept):
        _replace_hash(db, passwords, user, kept, password)
    return user


def _verify(passwords: Passwords, kept: str | None, password: str, costs: Sequence[str]) -> bool:
    """Whether it is right. A refusal costs the same for everyone, and for nobody: one argon2 hash,
    and one of bcrypt at each cost that any account still has.
    """
    spent = None
    if kept is not None and is_bcrypt(kept):
        if passwords.verify_bcrypt(kept, password):
            return True
        spent, kept = kept[4:6], None
    if passwords.verify(kept, password):
        return True
    for cost in costs:
        if cost != spent:
            passwords.spend_bcrypt(cost, password)
    return False


def _bcrypt_costs(tx: Tx) -> list[str]:
    """The costs, two digits each, of the bcrypt hashes that no login has replaced yet."""
    cost = func.substr(UserRow.password_hash, 5, 2)
    found = tx.session.scalars(
        select(cost).where(UserRow.password_hash.like("$2%")).distinct().order_by(cost)
    )
    return [str(each) for each in found if is_bcrypt_cost(str(each))]


def _replace_hash(db: Database, passwords: Passwords, user: User, kept: str, password: str) -> None:
    # Another server's rules may have been other than ours: then the old hash has to do.
    with suppress(Invalid):
        fresh = passwords.hash(password)
        same = (UserRow.id == user.id, UserRow.password_hash == kept)
        with db.write() as tx:
            tx.session.execute(update(UserRow).where(*same).values(password_hash=fresh))


def start_session(
    tx: Tx, user: User, *, user_agent: str = "", replaces: str | None = None
) -> Login:
    """Sign a browser in: always a new token, and the end of the session `replaces` was for.

    Raises Unauthenticated when the account changed its password since `user` was read, or is gone.
    """
    row = tx.session.get(UserRow, user.id)
    if row is None or row.token_version != user.token_version:
        raise Unauthenticated
    if replaces:
        tx.session.execute(
            delete(SessionRow).where(SessionRow.token_hash == hash_session_token(replaces))
        )
    _keep_newest(tx, user.id, _MOST_SESSIONS - 1)
    login = Login(token=ids.new_token(), expires_at=tx.now + SESSION_LIFE)
    tx.session.add(
        SessionRow(
            token_hash=hash_session_token(login.token),
            user_id=user.id,
            token_version=row.token_version,
            user_agent="".join(c for c in user_agent if c.isprintable())[:200],
            created_at=tx.now,
            last_seen_at=tx.now,
            expires_at=login.expires_at,
        )
    )
    tx.session.flush()
    return login


def find_session(tx: Tx, token: str) -> Actor | None:
    """Who this session's token stands for; None when it is unknown, over, or was ended."""
    query = (
        select(UserRow, SessionRow.expires_at)
        .join(SessionRow, SessionRow.user_id == UserRow.id)
        .where(
            SessionRow.token_hash == hash_session_token(token),
            SessionRow.token_version == UserRow.token_version,
            SessionRow.expires_at > tx.now,
        )
    )
    found = tx.session.execute(query).first()
    if found is None:
        return None
    row, expires_at = found
    return replace(actor_of(user_from_row(row), "session"), expires_at=expires_at)


def end_session(tx: Tx, token: str) -> None:
    """Sign one browser out. The person's JWTs end with it; their other browsers stay signed in.

    An unknown token is not an error.
    """
    gone = delete(SessionRow).where(SessionRow.token_hash == hash_session_token(token))
    user_id = tx.session.scalar(gone.returning(SessionRow.user_id))
    row = tx.session.get(UserRow, user_id) if user_id is not None else None
    if row is None:
        return
    row.token_version += 1
    others = update(SessionRow).where(
        SessionRow.user_id == row.id, SessionRow.token_version == row.token_version - 1
    )
    tx.session.execute(others.values(token_version=row.token_version))


def end_all_sessions(tx: Tx, user_id: int) -> None:
    """Sign a person out everywhere: every browser and every JWT. Raises NotFound."""
    row = tx.session.get(UserRow, user_id)
    if row is None:
        raise NotFound("There is no such user.")
    row.token_version += 1
    tx.session.execute(delete(SessionRow).where(SessionRow.user_id == user_id))
    tx.session.flush()


def issue_jwt(secrets: Secrets, user: User) -> Login:
    """A JWT for seven days, with exactly the claims that VideoCMS's clients know.

    The account's token version travels as the `kid` header, so that a logout, a new password or a
    demotion ends the token. Source: the VideoCMS contract, section 2.
    """
    expires_at = (clock.now() + JWT_LIFE).replace(microsecond=0)
    claims = {
        "userid": user.id,
        "username": user.name,
        "admin": user.is_admin,
        "exp": int(expires_at.timestamp()),
    }
    headers = {"kid": str(user.token_version)}
    token = jwt.encode(claims, secrets.key("jwt"), algorithm=_ALGORITHM, headers=headers)
    return Login(token=token, expires_at=expires_at)


def read_jwt(tx: Tx, secrets: Secrets, token: str) -> Actor:
    """Who a JWT stands for, as the account is now. Raises Unauthenticated for any fault in it."""
    try:
        parsed = jwt.decode_complete(
            token,
            secrets.key("jwt"),
            algorithms=[_ALGORITHM],
            options={"require": list(_CLAIMS)},
        )
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        raise Unauthenticated from None
    claims = parsed["payload"]
    if claims.keys() != _CLAIMS.keys() or any(
        type(claims[name]) is not kind for name, kind in _CLAIMS.items()
    ):
        raise Unauthenticated
    row = tx.session.get(UserRow, claims["userid"])
    if row is None or parsed["header"].get("kid") != str(row.token_version):
        raise Unauthenticated
    return replace(
        actor_of(user_from_row(row), "jwt"), expires_at=clock.from_us(claims["exp"] * 1_000_000)
    )


def hash_session_token(token: str) -> str:
    """What the table keeps of a session's token; 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def _keep_newest(tx: Tx, user_id: int, count: int) -> None:
    """Forget a person's oldest sessions, so that a loop of logins fills no table."""
    newest = (
        select(SessionRow.token_hash)
        .where(SessionRow.user_id == user_id)
        .order_by(SessionRow.created_at.desc())
        .limit(count)
    )
    kept = list(tx.session.scalars(newest))
    if len(kept) == count:
        tx.session.execute(
            delete(SessionRow).where(
                SessionRow.user_id == user_id, SessionRow.token_hash.not_in(kept)
            )
        )
