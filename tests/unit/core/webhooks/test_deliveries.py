"""Endpoints and deliveries: what is sent to whom, how often, and what is written down of it."""

import base64
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from polyreel.core.users import update_user
from polyreel.core.webhooks import (
    WantedEndpoint,
    delete_endpoint,
    list_endpoints,
    mail,
    redeliver,
    redeliver_event,
    replace_endpoint,
    rotate_secret,
    schedule,
    send_test,
    sending,
    wake_waiting,
)
from polyreel.core.webhooks.tables import DeliveryRow, EndpointRow
from polyreel.infra.jobs import JobRow, list_jobs
from polyreel.infra.outbound import Fetched, Unreachable
from polyreel.kit.errors import Conflict, Forbidden, Invalid, NotFound
from tests.databases import everything_in
from tests.factories.users import make_user
from tests.unit.core.webhooks.conftest import URL


def act(hooks, function, actor, *arguments, **given):
    with hooks.db.write() as tx:
        return function(tx, actor, *arguments, **given)


def put(hooks, made, **changes):
    wish = {"url": URL, **changes}
    actor = changes.pop("actor", hooks.alice)
    wish.pop("actor", None)
    with hooks.db.write() as tx:
        return replace_endpoint(
            tx, actor, made.endpoint.id, WantedEndpoint(**wish), outbound=hooks.receiver
        )


def types(hooks):
    return [json.loads(each.body)["type"] for each in hooks.receiver.seen]


class TestSending:
    def test_each_event_once_in_order_with_its_own_id(self, hooks):
        hooks.endpoint(hooks.alice)
        hooks.emit(hooks.alice, "video.playable", "video.ready")
        hooks.emit(hooks.alice, "video.deleted")
        hooks.work()
        assert types(hooks) == ["video.playable", "video.ready", "video.deleted"]
        assert [each.url for each in hooks.receiver.seen] == [URL] * 3
        events = hooks.events(hooks.alice).events
        sent = [each.headers["webhook-id"] for each in hooks.receiver.seen]
        assert sent == [event.uid for event in events]
        assert [json.loads(each.body)["id"] for each in hooks.receiver.seen] == sent
        assert hooks.work() == 0

    def test_nothing_of_before_and_nothing_of_others(self, hooks):
        hooks.emit(hooks.alice, "video.ready")
        hooks.endpoint(hooks.alice)
        hooks.emit(hooks.bob, "video.ready")
        hooks.work()
        assert hooks.receiver.seen == []

    def test_only_the_types_that_were_asked_for(self, hooks):
        hooks.endpoint(hooks.alice, kinds=["video.failed", "video.ready"])
        hooks.emit(hooks.alice, "video.playable", "video.ready", "upload.finished")
        hooks.work()
        assert types(hooks) == ["video.ready"]

    def test_everybodys_for_an_administrator_while_they_are_one(self, hooks):
        hooks.endpoint(hooks.root, is_for_all=True)
        hooks.emit(hooks.alice, "video.ready")
        hooks.emit(hooks.root, "video.playable")
        hooks.work()
        assert types(hooks) == ["video.ready", "video.playable"]
        hooks.receiver.answers.append(500)
        hooks.emit(hooks.bob, "video.failed")
        hooks.work()
        make_user(hooks.db, "second", is_admin=True)
        with hooks.db.write() as tx:
            update_user(tx, hooks.root.user_id, {"is_admin": False})
        hooks.emit(hooks.bob, "video.deleted")
        hooks.emit(hooks.root, "upload.finished")
        hooks.later()
        hooks.work()
        assert types(hooks)[3:] == ["upload.finished"]
        assert [each.state for each in hooks.deliveries(hooks.root)][2] == "failed"

    def test_every_endpoint_gets_it(self, hooks):
        for number in range(3):
            hooks.endpoint(hooks.alice, f"{URL}/{number}")
        hooks.emit(hooks.alice, "video.ready")
        hooks.work()
        assert sorted(each.url for each in hooks.receiver.seen) == [f"{URL}/{n}" for n in range(3)]

    def test_what_happens_while_it_is_sending_is_sent_as_well(self, hooks):
        hooks.endpoint(hooks.alice)
        hooks.emit(hooks.alice, "video.playable")
        hooks.receiver.then = lambda: (
            len(hooks.receiver.seen) == 1 and hooks.emit(hooks.alice, "video.ready")
        )
        hooks.work()
        assert types(hooks) == ["video.playable", "video.ready"]

    def test_a_crowd_is_sent_in_turns(self, hooks, monkeypatch):
        monkeypatch.setattr(mail, "_FANNED_AT_ONCE", 25)
        hooks.endpoint(hooks.alice)
        hooks.emit(hooks.alice, *["video.deleted"] * 70)
        assert hooks.work() >= 4
        assert len({each.headers["webhook-id"] for each in hooks.receiver.seen}) == 70
        assert len(hooks.receiver.seen) == 70


class TestTrying:
    def test_an_attempt_is_written_down(self, hooks):
        hooks.endpoint(hooks.alice)
        hooks.receiver.answers.append(
            Fetched(status=503, headers={"retry-after": "90"}, body=b"\xffdown\0")
        )
        hooks.emit(hooks.alice, "video.ready")
        hooks.work()
        [one] = hooks.deliveries(hooks.alice)
        assert (one.state, one.attempts, one.status) == ("waiting", 1, 503)
        assert one.answer == "\ufffddown?"
        assert one.error == "The receiver answered 503."
        assert timedelta(seconds=89) <= one.next_try_at - one.tried_at <= timedelta(seconds=92)
        assert one.event_kind == "video.ready"
        hooks.later()
        hooks.work()
        [one] = hooks.deliveries(hooks.alice)
        assert (one.state, one.attempts, one.status, one.error) == ("delivered", 2, 200, None)
        assert one.next_try_at is None
        assert len({each.headers["webhook-id"] for each in hooks.receiver.seen}) == 1

    def test_the_next_try_has_its_job_at_that_time_and_news_do_not_wait_for_it(self, hooks):
        hooks.endpoint(hooks.alice)
        hooks.receiver.answers.append(500)
        hooks.emit(hooks.alice, "video.playable")
        hooks.work()
        with hooks.db.read() as tx:
            [job] = list_jobs(tx, kind="webhooks.deliver", limit=1)
        [one] = hooks.deliveries(hooks.alice)
        assert abs(job.run_after - one.next_try_at) < timedelta(seconds=1)
        hooks.emit(hooks.alice, "video.ready")
        hooks.work()
        assert types(hooks) == ["video.playable", "video.ready"]
        # The one that failed still has its job.
        hooks.later()
        hooks.work()
        assert types(hooks)[2:] == ["video.playable"]

    def test_redirects_are_failures(self, hooks):
        hooks.endpoint(hooks.alice)
        hooks.receiver.answers.append(302)
        hooks.emit(hooks.alice, "video.ready")
        hooks.work()
        [one] = hooks.deliveries(hooks.alice)
        assert (one.state, "redirects" in one.error) == ("waiting", True)

    def test_it_is_given_up_after_about_a_day(self, hooks):
        assert 22 * 3600 < sum(schedule._PAUSES_S) < 30 * 3600
        hooks.endpoint(hooks.alice)
        hooks.receiver.answers.extend([500] * 20)
        hooks.emit(hooks.alice, "video.ready")
        for _ in range(schedule.MOST_TRIES):
            hooks.work()
            hooks.later()
        [one] = hooks.deliveries(hooks.alice)
        assert (one.state, one.attempts) == ("failed", schedule.MOST_TRIES)
        assert hooks.work() == 0

    def test_after_several_failures_it_is_left_in_peace(self, hooks):
        made = hooks.endpoint(hooks.alice)
        hooks.receiver.answers.extend([Unreachable()] * 7)
        hooks.emit(hooks.alice, *["video.ready"] * 30)
        hooks.work()
        assert len(hooks.receiver.seen) == 5
        assert hooks.row(made).rests_until is not None
        hooks.emit(hooks.alice, "video.failed")
        hooks.work()
        assert len(hooks.receiver.seen) == 5
        for _ in range(3):
            hooks.later()
            hooks.work()
        # Two more failures, one in each rest; then it is back, and everything arrives.
        assert len(hooks.receiver.seen) == 7 + 31
        assert {each.state for each in hooks.deliveries(hooks.alice)} == {"delivered"}
        assert (hooks.row(made).failures, hooks.row(made).failing_since) == (0, None)

    def test_days_of_failures_switch_it_off_with_a_reason(self, hooks, db):
        made = hooks.endpoint(hooks.alice)
        hooks.receiver.answers.extend([500, 500])
        hooks.emit(hooks.alice, "video.playable", "video.ready")
        with db.write() as tx:
            old = tx.now - timedelta(days=6)
            tx.session.execute(update(EndpointRow).values(failing_since=old))
        hooks.work()
        row = hooks.row(made)
        assert not row.is_enabled
        assert "5 days" in row.disabled_reason
        assert "answered 500" in row.disabled_reason
        assert [each.state for each in hooks.deliveries(hooks.alice)] == ["failed", "failed"]
        hooks.emit(hooks.alice, "video.failed")
        assert hooks.work() == 0

    def test_410_switches_it_off_at_once(self, hooks):
        made = hooks.endpoint(hooks.alice)
        hooks.receiver.answers.append(410)
        hooks.emit(hooks.alice, "video.ready")
        hooks.work()
        assert "410" in hooks.row(made).disabled_reason
        assert [each.state for each in hooks.deliveries(hooks.alice)] == ["failed"]

    def test_a_lost_job_is_found_again(self, hooks, db):
        hooks.endpoint(hooks.alice)
        hooks.emit(hooks.alice, "video.ready")
        with db.write() as tx:
            tx.session.execute(update(JobRow).values(state="failed"))
        assert hooks.work() == 0
        with db.write() as tx:
            wake_waiting(tx)
            wake_waiting(tx)
        hooks.work()
        assert types(hooks) == ["video.ready"]


class TestOrders:
    def test_again(self, hooks):
        hooks.endpoint(hooks.alice)
        hooks.emit(hooks.alice, "video.ready")
        hooks.work()
        [one] = hooks.deliveries(hooks.alice)
        ordered = act(hooks, redeliver, hooks.alice, one.id)
        assert (ordered.id, ordered.state, ordered.attempts) == (one.id, "waiting", 1)
        hooks.work()
        [again] = hooks.deliveries(hooks.alice)
        assert (again.state, again.attempts) == ("delivered", 2)
        first, second = hooks.receiver.seen
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert first.body == second.body

    def test_what_was_never_sent(self, hooks):
        hooks.emit(hooks.alice, "video.ready")
        hooks.emit(hooks.bob, "video.ready")
        made = hooks.endpoint(hooks.alice, kinds=["video.failed"])
        act(hooks, redeliver_event, hooks.alice, made.endpoint.id, 1)
        hooks.work()
        assert types(hooks) == ["video.ready"]
        for number in (2, 99):
            with pytest.raises(NotFound):
                act(hooks, redeliver_event, hooks.alice, made.endpoint.id, number)

    def test_a_test_goes_to_one_endpoint_alone(self, hooks):
        hooks.endpoint(hooks.alice, f"{URL}/other")
        made = hooks.endpoint(hooks.alice, kinds=["video.failed"])
        assert act(hooks, send_test, hooks.alice, made.endpoint.id).event_kind == "webhook.test"
        hooks.work()
        assert [(each.url, *types(hooks)) for each in hooks.receiver.seen] == [
            (URL, "webhook.test")
        ]

    def test_not_where_it_is_off(self, hooks):
        made = hooks.endpoint(hooks.alice)
        hooks.emit(hooks.alice, "video.ready")
        hooks.work()
        put(hooks, made, is_enabled=False)
        [one] = hooks.deliveries(hooks.alice)
        for order in (
            lambda tx, actor: redeliver(tx, actor, one.id),
            lambda tx, actor: send_test(tx, actor, made.endpoint.id),
            lambda tx, actor: redeliver_event(tx, actor, made.endpoint.id, 1),
        ):
            with pytest.raises(Conflict):
                act(hooks, order, hooks.alice)

    def test_strangers_find_nothing(self, hooks):
        made = hooks.endpoint(hooks.alice)
        hooks.emit(hooks.alice, "video.ready")
        hooks.work()
        [one] = hooks.deliveries(hooks.alice)
        for stranger in (hooks.bob, hooks.root):
            assert hooks.deliveries(stranger) == []
            for order in (
                lambda tx, actor: redeliver(tx, actor, one.id),
                lambda tx, actor: send_test(tx, actor, made.endpoint.id),
                lambda tx, actor: delete_endpoint(tx, actor, made.endpoint.id),
                lambda tx, actor: rotate_secret(tx, actor, made.endpoint.id, secrets=hooks.secrets),
            ):
                with pytest.raises(NotFound):
                    act(hooks, order, stranger)
            with pytest.raises(NotFound):
                hooks.deliveries(stranger, endpoint_id=made.endpoint.id)


class TestEndpoints:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"url": "https://user:word@hooks.example.org/"},
            {"url": "https://hooks.example.org/a b"},
            {"url": "https://hooks.example.org/\u00e4"},
            {"url": "https://hooks.example.org/" + "x" * 1024},
            {"url": "https://[::1"},
            {"description": "x" * 256},
            {"description": "a\0b"},
            {"description": "\ud800"},
            {"kinds": ["video.made"]},
            {"kinds": ["webhook.test"]},
        ],
    )
    def test_what_cannot_be(self, hooks, wrong):
        with pytest.raises(Invalid):
            hooks.endpoint(hooks.alice, **{"url": URL, **wrong})

    def test_everybodys_events_want_an_administrator_in_person(self, hooks):
        key_of_root = replace(hooks.root, via="key")
        for actor in (hooks.alice, key_of_root):
            with pytest.raises(Forbidden):
                hooks.endpoint(actor, is_for_all=True)
        made = hooks.endpoint(hooks.root, is_for_all=True)
        for change in (
            lambda: put(hooks, made, actor=key_of_root, url="https://elsewhere.example.org/"),
            lambda: act(hooks, rotate_secret, key_of_root, made.endpoint.id, secrets=hooks.secrets),
        ):
            with pytest.raises(Forbidden):
                change()

    def test_a_key_that_only_reads_changes_nothing(self, hooks):
        made = hooks.endpoint(hooks.alice)
        reader = replace(hooks.alice, via="key", scopes=frozenset({"read"}))
        with pytest.raises(Forbidden):
            hooks.endpoint(reader)
        with pytest.raises(Forbidden):
            act(hooks, delete_endpoint, reader, made.endpoint.id)
        with hooks.db.read() as tx:
            assert len(list_endpoints(tx, reader)) == 1

    def test_secrets_are_whole_differ_and_are_kept_nowhere(self, hooks, tmp_path):
        first, second = hooks.endpoint(hooks.alice), hooks.endpoint(hooks.alice)
        assert first.secret.startswith("whsec_")
        assert len(base64.b64decode(first.secret[6:])) == 32
        assert first.secret != second.secret
        assert first.secret[6:].encode() not in everything_in(tmp_path / "polyreel.db")

    def test_a_new_secret_and_the_old_one_sign_for_a_day(self, hooks, db):
        made = hooks.endpoint(hooks.alice)
        new = act(hooks, rotate_secret, hooks.alice, made.endpoint.id, secrets=hooks.secrets)
        assert new.secret != made.secret
        hooks.emit(hooks.alice, "video.ready")
        hooks.work()
        assert len(hooks.receiver.seen[0].headers["webhook-signature"].split()) == 2
        with db.write() as tx:
            tx.session.execute(update(EndpointRow).values(old_until=tx.now))
        hooks.emit(hooks.alice, "video.failed")
        hooks.work()
        assert len(hooks.receiver.seen[1].headers["webhook-signature"].split()) == 1

    def test_switched_off_and_on_it_hears_of_what_comes(self, hooks):
        made = hooks.endpoint(hooks.alice)
        hooks.emit(hooks.alice, "video.playable")
        put(hooks, made, is_enabled=False)
        hooks.emit(hooks.alice, "video.ready")
        assert hooks.work() <= 1
        put(hooks, made, is_enabled=True)
        hooks.emit(hooks.alice, "video.deleted")
        hooks.work()
        assert types(hooks) == ["video.deleted"]

    def test_deleted_with_what_was_sent(self, hooks, db):
        made = hooks.endpoint(hooks.alice)
        hooks.emit(hooks.alice, "video.ready")
        hooks.work()
        act(hooks, delete_endpoint, hooks.alice, made.endpoint.id)
        hooks.emit(hooks.alice, "video.deleted")
        hooks.work()
        assert len(hooks.receiver.seen) == 1
        with db.read() as tx:
            assert tx.session.query(DeliveryRow).count() == 0

    def test_deleted_while_it_is_sent_to(self, hooks):
        made = hooks.endpoint(hooks.alice)
        hooks.emit(hooks.alice, "video.playable", "video.ready")
        hooks.receiver.then = lambda: act(hooks, delete_endpoint, hooks.alice, made.endpoint.id)
        hooks.work()
        assert len(hooks.receiver.seen) == 1


def test_a_slow_one_has_its_turn_and_no_more(hooks, monkeypatch):
    """Two endpoints, each event of which takes longer than a turn: they alternate."""
    monkeypatch.setattr(sending, "_TURN_S", 0.0)
    hooks.endpoint(hooks.alice, f"{URL}/slow")
    hooks.endpoint(hooks.bob, f"{URL}/quick")
    hooks.emit(hooks.alice, *["video.ready"] * 5)
    hooks.emit(hooks.bob, *["video.ready"] * 5)
    hooks.work()
    order = [each.url.rpartition("/")[2] for each in hooks.receiver.seen]
    assert order == ["slow", "quick"] * 5
