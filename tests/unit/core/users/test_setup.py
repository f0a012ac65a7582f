"""The first run: one token, one administrator, however many try."""

import stat
import threading

import pytest

from polyreel.core import users
from polyreel.kit.errors import Conflict, Forbidden, Invalid


def attempt(settings, db, passwords, **given):
    wanted = {"token": users.ensure_setup_token(settings, db) or "", "name": "root"}
    wanted |= {"password": "correct horse"} | given
    return users.create_first_admin(settings, db, passwords=passwords, **wanted)


def test_the_token_is_kept_until_it_is_used_and_is_for_our_eyes_only(db, settings, passwords):
    token = users.ensure_setup_token(settings, db)
    assert token is not None
    path = settings.data_dir / "setup-token"
    assert users.ensure_setup_token(settings, db) == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(token) >= 43
    admin = attempt(settings, db, passwords, token=token)
    assert admin.is_admin
    assert not path.exists()
    assert users.ensure_setup_token(settings, db) is None
    with db.read() as tx:
        assert not users.is_setup_needed(tx)
    with pytest.raises(Conflict):
        attempt(settings, db, passwords, token=token)


@pytest.mark.parametrize("token", ["", "wrong", "\ud800", "é"])
def test_a_wrong_token_makes_nobody(db, settings, passwords, token):
    with pytest.raises(Forbidden):
        attempt(settings, db, passwords, token=token)
    with db.read() as tx:
        assert users.list_users(tx) == []
        assert users.is_setup_needed(tx)


@pytest.mark.parametrize("wrong", [{"name": "ab"}, {"password": "short"}], ids=str)
def test_a_mistake_can_be_corrected(db, settings, passwords, wrong):
    with pytest.raises(Invalid):
        attempt(settings, db, passwords, **wrong)
    assert attempt(settings, db, passwords).is_admin


def test_an_administrator_from_the_command_line_ends_the_set_up(db, settings, add_user):
    token = users.ensure_setup_token(settings, db)
    assert token is not None
    add_user("someone")
    assert users.ensure_setup_token(settings, db) == token
    add_user("boss", is_admin=True)
    assert users.ensure_setup_token(settings, db) is None
    with pytest.raises(Conflict):
        users.check_setup_token(settings, db, token)


def test_fifty_racing_set_ups_make_one_administrator(db, settings, passwords):
    token = users.ensure_setup_token(settings, db)
    assert token is not None
    gate, ended, lock = threading.Barrier(50), [], threading.Lock()

    def race(number):
        gate.wait()
        try:
            user = attempt(settings, db, passwords, token=token, name=f"admin{number}")
        except Conflict as error:
            user = error
        with lock:
            ended.append(user)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [each for each in ended if isinstance(each, users.User)]
    assert len(ended) == 50
    assert len(winners) == 1
    with db.read() as tx:
        assert users.list_users(tx) == winners
