"""A promise is waited for; what never comes is said."""

import asyncio
import threading
import time

import pytest

from polyreel.core.media.renditions import fail_rendition
from polyreel.core.media.states import settle
from polyreel.infra.jobs import find_job
from tests.contract.media.viewer import BODY
from tests.pace import Stopwatch


def later(act, *args, after_s=0.15, **named):
    """Do it in another thread, as another process would."""
    thread = threading.Timer(after_s, act, args, named)
    thread.start()
    return thread


def ask_while(stage, path, act, *args, **named):
    began, watch = time.monotonic(), Stopwatch()
    thread = later(act, *args, **named)
    reply = stage.get(path)
    took_s = watch.read()
    assert time.monotonic() - began > 0.1, "it waits"
    thread.join()
    return reply, took_s


def test_a_promised_fragment_is_answered_when_it_comes(stage):
    stage.app._wait_s = 5.0
    reply, took_s = ask_while(stage, "720p/out2.mp4", stage.publish, 0, 3)
    assert (reply.status, reply.body) == (200, BODY[2000:3000])
    assert took_s < 0.7, "a notice wakes it, not the next look"


def test_a_lost_notice_only_costs_time(stage):
    stage.app._wait_s = 5.0
    stage.app._views._heard = lambda topics: None
    stage.tools.notifier._callbacks.clear()
    reply, took_s = ask_while(stage, "720p/out2.mp4", stage.publish, 0, 3)
    assert reply.status == 200
    assert took_s < 2.5


def test_what_does_not_come_is_busy_and_says_when_to_ask_again(stage):
    began, watch = time.monotonic(), Stopwatch()
    reply = stage.get("720p/out2.mp4")
    assert (reply.status, reply.headers["retry-after"]) == (503, "2")
    assert reply.headers["cache-control"] == "no-store"
    assert time.monotonic() - began > 0.35
    assert watch.read() < 1.5


def test_who_waits_hears_of_the_end_at_once(stage):
    def give_up():
        with stage.tools.db.write() as tx:
            fail_rendition(tx, stage.picture.id, "It broke.")
            settle(tx, stage.media_id)

    stage.app._wait_s = 5.0
    reply, took_s = ask_while(stage, "720p/out2.mp4", give_up)
    assert reply.status == 404
    assert took_s < 1.5


def test_what_a_whole_film_lacks_is_not_waited_for(stage):
    stage.publish(0, 3, whole=True)
    # Who waits in vain is told 503.
    assert stage.get("720p/out3.mp4").status == 404


def test_a_master_waits_for_the_sound_of_a_new_attempt(stage):
    stage.begin(stage.sound.parts[0].id, "media/00/c")
    assert stage.get("stream/multi/master.m3u8").status == 503
    stage.publish(1, 1)
    assert b"#EXT-X-MEDIA" in stage.get("stream/multi/master.m3u8").body


def test_an_init_of_an_earlier_attempt_is_not_shown(stage):
    stage.begin(stage.picture.parts[0].id, "media/00/c")
    assert stage.get("720p/out.mp4?r=2").status == 503


def test_many_who_wait_read_the_film_together(stage):
    reads = []
    read = stage.app._views._read

    def noted(uuid, known):
        reads.append(uuid)
        return read(uuid, known)

    async def crowd():
        stage.app._wait_s = 5.0
        asking = [asyncio.create_task(stage.ask("720p/out2.mp4")) for _ in range(100)]
        await asyncio.sleep(0.2)
        await asyncio.to_thread(stage.publish, 0, 3)
        return await asyncio.gather(*asking)

    stage.app._views._read = noted
    assert {reply.status for reply in asyncio.run(crowd())} == {200}
    assert len(reads) < 10


def test_one_who_leaves_does_not_take_the_film_from_the_others(stage):
    async def two():
        first, second = (asyncio.create_task(stage.ask("720p/out0.mp4")) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await second

    assert asyncio.run(two()).status == 200
    assert stage.app._waiting == 0


def test_too_many_who_wait_are_told_so(stage, monkeypatch):
    monkeypatch.setattr(stage.app, "_waiting", 2_000)
    reply = stage.get("720p/out2.mp4")
    assert (reply.status, reply.headers["retry-after"]) == (503, "5")


def test_what_was_read_before_a_notice_is_not_kept_after_it(stage):
    views = stage.app._views
    read = views._read
    held = threading.Event()

    def slow(uuid, known):
        found = read(uuid, known)
        held.wait(5)
        return found

    async def race():
        views._read = slow
        early = asyncio.create_task(views.get(stage.uuid))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(stage.publish, 0, 3)
        await asyncio.sleep(0.05)
        views._read = read
        held.set()
        await early
        return await views.get(stage.uuid)

    view = asyncio.run(race())
    assert len(view.rendition("720p", "video").parts[0].fragments) == 3


def test_what_somebody_waits_for_is_asked_for_once(stage):
    asked: list[tuple[int, ...]] = []
    stage.app._seek_to = lambda *wish: asked.append(wish)
    for path in ("720p/out2.mp4", "720p/out2.mp4", "720p/out3.mp4"):
        assert stage.get(path).status == 503
    assert asked == [(stage.media_id, stage.picture.id, number) for number in (2, 3)]


def test_what_somebody_waits_for_is_made_beside_other_encodes(stage):
    key = f"encode:{stage.picture.id}:0"
    with stage.tools.db.write() as tx:
        ids = str(stage.picture.id)
        tx.enqueue("media.encode", key=key, media_id=stage.media_id, part=0, rendition_ids=ids)
    assert stage.get("720p/out2.mp4").status == 503
    with stage.tools.db.read() as tx:
        job = find_job(tx, key)
    assert job is not None
    assert job.kind == "media.sought"


def test_a_database_that_cannot_be_written_does_not_stop_viewers(stage):
    def broken(*wish):
        raise OSError("database is locked")

    stage.app._wait_s = 5.0
    stage.app._seek_to = broken
    reply, _ = ask_while(stage, "720p/out2.mp4", stage.publish, 0, 3)
    assert reply.status == 200
