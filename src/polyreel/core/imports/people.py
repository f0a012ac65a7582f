"""Accounts, their keys and their webhooks come over."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from polyreel.core.imports.done import list_done, record_done
from polyreel.core.imports.records import Key, Person, Webhook
from polyreel.core.imports.run import Run
from polyreel.core.imports.shelves import fitting_name
from polyreel.core.users import (
    PASSWORDS,
    Actor,
    User,
    actor_of,
    find_user_by_name,
    get_user,
)
from polyreel.core.users.carried import CarriedKey, CarriedUser, carry_key, carry_user
from polyreel.core.users.passwords import is_bcrypt
from polyreel.core.users.tables import UserRow
from polyreel.core.webhooks import WantedWebhook, create_player_webhook
from polyreel.infra.tx import Tx
from polyreel.kit import clock
from polyreel.kit.errors import Conflict, Invalid, NotFound

__all__ = ["bring_keys", "bring_people", "bring_webhooks"]

_LONGEST_NAME = 32
_KEY = re.compile(r"ak_[0-9a-f]{64}", re.ASCII)
# What the first start of a VideoCMS gives its first account. Contract: section 16.
_DEFAULT_PASSWORD = "12345678"  # noqa: S105 - the one that must not be taken
_MOST_DEFAULTS = 20


def bring_people(run: Run) -> None:
    """Accounts, with their passwords; those that are here are found again."""
    with run.tools.db.read() as tx:
        done = list_done(tx, run.source, "user")
    ours = {our_id for our_id in done.values() if our_id is not None}
    for person in run.library.people:
        if person.id in done:
            _find_again(run, person, done[person.id])
            continue
        try:
            run.people[person.id] = _bring(run, person, ours)
        except (Invalid, Conflict) as error:
            run.report.leave("users", person.name, error.message)
        else:
            ours.add(run.people[person.id].user_id)
    run.heir = next((each for each in run.people.values() if each.is_admin), None)
    if run.heir is None:
        run.heir = _any_admin(run)


def _any_admin(run: Run) -> Actor | None:
    with run.tools.db.read() as tx:
        admin = select(UserRow.id).where(UserRow.is_admin).order_by(UserRow.id).limit(1)
        user_id = tx.session.scalar(admin)
        return actor_of(get_user(tx, user_id)) if user_id is not None else None


def _find_again(run: Run, person: Person, our_id: int | None) -> None:
    run.report.before["users"] += 1
    try:
        with run.tools.db.read() as tx:
            run.people[person.id] = actor_of(get_user(tx, our_id or 0))
    except NotFound:
        run.report.note("users", person.name, "was deleted here since it came over")


def _bring(run: Run, person: Person, ours: set[int]) -> Actor:
    with run.tools.db.read() as tx:
        wanted = _fitting_name(person)
        here = find_user_by_name(tx, wanted)
        if here is not None and run.wishes.same_people and here.id not in ours:
            return _join(run, person, here)
        name = wanted if here is None else _free_name(tx, wanted)
    if name != person.name:
        why = "that name is taken here" if here else "that is no name here"
        run.report.note("users", person.name, f"is called {name} now: {why}")
    carried = CarriedUser(
        name=name,
        bcrypt_hash=_password(run, person),
        email=person.email,
        is_admin=person.is_admin,
        created_at=person.created_at or clock.now(),
        more=_more(person),
    )
    actor = run.stand_in(name, is_admin=person.is_admin)
    if not run.wishes.is_dry_run:
        actor = actor_of(_made(run, person, carried))
    run.report.came["users"] += 1
    return actor


def _made(run: Run, person: Person, carried: CarriedUser) -> User:
    try:
        return _make(run, person, carried)
    except (Invalid, Conflict) as error:
        if carried.email is None:
            raise
        run.report.note("users", carried.name, f"came without its e-mail address: {error.message}")
        return _make(run, person, replace(carried, email=None))


def _make(run: Run, person: Person, carried: CarriedUser) -> User:
    with run.tools.db.write() as tx:
        user = carry_user(tx, carried)
        record_done(tx, run.source, "user", person.id, user.id)
        return user


def _join(run: Run, person: Person, here: User) -> Actor:
    run.report.before["users"] += 1
    why = "is the account that was here, with the password and rights that it had here"
    run.report.note("users", person.name, why)
    if not run.wishes.is_dry_run:
        with run.tools.db.write() as tx:
            record_done(tx, run.source, "user", person.id, here.id)
    return actor_of(here)


def _fitting_name(person: Person) -> str:
    shown = "".join(letter for letter in person.name[:200] if letter.isprintable())
    name = shown.strip()[:_LONGEST_NAME].strip()
    return name if len(name) >= 3 else f"user-{person.id}"[:_LONGEST_NAME]


def _free_name(tx: Tx, wanted: str) -> str:
    for number in range(2, 10_000):
        tail = f"-{number}"
        name = wanted[: _LONGEST_NAME - len(tail)].strip() + tail
        if find_user_by_name(tx, name) is None:
            return name
    raise Conflict(f"There are too many people called {wanted}.")


def _password(run: Run, person: Person) -> str | None:
    """The hash, unless everybody knows what made it."""
    why = None
    if not is_bcrypt(person.password):
        why = "has no password that can be used here"
    elif person.is_admin and _has_default(run, person.password or ""):
        why = "had the password that every VideoCMS begins with, which is not taken over"
    if why is None:
        return person.password
    run.report.note("users", person.name, f"{why}; `polyreel user password` gives a new one")
    return None


def _has_default(run: Run, kept: str) -> bool:
    # Each look takes a second or two; who has twenty administrators has changed the first password.
    admins = sum(each.is_admin for each in run.library.people)
    return admins <= _MOST_DEFAULTS and PASSWORDS.verify_bcrypt(kept, _DEFAULT_PASSWORD)


def _more(person: Person) -> Mapping[str, Any]:
    names = {
        "webhooksenabled": "webhooks_enabled",
        "webhooksmax": "webhooks_max",
        "uploadsessionsmax": "upload_sessions_max",
        "enableplayercaptcha": "player_captcha",
    }
    settings = {
        ours: person.settings[theirs] for theirs, ours in names.items() if theirs in person.settings
    }
    more: dict[str, Any] = {
        "quota_bytes": person.quota_bytes,
        "balance": person.balance,
        "settings": settings,
    }
    if person.max_remote_downloads:
        more["max_remote_downloads"] = min(max(1, person.max_remote_downloads), 10_000)
    if person.remote_download_enabled is not None:
        more["remote_download_enabled"] = person.remote_download_enabled
    return more


def bring_keys(run: Run) -> None:
    """API keys: programs go on working with them."""
    with run.tools.db.read() as tx:
        done = list_done(tx, run.source, "key")
    for key in run.library.keys:
        if key.id in done:
            run.report.before["API keys"] += 1
            continue
        try:
            _bring_key(run, key)
            run.report.came["API keys"] += 1
        except (Invalid, Conflict, NotFound) as error:
            run.report.leave("API keys", key.name, error.message)


def _bring_key(run: Run, key: Key) -> None:
    owner = run.people.get(key.user_id)
    if owner is None:
        raise NotFound("whose it is did not come over")
    if not _KEY.fullmatch(key.text):
        raise Invalid("it is not kept there in clear, so it cannot be taken over")
    now = clock.now()
    if key.expires_at is not None and key.expires_at <= now:
        raise Invalid("it has expired")
    name = "".join(letter for letter in key.name if letter.isprintable()).strip()[:32]
    carried = CarriedKey(
        key_for="videocms",
        text=key.text,
        name=name if len(name) >= 3 else f"key {key.id}"[:32],
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
        created_at=key.created_at or now,
    )
    if not run.wishes.is_dry_run:
        with run.tools.db.write() as tx:
            record_done(tx, run.source, "key", key.id, carry_key(tx, owner, carried))


def bring_webhooks(run: Run) -> None:
    """Whom the player page calls."""
    with run.tools.db.read() as tx:
        done = list_done(tx, run.source, "webhook")
    for webhook in run.library.webhooks:
        if webhook.id in done:
            run.report.before["webhooks"] += 1
            continue
        try:
            _bring_webhook(run, webhook)
            run.report.came["webhooks"] += 1
        except (Invalid, Conflict, NotFound) as error:
            run.report.leave("webhooks", webhook.name, error.message)


def _bring_webhook(run: Run, webhook: Webhook) -> None:
    owner = run.people.get(webhook.user_id)
    if owner is None:
        raise NotFound("whose it is did not come over")
    wanted = WantedWebhook(
        name=fitting_name(webhook.name, f"webhook {webhook.id}", 120),
        url=webhook.url,
        per_minute=webhook.rpm,
        query_name=webhook.query_name,
        field_name=webhook.field_name,
    )
    wanted.check()
    if not run.wishes.is_dry_run:
        with run.tools.db.write() as tx:
            made = create_player_webhook(tx, owner, wanted)
            record_done(tx, run.source, "webhook", webhook.id, made.id)
