"""Events and endpoints, which are ours: docs/webhooks.md says what is promised."""

import asyncio
import base64
import json
from contextlib import asynccontextmanager
from typing import Any

import pytest

from polyreel.core import library, users
from polyreel.core.users import end_all_sessions
from polyreel.core.webhooks import EVENT_KINDS
from polyreel.dialects.videocms import event_stream
from polyreel.infra.notify import STOPPING
from tests.contract.videocms.site import TIME, is_text

SOON_S = 5.0
URL = "https://hooks.example.org/in"
ENDPOINT = [
    "ID", "CreatedAt", "UpdatedAt", "DeletedAt", "UserID", "Url", "Description", "Types", "All",
    "Enabled", "DisabledReason", "FailingSince", "RestsUntil", "LastDeliveredAt",
]  # fmt: skip
DELIVERY = [
    "ID", "CreatedAt", "EndpointID", "EventID", "Sequence", "Type", "State", "Attempts",
    "NextTryAt", "TriedAt", "Status", "TookMs", "Answer", "Error",
]  # fmt: skip
ROUTES = [
    ("GET", "/api/events"),
    ("GET", "/api/events/stream"),
    ("GET", "/api/webhooks/endpoints"),
    ("POST", "/api/webhooks/endpoints"),
    ("PUT", "/api/webhooks/endpoints"),
    ("DELETE", "/api/webhooks/endpoints"),
    ("POST", "/api/webhooks/secret"),
    ("POST", "/api/webhooks/test"),
    ("GET", "/api/webhooks/deliveries"),
    ("POST", "/api/webhooks/redeliver"),
]


def emit(site, user, *kinds):
    with site.db.write() as tx:
        for kind in kinds:
            tx.emit(kind, owner_id=user.id, data={"video": {"name": "film.mp4"}})


def events(site, **query):
    return site.client.get("/api/events", params=query).json()


def make(site, **changes):
    return site.client.post("/api/webhooks/endpoints", json={"Url": URL, **changes})


class TestWhoMayAsk:
    @pytest.mark.parametrize(("method", "path"), ROUTES)
    def test_nobody_unknown(self, site, method, path):
        assert is_text(site.anonymous(method, path), 403)

    def test_a_key_may(self, site):
        headers = site.as_key(site.bobby)
        emit(site, site.bobby, "video.ready")
        assert len(site.client.get("/api/events", headers=headers).json()["Events"]) == 1
        made = site.client.post("/api/webhooks/endpoints", json={"Url": URL}, headers=headers)
        assert made.status_code == 201

    def test_everybodys_are_for_an_administrators_login(self, site):
        emit(site, site.bobby, "video.ready")
        emit(site, site.carol, "video.ready")
        for headers, status in [
            (site.as_user(site.alice), 200),
            (site.as_key(site.alice), 403),
            ({}, 403),
        ]:
            listed = site.client.get("/api/events", params={"all": "true"}, headers=headers)
            assert listed.status_code == status
            if status == 200:
                assert len(listed.json()["Events"]) == 2
            made = site.client.post(
                "/api/webhooks/endpoints", json={"Url": URL, "All": True}, headers=headers
            )
            assert made.status_code == (201 if status == 200 else 403)


class TestEvents:
    def test_none(self, site):
        assert events(site) == {"Events": [], "Next": 0, "Missed": False}

    def test_what_happens_to_a_video(self, site):
        video = site.video(site.bobby, state="playable")
        with site.db.write() as tx:
            library.update_media(tx, video.media_id, state="failed", message="No film.")
            library.delete_video(tx, users.actor_of(site.bobby), video.uuid)
        found = events(site)
        assert [each["type"] for each in found["Events"]] == [
            "video.playable", "video.failed", "video.deleted",
        ]  # fmt: skip
        assert [each["sequence"] for each in found["Events"]] == [1, 2, 3]
        first, failed, _ = found["Events"]
        assert list(first) == ["id", "sequence", "type", "timestamp", "owner", "data"]
        assert first["id"].startswith("evt_")
        assert TIME.fullmatch(first["timestamp"])
        assert first["owner"] == {"id": site.bobby.id, "name": "bobby"}
        assert first["data"]["video"]["uuid"] == video.uuid
        assert failed["data"]["message"] == "No film."
        assert (found["Next"], found["Missed"]) == (3, False)

    def test_an_upload_is_finished_before_anything_is_known_of_it(self, site):
        site.worker_finds("ready")
        for name in ("one.mp4", "twin.mp4"):
            files = {"file": (name, b"the same bytes")}
            sent = site.client.post("/api/file/upload", data={"Name": name}, files=files)
            assert sent.status_code == 200, sent.text
        found = events(site)["Events"]
        assert [each["type"] for each in found] == [
            "upload.finished", "video.playable", "video.ready",
        ] * 2  # fmt: skip
        assert found[0]["data"]["video"]["size_bytes"] == 14

    def test_since_limit_and_types(self, site):
        emit(site, site.bobby, "video.playable", "video.ready", "video.failed")
        emit(site, site.carol, "video.ready")
        found = events(site, since=1, limit=1)
        assert ([each["sequence"] for each in found["Events"]], found["Next"]) == ([2], 2)
        found = events(site, types="video.failed, video.playable")
        assert ([each["sequence"] for each in found["Events"]], found["Next"]) == ([1, 3], 4)

    @pytest.mark.parametrize(
        "query", [{"since": "x"}, {"since": -1}, {"limit": 1001}, {"types": "video.made"}]
    )
    def test_malformed(self, site, query):
        assert is_text(site.client.get("/api/events", params=query), 400)


class TestEndpoints:
    def test_none_is_an_empty_list(self, site):
        found = site.client.get("/api/webhooks/endpoints")
        assert (found.status_code, found.text) == (200, "[]\n")

    def test_the_secret_is_told_once(self, site):
        made = make(site, Types=["video.ready"], Description="Mail")
        assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
        assert list(made.json()) == [*ENDPOINT, "Secret"]
        assert len(base64.b64decode(made.json()["Secret"].removeprefix("whsec_"))) == 32
        [row] = site.client.get("/api/webhooks/endpoints").json()
        assert list(row) == ENDPOINT
        assert (row["Url"], row["Types"], row["All"], row["Enabled"]) == (
            URL, ["video.ready"], False, True,
        )  # fmt: skip
        assert site.client.get(
            "/api/webhooks/endpoints", headers=site.as_user(site.alice)
        ).json() == []  # fmt: skip

    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            ({"Url": ""}, "Url [required] : "),
            ({"Url": "ftp://example.org/"}, "Url [http_url] : "),
            ({"Url": "https://" + "x" * 1024}, "Url [max] : 1024"),
            ({"Description": "x" * 256}, "Description [max] : 255"),
            ({"Types": ["video.made"]}, f"Types[0] [oneof] : {' '.join(EVENT_KINDS)}"),
            ({"Types": "video.ready"}, None),
            ({"Url": "https://127.1/"}, None),
            ({"Url": "https://example.org:22/"}, None),
            ({"Url": "https://user:word@example.org/"}, None),
            ({"Url": "https://example.org/\0"}, None),
        ],
    )
    def test_what_cannot_be(self, site, changes, text):
        assert is_text(make(site, **changes), 400, text)
        assert site.client.get("/api/webhooks/endpoints").json() == []

    def test_all_of_it_is_replaced(self, site):
        number = make(site, Types=["video.ready"], Description="Mail").json()["ID"]
        wish = {"EndpointID": number, "Url": f"{URL}/2", "Enabled": False}
        changed = site.client.put("/api/webhooks/endpoints", json=wish)
        assert list(changed.json()) == ENDPOINT
        [row] = site.client.get("/api/webhooks/endpoints").json()
        assert row == changed.json()
        assert (row["Url"], row["Description"], row["Types"], row["Enabled"]) == (
            f"{URL}/2", "", [], False,
        )  # fmt: skip

    def test_a_missing_one_and_a_strangers_are_404(self, site):
        number = make(site).json()["ID"]
        for given, headers in ((number, site.as_user(site.carol)), (number + 99, {})):
            for method, path in ROUTES[4:8]:
                sent = {"EndpointID": given, "Url": URL}
                found = site.client.request(method, path, json=sent, headers=headers)
                assert is_text(found, 404), path
            query = {"EndpointID": given}
            found = site.client.get("/api/webhooks/deliveries", params=query, headers=headers)
            assert is_text(found, 404)

    def test_a_new_secret(self, site):
        made = make(site).json()
        new = site.client.post("/api/webhooks/secret", json={"EndpointID": made["ID"]})
        assert new.headers["cache-control"] == "no-store"
        assert new.json()["Secret"] != made["Secret"]

    def test_deleted_by_json_or_query(self, site):
        for how in ("json", "params"):
            number: Any = make(site).json()["ID"]
            given: Any = {how: {"EndpointID": number}}
            assert is_text(
                site.client.request("DELETE", "/api/webhooks/endpoints", **given), 200, "ok"
            )
        assert site.client.get("/api/webhooks/endpoints").json() == []


class TestDeliveries:
    def test_a_test_is_in_the_log(self, site):
        number = make(site).json()["ID"]
        ordered = site.client.post("/api/webhooks/test", json={"EndpointID": number})
        assert (ordered.status_code, list(ordered.json())) == (200, DELIVERY)
        [row] = site.client.get("/api/webhooks/deliveries").json()
        assert row == ordered.json()
        assert (row["Type"], row["State"], row["Attempts"]) == ("webhook.test", "waiting", 0)
        assert site.jobs.orders[-1].kind == "webhooks.deliver"
        again = site.client.post("/api/webhooks/redeliver", json={"DeliveryID": row["ID"]})
        assert again.json()["ID"] == row["ID"]

    def test_an_event_by_its_number(self, site):
        emit(site, site.bobby, "video.ready")
        emit(site, site.carol, "video.ready")
        number = make(site).json()["ID"]
        sent = {"EndpointID": number, "Sequence": 1}
        ordered = site.client.post("/api/webhooks/redeliver", json=sent)
        assert ordered.json()["Type"] == "video.ready"
        for sequence in (2, 99):
            sent = {"EndpointID": number, "Sequence": sequence}
            assert is_text(site.client.post("/api/webhooks/redeliver", json=sent), 404)

    @pytest.mark.parametrize("sent", [{}, {"EndpointID": 1}, {"Sequence": 1}])
    def test_what_again_must_be_said(self, site, sent):
        assert is_text(site.client.post("/api/webhooks/redeliver", json=sent), 400)

    def test_not_where_it_is_off(self, site):
        number = make(site, Enabled=False).json()["ID"]
        assert is_text(site.client.post("/api/webhooks/test", json={"EndpointID": number}), 409)

    @pytest.mark.parametrize("query", [{"State": "lost"}, {"Limit": 201}, {"EndpointID": "x"}])
    def test_malformed(self, site, query):
        assert is_text(site.client.get("/api/webhooks/deliveries", params=query), 400)


class Stream:
    """One reader of the stream: what came, in order."""

    def __init__(self, site, token, query=b"", last_id=None):
        self.site = site
        self.status = None
        self.text = b""
        self.has_ended = False
        self.news = asyncio.Condition()
        self.leaving = asyncio.Event()
        headers = [(b"host", b"x"), (b"authorization", f"Bearer {token}".encode())]
        if last_id is not None:
            headers.append((b"last-event-id", last_id))
        self.scope = {
            "type": "http", "method": "GET", "path": "/api/events/stream", "query_string": query,
            "scheme": "http", "client": ("192.168.1.7", 1), "headers": headers,
        }  # fmt: skip

    async def run(self):
        await self.site.app(self.scope, self.receive, self.send)

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
    def blocks(self):
        """(id, event, data) of everything but heartbeats."""
        found = []
        for block in self.text.decode().split("\n\n"):
            lines = dict(line.partition(": ")[::2] for line in block.split("\n") if line)
            if "event" in lines:
                data = json.loads(lines["data"])
                found.append((lines.get("id"), lines["event"], data))
        return found

    async def until(self, check):
        async with asyncio.timeout(SOON_S), self.news:
            while not check(self):
                await self.news.wait()


@asynccontextmanager
async def listening(site, token, **wishes):
    stream = Stream(site, token, **wishes)
    task = asyncio.create_task(stream.run())
    await stream.until(lambda now: now.status is not None)
    yield stream
    stream.leaving.set()
    await asyncio.wait_for(task, SOON_S)


# Its notices are heard.
@pytest.mark.usefixtures("own_site")
@pytest.mark.anyio
class TestStream:
    @pytest.fixture(autouse=True)
    def listen(self, site):
        site.tools.notifier.start()

    async def test_from_now_on_and_only_ones_own(self, site):
        emit(site, site.bobby, "video.playable")
        async with listening(site, site.jwt(site.bobby)) as stream:
            assert stream.headers[b"content-type"] == b"text/event-stream"
            assert stream.headers[b"cache-control"] == b"no-store"
            await stream.until(lambda now: now.text.startswith(b"retry: 2000\nid: 1\n\n"))
            emit(site, site.carol, "video.ready")
            emit(site, site.bobby, "video.ready")
            await stream.until(lambda now: now.blocks)
            [(number, kind, event)] = stream.blocks
            assert (number, kind, event["type"]) == ("3", "video.ready", "video.ready")
        assert event == events(site, since=1)["Events"][0]

    @pytest.mark.parametrize(
        ("wishes", "seen"),
        [
            ({"query": b"since=0"}, ["1", "2", "3"]),
            ({"query": b"since=2"}, ["3"]),
            ({"query": b"since=0", "last_id": b"1"}, ["2", "3"]),
            ({"query": b"since=0&types=video.ready,video.failed"}, ["2", "3"]),
        ],
    )
    async def test_from_any_place(self, site, wishes, seen):
        emit(site, site.bobby, "video.playable", "video.ready", "video.failed")
        async with listening(site, site.key(site.bobby), **wishes) as stream:
            await stream.until(lambda now: len(now.blocks) == len(seen))
            assert [number for number, _, _ in stream.blocks] == seen

    async def test_what_does_not_fit_is_not_looked_at_again(self, site):
        emit(site, site.bobby, "video.ready", "video.playable")
        query = b"since=0&types=video.ready"
        async with listening(site, site.jwt(site.bobby), query=query) as stream:
            await stream.until(lambda now: now.text.endswith(b"id: 2\n\n"))

    async def test_who_was_further_than_the_log_is_told_and_goes_on_at_its_end(self, site):
        emit(site, site.bobby, "video.ready")
        async with listening(site, site.jwt(site.bobby), last_id=b"900") as stream:
            await stream.until(lambda now: now.blocks)
            assert stream.blocks == [(None, "missed", {"since": 900})]
            emit(site, site.bobby, "video.failed")
            await stream.until(lambda now: len(now.blocks) == 2)
            assert stream.blocks[1][:2] == ("2", "video.failed")

    async def test_more_than_goes_into_one_piece(self, site, monkeypatch):
        monkeypatch.setattr(event_stream, "_AT_ONCE", 3)
        emit(site, site.bobby, *["video.ready"] * 10)
        async with listening(site, site.jwt(site.bobby), query=b"since=0") as stream:
            await stream.until(lambda now: len(now.blocks) == 10)
            assert [number for number, _, _ in stream.blocks] == [str(n) for n in range(1, 11)]

    async def test_everybodys_for_an_administrator(self, site):
        emit(site, site.bobby, "video.ready")
        query = b"since=0&all=true"
        async with listening(site, site.jwt(site.alice), query=query) as stream:
            await stream.until(lambda now: now.blocks)
        async with listening(site, site.jwt(site.bobby), query=query) as stream:
            assert stream.status == 403

    @pytest.mark.parametrize(
        "wishes", [{"query": b"since=x"}, {"query": b"types=x"}, {"last_id": b"-1"}]
    )
    async def test_malformed(self, site, wishes):
        async with listening(site, site.jwt(site.bobby), **wishes) as stream:
            assert stream.status == 400

    async def test_it_ends_with_the_credentials(self, site):
        async with listening(site, site.jwt(site.bobby)) as stream:
            await stream.until(lambda now: b":\n\n" in now.text)
            with site.db.write() as tx:
                end_all_sessions(tx, site.bobby.id)
            emit(site, site.bobby, "video.ready")
            await stream.until(lambda now: now.has_ended)
            assert stream.blocks == []

    async def test_a_server_that_stops_ends_it(self, site):
        async with listening(site, site.jwt(site.bobby)) as stream:
            site.tools.notifier.publish([STOPPING])
            await stream.until(lambda now: now.has_ended)

    async def test_streams_of_one_person_are_bounded(self, site, monkeypatch):
        monkeypatch.setattr(event_stream, "MOST_PER_USER", 1)
        async with listening(site, site.jwt(site.bobby)):
            async with listening(site, site.jwt(site.bobby)) as late:
                assert late.status == 429
            async with listening(site, site.jwt(site.carol)) as other:
                assert other.status == 200
