"""Accounts: names are unique whatever their case, and changes end what they should."""

import pytest

from polyreel.core import users
from polyreel.kit.errors import Conflict, Invalid, NotFound, Unauthenticated
from tests.pace import Stopwatch


def test_a_new_user_is_found_by_name_in_any_case(db, add_user):
    alice = add_user("Alice", email="a@example.org", quota_bytes=5)
    with db.read() as tx:
        assert users.find_user_by_name(tx, " aLICE ") == alice
        assert users.get_user(tx, alice.id) == alice
        assert users.list_users(tx) == [alice]
    assert (alice.name, alice.quota.limit_bytes, alice.is_admin) == ("Alice", 5, False)


@pytest.mark.parametrize("other", ["alice", "ALICE", "\uff41lice"])
def test_a_name_that_looks_the_same_is_taken(add_user, other):
    add_user("Alice")
    with pytest.raises(Conflict):
        add_user(other)


@pytest.mark.parametrize("name", ["al", "a" * 33, "al\nice", " alice", "ali\u202ece", "al\ud800ce"])
def test_a_name_has_3_to_32_printable_characters(add_user, name):
    with pytest.raises(Invalid) as caught:
        add_user(name)
    assert list(caught.value.fields) == ["name"]


def test_a_megabyte_of_accents_is_nobody_at_once(db, add_user):
    accents = "a" + "\u0315\u0300" * 250_000
    began = Stopwatch()
    with db.read() as tx:
        assert users.find_user_by_name(tx, accents) is None
    with pytest.raises(Invalid):
        add_user(accents)
    assert began.read() < 1


def test_an_address_is_checked_and_unique(add_user):
    add_user("alice", email="Same@example.org")
    with pytest.raises(Conflict):
        add_user("bert", email="same@EXAMPLE.org")
    with pytest.raises(Invalid):
        add_user("carl", email="no address")
    assert add_user("dora", email="").email is None
    assert add_user("emil", email=None).email is None


@pytest.mark.parametrize("password", ["1234567", "x" * 251])
def test_a_password_has_8_to_250_characters(passwords, password):
    with pytest.raises(Invalid):
        passwords.hash(password)


def test_fields_change_and_unknown_ones_do_not(db, add_user):
    alice = add_user()
    changes = {"name": "Alicia", "email": "a@b.c", "quota_bytes": 7, "settings": {"dark": True}}
    with db.write() as tx:
        users.update_user(tx, alice.id, changes)
    with db.read() as tx:
        changed = users.get_user(tx, alice.id)
    assert (changed.name, changed.email, changed.quota.limit_bytes) == ("Alicia", "a@b.c", 7)
    assert changed.settings == {"dark": True}
    with pytest.raises(NotFound), db.write() as tx:
        users.update_user(tx, 999, {"name": "nobody"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"password_hash": "x"},
        {"token_version": 1},
        {"quota_bytes": -1},
        {"max_remote_downloads": 0},
        {"is_admin": 1},
        {"name": None},
        {"settings": []},
    ],
    ids=str,
)
def test_what_does_not_fit_changes_nothing(db, add_user, wrong):
    alice = add_user()
    with pytest.raises(Invalid) as caught, db.write() as tx:
        users.update_user(tx, alice.id, {"email": "a@b.c"} | wrong)
    assert caught.value.fields.keys() == wrong.keys()
    with db.read() as tx:
        assert users.get_user(tx, alice.id) == alice


def test_a_user_may_keep_their_own_name_in_another_case(db, add_user):
    alice = add_user("alice")
    with db.write() as tx:
        assert users.update_user(tx, alice.id, {"name": "ALICE"}).name == "ALICE"


def test_demotion_ends_every_login_but_the_last_administrator_stays(db, add_user, secrets):
    first, second = add_user("first", is_admin=True), add_user("second", is_admin=True)
    token = users.issue_jwt(secrets, second).token
    with db.write() as tx:
        session = users.start_session(tx, second).token
        users.update_user(tx, second.id, {"is_admin": False})
    with db.read() as tx:
        assert users.find_session(tx, session) is None
        with pytest.raises(Unauthenticated):
            users.read_jwt(tx, secrets, token)
    with pytest.raises(Conflict), db.write() as tx:
        users.update_user(tx, first.id, {"is_admin": False})
