"""Sessions and JWTs: what they hold, and all that ends them."""

import base64
import json
from datetime import timedelta

import jwt
import pytest
from sqlalchemy import select, update

from polyreel.core import users
from polyreel.core.users.tables import SessionRow, UserRow
from polyreel.kit import clock
from polyreel.kit.errors import Unauthenticated


def part(token, index):
    text = token.split(".")[index]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def test_a_session_stands_for_its_user_and_only_its_hash_is_kept(db, add_user):
    alice = add_user(is_admin=True)
    with db.write() as tx:
        login = users.start_session(tx, alice, user_agent="Fire\nfox" + "x" * 500)
    with db.read() as tx:
        actor = users.find_session(tx, login.token)
        row = tx.session.scalars(select(SessionRow)).one()
    assert actor is not None
    assert (actor.user_id, actor.username, actor.is_admin, actor.via) == (
        alice.id,
        "alice",
        True,
        "session",
    )
    assert actor.expires_at == login.expires_at
    assert login.token not in (row.token_hash, row.user_agent)
    assert row.user_agent.startswith("Firefoxx")
    assert len(row.user_agent) == 200


def test_each_login_has_a_new_token_and_may_end_the_one_before(db, add_user):
    alice = add_user()
    with db.write() as tx:
        first = users.start_session(tx, alice).token
        second = users.start_session(tx, alice, replaces=first).token
    assert first != second
    with db.read() as tx:
        assert users.find_session(tx, first) is None
        assert users.find_session(tx, second)
        assert users.find_session(tx, "invented") is None


def test_a_session_ends_by_itself(db, add_user):
    alice = add_user()
    with db.write() as tx:
        token = users.start_session(tx, alice).token
        over = update(SessionRow).values(expires_at=tx.now - timedelta(seconds=1))
        tx.session.execute(over)
    with db.read() as tx:
        assert users.find_session(tx, token) is None


def test_logout_ends_this_browser_and_the_jwts_but_no_other_browser(db, add_user, secrets):
    alice = add_user()
    token = users.issue_jwt(secrets, alice).token
    with db.write() as tx:
        here, there = (users.start_session(tx, alice).token for _ in range(2))
    with db.write() as tx:
        users.end_session(tx, here)
        users.end_session(tx, "unknown")
    with db.read() as tx:
        assert users.find_session(tx, here) is None
        assert users.find_session(tx, there)
        with pytest.raises(Unauthenticated):
            users.read_jwt(tx, secrets, token)
    with db.write() as tx:
        users.end_all_sessions(tx, alice.id)
        assert users.find_session(tx, there) is None


def test_a_loop_of_logins_keeps_fifty_sessions(db, add_user):
    alice = add_user()
    with db.write() as tx:
        tokens = [users.start_session(tx, alice).token for _ in range(60)]
    with db.read() as tx:
        assert len(tx.session.scalars(select(SessionRow)).all()) == 50
        assert users.find_session(tx, tokens[-1])


def test_a_jwt_has_exactly_the_claims_of_the_contract(db, add_user, secrets):
    alice = add_user(is_admin=True)
    login = users.issue_jwt(secrets, alice)
    claims = part(login.token, 1)
    assert claims == {
        "userid": alice.id,
        "username": "alice",
        "admin": True,
        "exp": int(login.expires_at.timestamp()),
    }
    assert part(login.token, 0) == {
        "alg": "HS256",
        "typ": "JWT",
        "kid": str(alice.token_version),
    }
    left = login.expires_at - clock.now()
    assert timedelta(days=7) - timedelta(seconds=5) < left <= timedelta(days=7)
    with db.read() as tx:
        actor = users.read_jwt(tx, secrets, login.token)
    assert (actor.user_id, actor.via, actor.is_admin) == (alice.id, "jwt", True)
    assert actor.expires_at == login.expires_at


def forged(alice, secrets, **changes):
    claims = {"userid": alice.id, "username": "alice", "admin": False, "exp": 4_000_000_000}
    options = {"key": secrets.key("jwt"), "algorithm": "HS256"}
    options["headers"] = {"kid": str(alice.token_version)}
    for name, value in changes.items():
        target = options if name in options else claims
        target[name] = value
        if value is ...:
            del target[name]
    return jwt.encode(claims, options.pop("key"), **options)


@pytest.mark.parametrize(
    "changes",
    [
        {"key": b"x" * 32},
        {"algorithm": "none", "key": None},
        {"algorithm": "HS512", "key": "real"},
        {"exp": 1},
        {"exp": ...},
        {"userid": ...},
        {"userid": "1"},
        {"userid": True},
        {"userid": 999},
        {"iat": 1},
        {"headers": {}},
        {"headers": {"kid": "0"}},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_any_other_jwt_is_refused(db, add_user, secrets, changes):
    alice = add_user()
    if changes.get("key") == "real":
        changes = changes | {"key": secrets.key("jwt")}
    with db.read() as tx:
        assert users.read_jwt(tx, secrets, forged(alice, secrets)).user_id == alice.id
        with pytest.raises(Unauthenticated):
            users.read_jwt(tx, secrets, forged(alice, secrets, **changes))


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "\ud800", "é.é.é", "deep"])
def test_nonsense_is_no_jwt(db, secrets, token):
    if token == "deep":
        nested = base64.urlsafe_b64encode(b"[" * 60_000).decode()
        token = f"{nested}.{nested}.x"
    with db.read() as tx, pytest.raises(Unauthenticated):
        users.read_jwt(tx, secrets, token)


def test_a_later_account_does_not_inherit_the_jwt_of_a_deleted_one(db, add_user, secrets):
    alice = add_user()
    token = users.issue_jwt(secrets, alice).token
    with db.write() as tx:
        tx.session.connection().exec_driver_sql("DELETE FROM users")
    bert = add_user("bert")
    with db.write() as tx:
        # SQLite did so by itself; on PostgreSQL it takes a sequence that was set back.
        tx.session.execute(update(UserRow).where(UserRow.id == bert.id).values(id=alice.id))
    with db.read() as tx, pytest.raises(Unauthenticated):
        users.read_jwt(tx, secrets, token)
