"""API keys: shown once, kept as a hash, theirs alone, and their use written in batches."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import update

from polyreel.core import users
from polyreel.core.users.tables import KeyRow, KeyUseRow
from polyreel.kit.errors import Conflict, Forbidden, Invalid, NotFound
from tests.databases import everything_in

FORMS = {
    "videocms": r"ak_[0-9a-f]{64}",
    "uploads": r"sk-[0-9a-f]{64}",
    "optimized": r"ov-[0-9a-f]{64}",
}


@pytest.fixture
def alice(add_user):
    return users.actor_of(add_user("alice"))


def who(tx, text, key_for):
    actor = users.find_key(tx, text, key_for)
    assert actor is not None
    return actor


def as_key(db, actor, **given):
    with db.write() as tx:
        made = users.create_key(tx, actor, "videocms", name="script", **given)
        return who(tx, made.text, "videocms")


@pytest.mark.parametrize("key_for", FORMS)
def test_a_key_has_its_form_and_only_a_hash_is_kept(db, alice, key_for, settings):
    with db.write() as tx:
        made = users.create_key(tx, alice, key_for, name="script")
    assert re.fullmatch(FORMS[key_for], made.text)
    assert made.key.prefix == made.text[:8] + "..."
    with db.read() as tx:
        actor = who(tx, made.text, key_for)
        assert users.list_keys(tx, alice) == [made.key]
    assert (actor.user_id, actor.via, actor.key_id) == (alice.user_id, "key", made.key.id)
    db.close()
    kept = everything_in(settings.data_dir / "polyreel.db")
    assert made.key.prefix.encode() in kept
    assert made.text.encode()[8:] not in kept


def test_a_key_opens_only_the_api_it_was_made_for(db, alice):
    with db.write() as tx:
        text = users.create_key(tx, alice, "uploads", name="script").text
        assert users.find_key(tx, text, "uploads")
        assert users.find_key(tx, text, "videocms") is None
        assert users.find_key(tx, text[:-1], "uploads") is None
        assert users.find_key(tx, "\ud800", "uploads") is None


def test_a_key_ends_when_it_says(db, alice):
    with db.write() as tx:
        ends = tx.now + timedelta(hours=1)
        text = users.create_key(tx, alice, "uploads", name="script", expires_at=ends).text
        assert who(tx, text, "uploads").expires_at == ends
        tx.session.execute(update(KeyRow).values(expires_at=tx.now))
        assert users.find_key(tx, text, "uploads") is None
        with pytest.raises(Invalid):
            users.create_key(tx, alice, "uploads", name="script", expires_at=tx.now)


@pytest.mark.parametrize(
    "wrong", [{"name": "ab"}, {"name": "a" * 33}, {"scopes": ["all"]}, {"scopes": []}], ids=str
)
def test_nonsense_makes_no_key(db, alice, wrong):
    with pytest.raises(Invalid), db.write() as tx:
        users.create_key(tx, alice, "uploads", **({"name": "script"} | wrong))


def test_a_key_can_neither_manage_keys_nor_open_admin_doors(db, add_user):
    admin = users.actor_of(add_user("root", is_admin=True))
    key = as_key(db, admin)
    assert key.is_admin
    with db.write() as tx:
        for attempt in (
            lambda: users.create_key(tx, key, "videocms", name="more"),
            lambda: users.list_keys(tx, key),
            lambda: users.delete_key(tx, key, key.key_id),
            lambda: users.list_key_uses(tx, key, key.key_id),
            lambda: users.require_admin(key),
            lambda: users.require_login(key),
        ):
            with pytest.raises(Forbidden):
                attempt()


def test_a_deleted_key_is_gone_with_its_use_and_only_its_owner_deletes_it(db, alice, add_user):
    bert = users.actor_of(add_user("bert", is_admin=True))
    key = as_key(db, alice)
    audit = users.KeyAudit(db)
    audit.record(key, "GET", "/api/files", "203.0.113.9")
    audit.flush()
    with db.write() as tx:
        with pytest.raises(NotFound):
            users.delete_key(tx, bert, key.key_id)
        with pytest.raises(NotFound):
            users.delete_key(tx, alice, key.key_id, key_for="uploads")
        users.delete_key(tx, alice, key.key_id, key_for="videocms")
        assert users.list_keys(tx, alice) == []
        assert tx.session.query(KeyUseRow).count() == 0


def test_the_derived_token_is_shown_again_until_it_is_deleted(db, alice, secrets, settings):
    with db.write() as tx:
        made = users.ensure_derived_key(tx, secrets, alice)
    assert re.fullmatch(r"[0-9a-f]{40}", made.text)
    with db.read() as tx:
        assert users.ensure_derived_key(tx, secrets, alice).text == made.text
        assert who(tx, made.text, "tubearchivist").user_id == alice.user_id
    with db.write() as tx:
        users.delete_key(tx, alice, made.key.id)
        other = users.ensure_derived_key(tx, secrets, alice)
        assert other.text != made.text
        assert users.find_key(tx, made.text, "tubearchivist") is None
        with pytest.raises(Invalid):
            users.create_key(tx, alice, "tubearchivist", name="token")


def test_use_is_gathered_and_written_in_one_go(db, alice):
    key = as_key(db, alice)
    audit = users.KeyAudit(db)
    audit.record(alice, "GET", "/not/a/key", "")
    for number in range(150):
        audit.record(key, "GET", f"/api/{number}", "203.0.113.9")
    audit.record(key, "PUT", "/nul\0/" + "\ud800" + "x" * 300, "2001:db8::1")
    with db.read() as tx:
        assert users.list_key_uses(tx, alice, key.key_id) == []
    audit.flush()
    audit.flush()
    with db.read() as tx:
        uses = users.list_key_uses(tx, alice, key.key_id)
        [kept] = users.list_keys(tx, alice)
    assert len(uses) == 100
    assert (uses[0].method, len(uses[0].path), uses[0].ip) == ("PUT", 255, "2001:db8::1")
    assert uses[1].path == "/api/149"
    assert kept.last_used_at == uses[0].created_at


def test_the_use_of_a_key_deleted_meanwhile_goes_with_it(db, alice):
    first, second = as_key(db, alice), as_key(db, alice)
    audit = users.KeyAudit(db)
    audit.record(first, "GET", "/a", "")
    audit.record(second, "GET", "/b", "")
    with db.write() as tx:
        users.delete_key(tx, alice, first.key_id)
    audit.flush()
    with db.read() as tx:
        assert [use.path for use in users.list_key_uses(tx, alice, second.key_id)] == ["/b"]


def test_stopping_writes_what_is_left(db, alice):
    key = as_key(db, alice)
    audit = users.KeyAudit(db, every_s=3600)
    audit.start()
    audit.record(key, "GET", "/last", "")
    audit.stop()
    with db.read() as tx:
        assert [use.path for use in users.list_key_uses(tx, alice, key.key_id)] == ["/last"]


def test_old_use_and_ended_sessions_are_forgotten(db, alice):
    key = as_key(db, alice)
    audit = users.KeyAudit(db)
    for path in ("/old", "/new"):
        audit.record(key, "GET", path, "")
    audit.flush()
    with db.write() as tx:
        users.start_session(tx, users.get_user(tx, alice.user_id))
        old = update(KeyUseRow).where(KeyUseRow.path == "/old")
        tx.session.execute(old.values(created_at=tx.now - timedelta(days=31)))
        assert users.delete_expired(tx) == 1
        assert [use.path for use in users.list_key_uses(tx, alice, key.key_id)] == ["/new"]


def test_a_person_has_at_most_a_thousand_keys(db, alice):
    with db.write() as tx:
        tx.session.add_all(
            KeyRow(
                user_id=alice.user_id,
                key_for="uploads",
                name="script",
                prefix="",
                secret_hash=str(number),
                scopes="read",
                created_at=tx.now,
            )
            for number in range(1000)
        )
        tx.session.flush()
        with pytest.raises(Conflict):
            users.create_key(tx, alice, "uploads", name="one more")
