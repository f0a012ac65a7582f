"""GET /events: what changes is told as it happens, to whom it concerns."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import update

from polyreel.core.library import delete_video, update_media, update_media_progress, update_video
from polyreel.core.library.tables import MediaRow
from polyreel.core.users import end_all_sessions
from polyreel.infra.notify import ANYTHING, STOPPING
from polyreel.web import events

pytestmark = pytest.mark.anyio

SOON_S = 5.0


class Stream:
    """A page's event stream: what came, in order."""

    def __init__(self, place, token):
        self.place = place
        self.token = token
        self.status = None
        self.text = b""
        self.has_ended = False
        self.news = asyncio.Condition()
        self.leaving = asyncio.Event()

    async def run(self):
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/events",
            "query_string": b"",
            "scheme": "http",
            "client": ("192.168.1.7", 1),
            "headers": [
                (b"host", b"video.test"),
                (b"accept", b"text/event-stream"),
                (b"cookie", b"polyreel=" + self.token.encode()),
            ],
        }
        await self.place.app(scope, self.receive, self.send)

    async def receive(self):
        await self.leaving.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        async with self.news:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.headers = dict(message["headers"])
            else:
                self.text += message["body"]
                self.has_ended = not message.get("more_body", False)
            self.news.notify_all()

    @property
    def events(self):
        found = []
        for block in self.text.decode().split("\n\n"):
            lines = dict(line.partition(": ")[::2] for line in block.split("\n") if line)
            if "event" in lines:
                found.append((lines["event"], json.loads(lines["data"])))
        return found

    async def until(self, check):
        async with asyncio.timeout(SOON_S), self.news:
            while not check(self):
                await self.news.wait()


@asynccontextmanager
async def listening(place, name, token=None):
    stream = Stream(place, token or place.session(name))
    task = asyncio.create_task(stream.run())
    await stream.until(lambda now: now.status is not None)
    yield stream
    stream.leaving.set()
    await asyncio.wait_for(task, SOON_S)


def has(event, /, **wanted):
    def check(stream):
        return any(
            kind == event and all(data.get(key) == value for key, value in wanted.items())
            for kind, data in stream.events
        )

    return check


async def test_it_is_a_stream_that_nobody_holds_back(place):
    async with listening(place, "alice") as stream:
        assert stream.status == 200
        assert stream.headers[b"content-type"] == b"text/event-stream"
        assert stream.headers[b"cache-control"] == b"no-store"
        await stream.until(lambda now: now.text.startswith(b"retry: 2000\n\n"))


async def test_a_change_reaches_its_owner_and_administrators_only(place):
    video = place.add_video("alice", state="processing")
    async with (
        listening(place, "alice") as alice,
        listening(place, "bob") as bob,
        listening(place, "root") as root,
    ):
        with place.tools.db.write() as tx:
            update_media(tx, video.media_id, state="playable", duration_ms=5000)
        await alice.until(
            has("video", uuid=video.uuid, state="playable", mine=True, folder_id=None)
        )
        await root.until(has("video", uuid=video.uuid, mine=True, folder_id=-1))
        assert bob.events == []


async def test_progress_arrives_live(place):
    video = place.add_video("alice", state="playable")
    async with listening(place, "alice") as alice:
        for progress in (0.25, 0.5):
            with place.tools.db.write() as tx:
                update_media_progress(tx, video.media_id, progress)
            await alice.until(has("video", progress=progress))
        card = alice.events[-1][1]
    assert card["state_text"] == "Playable · 50 %"


async def test_a_new_video_and_its_end_are_told(place):
    async with listening(place, "alice") as alice, listening(place, "bob") as bob:
        video = await asyncio.to_thread(place.add_video, "alice", "new.mp4")
        await alice.until(has("video", uuid=video.uuid, name="new.mp4"))
        with place.tools.db.write() as tx:
            update_video(tx, place.actor_in(tx, "alice"), video.uuid, name="better.mp4")
        await alice.until(has("video", name="better.mp4"))
        with place.tools.db.write() as tx:
            delete_video(tx, place.actor_in(tx, "alice"), video.uuid)
        await alice.until(has("gone", uuid=video.uuid))
        assert bob.events == []


async def test_who_comes_back_hears_of_what_is_unfinished(place):
    place.add_video("alice", "done.mp4", state="ready")
    busy = place.add_video("alice", "busy.mp4", state="processing")
    async with listening(place, "alice") as alice:
        await alice.until(has("video", uuid=busy.uuid))
        assert len(alice.events) == 1
        place.tools.notifier.publish([ANYTHING])
        await alice.until(lambda now: len(now.events) == 3)
        assert alice.events[1] == ("missed", {})
        assert alice.events[2][1]["uuid"] == busy.uuid


async def test_where_notices_were_missed_the_end_of_what_was_unfinished_is_told(place):
    busy = place.add_video("alice", "busy.mp4", state="processing")
    async with listening(place, "alice") as alice, listening(place, "bob") as bob:
        await alice.until(has("video", uuid=busy.uuid, state="processing"))
        with place.tools.db.write() as tx:
            tx.session.execute(update(MediaRow).values(state="ready"))
        place.tools.notifier.publish([ANYTHING])
        await alice.until(has("video", uuid=busy.uuid, state="ready"))
        assert not has("video")(bob)


async def test_many_changes_at_once_are_few_events(place):
    video = place.add_video("alice", state="playable")
    async with listening(place, "alice") as alice:
        for step in range(1, 101):
            with place.tools.db.write() as tx:
                update_media_progress(tx, video.media_id, step / 100)
        await alice.until(has("video", progress=1.0))
        assert len(alice.events) < 60


async def test_it_ends_with_the_session(place, monkeypatch):
    monkeypatch.setattr(events, "_TRUST_S", 0.0)
    video = place.add_video("alice")
    async with listening(place, "alice") as alice, listening(place, "root") as root:
        with place.tools.db.write() as tx:
            end_all_sessions(tx, place.actor_in(tx, "alice").user_id)
            update_video(tx, place.actor_in(tx, "root"), video.uuid, name="after")
        await root.until(has("video", name="after"))
        await alice.until(lambda now: now.has_ended)
        assert not has("video", name="after")(alice)


async def test_streams_of_one_person_are_bounded(place):
    token = place.session("alice")
    streams = []
    try:
        for _ in range(events.MOST_PER_USER):
            context = listening(place, "alice", token)
            await context.__aenter__()
            streams.append(context)
        async with listening(place, "alice", token) as late:
            assert late.status == 429
        async with listening(place, "bob") as bob:
            assert bob.status == 200
    finally:
        for context in streams:
            await context.__aexit__(None, None, None)


async def test_closing_the_app_ends_every_stream(place):
    async with listening(place, "alice") as alice:
        await asyncio.to_thread(place.web.close)
        await alice.until(lambda now: now.has_ended)


async def test_a_server_that_stops_ends_every_stream(place):
    async with listening(place, "alice") as alice:
        place.tools.notifier.publish([STOPPING])
        await alice.until(lambda now: now.has_ended)


async def test_without_a_session_there_is_none(place):
    async with listening(place, "alice", "unknown") as stream:
        assert stream.status == 401
