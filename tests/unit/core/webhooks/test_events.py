"""The log: every event once, in one sequence without gaps, in the order of the commits."""

import json
import threading
from datetime import timedelta

import pytest
from sqlalchemy import update

from polyreel.core import library
from polyreel.core.library.telling import news
from polyreel.core.webhooks import event_to_json, trim_events
from polyreel.core.webhooks.tables import EventRow
from polyreel.kit.errors import Forbidden, Invalid
from tests.factories.library import make_media, make_video

UID = "0" * 34


def kinds(page):
    return [event.kind for event in page.events]


def test_what_is_emitted_is_read_by_its_owner_alone(hooks):
    hooks.emit(hooks.alice, "video.playable", "video.ready")
    hooks.emit(hooks.bob, "video.deleted")
    page = hooks.events(hooks.alice)
    assert [(each.sequence, each.kind) for each in page.events] == [
        (1, "video.playable"),
        (2, "video.ready"),
    ]
    assert (page.next_since, page.has_missed) == (3, False)
    assert kinds(hooks.events(hooks.bob)) == ["video.deleted"]
    assert page.events[0].owner_name == "alice"
    assert len({each.uid for each in page.events}) == 2


def test_what_is_taken_back_never_happened_and_leaves_no_gap(hooks, db):
    def fail(tx):
        tx.emit("video.failed", owner_id=hooks.alice.user_id, data={})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), db.write() as tx:
        fail(tx)
    with db.write() as tx:
        tx.emit("video.playable", owner_id=hooks.alice.user_id, data={})
        with pytest.raises(ZeroDivisionError), tx.attempt():
            fail(tx)
    page = hooks.events(hooks.alice)
    assert [(each.sequence, each.kind) for each in page.events] == [(1, "video.playable")]


def test_only_a_turn_to_write_may_emit(hooks, db):
    for block in (db.read(), db.write(alone=False)):
        with block as tx, pytest.raises(RuntimeError, match="turn"):
            tx.emit("video.ready", owner_id=1, data={})


def test_a_reader_that_follows_misses_nothing_that_writers_do_at_once(hooks):
    seen: list[int] = []
    is_over = threading.Event()

    def read():
        since = 0
        while True:
            last = is_over.is_set()
            page = hooks.events(hooks.root, since=since, of_all=True, limit=7)
            seen.extend(event.sequence for event in page.events)
            since = page.next_since
            if last and not page.events:
                return

    def write(actor):
        for _ in range(25):
            hooks.emit(actor, "video.playable", "video.ready")

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(one,)) for one in (hooks.alice, hooks.bob)]
    reader.start()
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    is_over.set()
    reader.join()
    assert seen == list(range(1, 101))


def test_pages_and_filters(hooks):
    hooks.emit(hooks.alice, *["video.playable", "video.ready"] * 3)
    hooks.emit(hooks.bob, "video.failed")
    page = hooks.events(hooks.alice, since=1, limit=2)
    assert ([each.sequence for each in page.events], page.next_since) == ([2, 3], 3)
    ready = hooks.events(hooks.alice, kinds=["video.ready"])
    assert [each.sequence for each in ready.events] == [2, 4, 6]
    # What does not fit is not looked at again.
    assert ready.next_since == 7


def test_a_number_that_the_log_has_not_reached_is_of_another_time(hooks):
    hooks.emit(hooks.alice, "video.ready")
    page = hooks.events(hooks.alice, since=900)
    assert (page.events, page.next_since, page.has_missed) == ([], 1, True)


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": 1001}, {"kinds": ["video.made"]}])
def test_what_cannot_be_asked_for(hooks, wrong):
    with pytest.raises(Invalid):
        hooks.events(hooks.alice, **wrong)


def test_everybodys_events_are_for_administrators_in_person(hooks):
    hooks.emit(hooks.alice, "video.ready")
    hooks.emit(hooks.bob, "video.ready")
    assert len(hooks.events(hooks.root, of_all=True).events) == 2
    assert hooks.events(hooks.root).events == []
    with pytest.raises(Forbidden):
        hooks.events(hooks.alice, of_all=True)


def test_old_ones_go_and_the_newest_stays(hooks, db):
    hooks.emit(hooks.alice, "video.playable", "video.ready", "video.deleted")
    with db.write() as tx:
        old = tx.now - timedelta(days=31)
        tx.session.execute(update(EventRow).values(created_at=old))
        assert trim_events(tx) == 2
    hooks.emit(hooks.alice, "video.ready")
    page = hooks.events(hooks.alice, since=1)
    assert ([each.sequence for each in page.events], page.has_missed) == ([3, 4], True)
    # 0 is the beginning of what there is, 2 was followed by nothing that is gone.
    assert not hooks.events(hooks.alice, since=0).has_missed
    assert not hooks.events(hooks.alice, since=2).has_missed


def test_json_is_the_same_every_time_and_for_everybody(hooks):
    hooks.emit(hooks.alice, "video.ready")
    [one] = hooks.events(hooks.alice).events
    [again] = hooks.events(hooks.alice).events
    assert event_to_json(one) == event_to_json(again)
    body = json.loads(event_to_json(one))
    assert list(body) == ["id", "sequence", "type", "timestamp", "owner", "data"]
    assert body["owner"] == {"id": hooks.alice.user_id, "name": "alice"}
    assert body["timestamp"].endswith("Z")


def test_half_a_surrogate_pair_is_no_json(hooks, db):
    with db.write() as tx:
        data = {"message": "b\ud800d \0", "video": {"name": "\udfff"}}
        tx.emit("video.failed", owner_id=hooks.alice.user_id, data=data)
    [event] = hooks.events(hooks.alice).events
    body = json.loads(event_to_json(event))
    assert body["data"] == {"message": "b?d \0", "video": {"name": "?"}}


@pytest.mark.parametrize(
    ("told", "state", "said"),
    [
        ("", "received", []),
        ("", "processing", []),
        ("", "playable", ["video.playable"]),
        ("", "ready", ["video.playable", "video.ready"]),
        ("playable", "damaged", ["video.ready"]),
        ("playable", "playable", []),
        ("ready", "playable", []),
        ("ready", "damaged", []),
        ("playable", "failed", ["video.failed"]),
        ("failed", "failed", []),
        ("failed", "playable", ["video.playable"]),
    ],
)
def test_what_is_news(told, state, said):
    assert news(told, state) == said


class TestVideos:
    """What the library emits."""

    @pytest.fixture
    def video(self, hooks, db):
        with db.write() as tx:
            return make_video(tx, hooks.alice, make_media(tx), name="film.mp4")

    def change(self, db, media_id, **values):
        with db.write() as tx:
            library.update_media(tx, media_id, **values)

    def test_each_state_once_whatever_is_done_again(self, hooks, db, video):
        for state in ("processing", "playable", "playable", "ready", "playable", "ready"):
            self.change(db, video.media_id, state=state)
        self.change(db, video.media_id, duration_ms=5)
        page = hooks.events(hooks.alice)
        assert kinds(page) == ["video.playable", "video.ready"]
        facts = page.events[1].data["video"]
        assert (facts["uuid"], facts["name"], facts["state"]) == (video.uuid, "film.mp4", "ready")

    def test_a_failure_says_why(self, hooks, db, video):
        self.change(db, video.media_id, state="failed", message="This is no film.")
        [event] = hooks.events(hooks.alice).events
        assert (event.kind, event.data["message"]) == ("video.failed", "This is no film.")

    def test_every_owner_of_the_bytes_hears(self, hooks, db, video):
        with db.write() as tx:
            make_video(tx, hooks.bob, library.get_media(tx, video.media_id))
        self.change(db, video.media_id, state="ready")
        assert kinds(hooks.events(hooks.alice)) == kinds(hooks.events(hooks.bob))

    def test_videos_that_join_a_twin_hear_what_is_new_to_them(self, hooks, db, video):
        with db.write() as tx:
            twin = make_video(tx, hooks.bob, make_media(tx, UID + "01"))
        self.change(db, twin.media_id, state="playable")
        self.change(db, video.media_id, state="playable")
        self.change(db, twin.media_id, state="ready")
        with db.write() as tx:
            library.join_media(tx, video.media_id, twin.media_id)
        assert kinds(hooks.events(hooks.alice)) == ["video.playable", "video.ready"]
        assert kinds(hooks.events(hooks.bob)) == ["video.playable", "video.ready"]

    def test_deleted_one_by_one_in_bulk_and_with_a_folder(self, hooks, db):
        with db.write() as tx:
            media = make_media(tx)
            videos = [make_video(tx, hooks.alice, media, name=f"{n}.mp4") for n in range(3)]
            folder = library.create_folder(tx, hooks.alice, "Films", None)
            library.move_items(tx, hooks.alice, folder.id, folder_ids=[], video_ids=[videos[2].id])
        with db.write() as tx:
            library.delete_video(tx, hooks.alice, videos[0].uuid)
            library.delete_videos(tx, hooks.root, [videos[1].id])
            library.delete_folders(tx, hooks.alice, [folder.id])
        page = hooks.events(hooks.alice)
        assert kinds(page) == ["video.deleted"] * 3
        assert [each.data["video"]["uuid"] for each in page.events] == [v.uuid for v in videos]

    def test_events_outlive_their_owner(self, hooks, db, video):
        self.change(db, video.media_id, state="ready")
        with db.write() as tx:
            library.delete_user(tx, hooks.root, hooks.alice.user_id)
        page = hooks.events(hooks.root, of_all=True)
        assert [each.owner_name for each in page.events] == ["alice", "alice"]
        # The heir is not told twice of what was said.
        self.change(db, video.media_id, state="damaged")
        assert kinds(hooks.events(hooks.root)) == []
