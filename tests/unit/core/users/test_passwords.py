"""Passwords: the same work for everyone, few at once, nothing held meanwhile."""

import threading
from datetime import UTC, datetime

import bcrypt
import pytest

from polyreel.core import users
from polyreel.core.users.carried import CarriedUser, carry_user
from polyreel.core.users.tables import UserRow
from polyreel.kit.errors import Invalid, Unauthenticated
from tests.factories.users import QUICK


class Counting(users.Passwords):
    """Tells how much work was done, and whether a transaction was open during it."""

    def __init__(self, db=None):
        super().__init__(QUICK)
        self.db = db
        self.asked = []
        self.made = 0

    def verify(self, kept, password):
        self.asked.append(kept)
        if self.db is not None:
            assert self.db.engines.reader.pool.checkedout() == 0
            assert self.db.engines.writer.pool.checkedout() == 0
        return super().verify(kept, password)

    def hash(self, password):
        self.made += 1
        return super().hash(password)


class CountingArgon2:
    """Stands where the argon2 library does and counts the expensive calls."""

    def __init__(self, inner):
        self.inner, self.calls = inner, 0

    def hash(self, password):
        self.calls += 1
        return self.inner.hash(password)

    def verify(self, kept, password):
        self.calls += 1
        return self.inner.verify(kept, password)


def test_the_right_password_gives_the_user(db, add_user):
    alice = add_user("alice", "correct horse")
    passwords = Counting(db)
    assert users.check_password(db, "Alice", "correct horse", passwords=passwords) == alice


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("alice", "wrong horse"),
        ("nobody", "correct horse"),
        ("alice", "x" * 10_000),
        ("alice", ""),
        ("robot", "correct horse"),
        ("ali\ud800ce\0", "\ud800" * 9),
    ],
)
def test_every_refusal_is_the_same_and_costs_one_hash(monkeypatch, db, add_user, name, password):
    add_user("alice", "correct horse")
    with db.write() as tx:
        users.create_user(tx, "robot", password=None)
    passwords = Counting(db)
    counter = CountingArgon2(passwords._argon2)
    monkeypatch.setattr(passwords, "_argon2", counter)
    with pytest.raises(Unauthenticated) as caught:
        users.check_password(db, name, password, passwords=passwords)
    assert caught.value.message == "The name or the password is wrong."
    assert counter.calls == 1


def test_hashes_are_argon2id_and_salted():
    passwords = users.Passwords(QUICK)
    first, second = passwords.hash("correct horse"), passwords.hash("correct horse")
    assert first.startswith("$argon2id$")
    assert first != second


def test_the_default_cost_is_at_least_what_owasp_asks_for():
    cost = users.Argon2Cost()
    assert cost.memory_kib >= 19 * 1024
    assert cost.passes >= 2


def test_a_hash_of_another_cost_is_replaced_at_the_next_login(db, add_user):
    alice = add_user("alice", "correct horse")
    dearer = users.Passwords(users.Argon2Cost(passes=2, memory_kib=64))
    users.check_password(db, "alice", "correct horse", passwords=dearer)
    with db.read() as tx:
        kept = tx.session.get(UserRow, alice.id).password_hash
    assert not dearer.is_outdated(kept)
    assert dearer.verify(kept, "correct horse")


def test_no_more_than_two_hash_at_once(monkeypatch):
    passwords = users.Passwords(QUICK)
    running, most, lock = 0, 0, threading.Lock()
    inner = passwords._argon2

    class Slow:
        def hash(self, password):
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            threading.Event().wait(0.02)
            with lock:
                running -= 1
            return inner.hash(password)

    monkeypatch.setattr(passwords, "_argon2", Slow())
    threads = [threading.Thread(target=passwords.hash, args=("correct horse",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2


def test_a_new_password_ends_every_login(db, add_user, passwords, secrets):
    alice = add_user()
    with db.write() as tx:
        session = users.start_session(tx, alice).token
    token = users.issue_jwt(secrets, alice).token
    hashed = passwords.hash("another horse")
    with db.write() as tx:
        users.set_password(tx, alice.id, hashed)
    with db.read() as tx:
        assert users.find_session(tx, session) is None
        with pytest.raises(Unauthenticated):
            users.read_jwt(tx, secrets, token)
    assert users.check_password(db, "alice", "another horse", passwords=passwords).id == alice.id
    with pytest.raises(Unauthenticated), db.write() as tx:
        # Checked just before the change, signed in just after it.
        users.start_session(tx, alice)


# --- bcrypt, of accounts that came from another server ---------------------------------------------------


def carry(db, name="carol", password="correct horse", *, cost=4, prefix=b"2a"):
    salt = bcrypt.gensalt(cost, prefix)
    carried = CarriedUser(
        name=name,
        bcrypt_hash=bcrypt.hashpw(password.encode()[:72], salt).decode(),
        email=None,
        is_admin=False,
        created_at=datetime(2024, 1, 1, tzinfo=UTC),
        more={},
    )
    with db.write() as tx:
        return carry_user(tx, carried)


def kept_of(db, user):
    with db.read() as tx:
        return tx.session.get(UserRow, user.id).password_hash


def test_a_bcrypt_password_is_taken_once_and_is_argon2_then(db, passwords):
    carol = carry(db)
    assert kept_of(db, carol).startswith("$2a$04$")
    found = users.check_password(db, "carol", "correct horse", passwords=passwords)
    assert found.id == carol.id
    assert kept_of(db, carol).startswith("$argon2id$")
    assert users.check_password(db, "carol", "correct horse", passwords=passwords).id == carol.id
    with pytest.raises(Unauthenticated):
        users.check_password(db, "carol", "wrong horse", passwords=passwords)


@pytest.mark.parametrize("password", ["x" * 100, "ä" * 60, "corr\0ect horse"])
def test_passwords_are_read_as_far_as_bcrypt_reads_them(db, passwords, password):
    carol = carry(db, password=password)
    found = users.check_password(db, "carol", password, passwords=passwords)
    assert found.id == carol.id


def test_a_short_password_of_another_server_stays_as_it_is(db, passwords):
    carol = carry(db, password="short")
    for _ in range(2):
        assert users.check_password(db, "carol", "short", passwords=passwords).id == carol.id
    assert kept_of(db, carol).startswith("$2a$")


@pytest.mark.parametrize("name", ["carol", "dave", "alice", "nobody", "robot"])
def test_while_bcrypt_is_left_every_refusal_costs_the_same(monkeypatch, db, add_user, name):
    add_user("alice", "correct horse")
    carry(db, "carol")
    carry(db, "dave", cost=5)
    with db.write() as tx:
        users.create_user(tx, "robot", password=None)
    passwords = Counting(db)
    counter = CountingArgon2(passwords._argon2)
    monkeypatch.setattr(passwords, "_argon2", counter)
    spent = []
    inner = bcrypt.hashpw

    def noted(password, salt):
        spent.append(bytes(salt[4:6]))
        return inner(password, salt)

    monkeypatch.setattr(
        bcrypt, "checkpw", lambda password, kept: noted(password, kept[:29]) == kept
    )
    monkeypatch.setattr(bcrypt, "hashpw", noted)
    with pytest.raises(Unauthenticated):
        users.check_password(db, name, "wrong horse", passwords=passwords)
    assert counter.calls == 1
    assert sorted(spent) == [b"04", b"05"]


@pytest.mark.parametrize(
    "kept", ["$2a$31$" + "x" * 53, "$2a$03$" + "x" * 53, "$2a$10$short", "plain", "$argon2id$v=19$"]
)
def test_a_hash_that_cannot_be_borne_is_refused(db, kept):
    carried = CarriedUser(
        name="carol", bcrypt_hash=kept, email=None, is_admin=False,
        created_at=datetime(2024, 1, 1, tzinfo=UTC), more={},
    )  # fmt: skip
    with pytest.raises(Invalid), db.write() as tx:
        carry_user(tx, carried)
