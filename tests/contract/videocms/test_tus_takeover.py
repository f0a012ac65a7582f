"""Two who want one upload: the newcomer takes over, what arrived counts, nothing is mixed up.

Source: tus.md, A.4 and its head. The requests run side by side in one event loop.
"""

import asyncio
import random
from contextlib import contextmanager
from typing import Any

import pytest

from polyreel.core import ingest, users
from polyreel.http import tus_bodies
from tests.contract.videocms.tus_client import BYTES, VERSION, created, head, offset_of, patch

FILM = random.Random(1).randbytes(64 * 1024)


# Its notices are heard.
pytestmark = pytest.mark.usefixtures("own_site")


def bytes_of(site, path):
    uid = path.rsplit("/", 1)[1]
    return site.tools.storage.path(f"media/{uid[:2]}/{uid}/original").read_bytes()


class Request:
    """One PATCH, HEAD or DELETE whose body comes when the test says so."""

    def __init__(self, site, method, path, offset=None, app=None):
        sent = {**VERSION, "authorization": site.client.headers["authorization"]}
        if offset is not None:
            sent |= {**BYTES, "upload-offset": str(offset), "transfer-encoding": "chunked"}
        headers = [(key.encode(), value.encode()) for key, value in sent.items()]
        self.scope = {"type": "http", "method": method, "path": path, "headers": headers}
        self.scope |= {"query_string": b"", "scheme": "http", "client": ("127.0.0.1", 1)}
        self.messages: asyncio.Queue[Any] = asyncio.Queue()
        self.answer = {}
        self.patience_s = 5.0
        self.body = b""
        self.task = asyncio.create_task(
            (app or site.app)(self.scope, self.messages.get, self._send)
        )

    async def _send(self, message):
        if message["type"] == "http.response.start":
            self.answer = {key.decode(): value.decode() for key, value in message["headers"]}
            self.answer["status"] = message["status"]
        else:
            self.body += message.get("body", b"")

    async def send(self, data=b"", *, more=True):
        """Comes back when the server has taken it, or does not want it yet."""
        await self.messages.put({"type": "http.request", "body": data, "more_body": more})
        for _ in range(int(self.patience_s / 0.005)):
            if self.messages.empty() or self.task.done():
                break
            await asyncio.sleep(0.005)
        await asyncio.sleep(0)

    async def go(self):
        await self.messages.put({"type": "http.disconnect"})

    async def end(self):
        await asyncio.wait_for(self.task, 15)
        return self.answer["status"]


@pytest.fixture
def path(client):
    return created(client, len(FILM))


class TestOneProcess:
    def test_who_asks_where_it_stands_ends_what_is_running(self, site, path):
        async def run():
            first = Request(site, "PATCH", path, 0)
            await first.send(FILM[:1000])
            asked = Request(site, "HEAD", path)
            assert await asked.end() == 200
            assert asked.answer["upload-offset"] == "1000"
            assert await first.end() == 409
            assert first.body.startswith(b"ERR_UPLOAD_INTERRUPTED: ")

        asyncio.run(run())
        assert bytes_of(site, path) == FILM[:1000]

    def test_a_second_patch_takes_over_where_the_first_one_stopped(self, site, path):
        async def run():
            first = Request(site, "PATCH", path, 0)
            await first.send(FILM[:1000])
            second = Request(site, "PATCH", path, 0)
            await second.send(FILM, more=False)
            assert await second.end() == 409
            assert second.answer["upload-offset"] == "1000"
            third = Request(site, "PATCH", path, 1000)
            await third.send(FILM[1000:], more=False)
            assert await third.end() == 204
            await first.end()

        asyncio.run(run())
        assert bytes_of(site, path) == FILM

    def test_delete_ends_it_too(self, site, path):
        async def run():
            first = Request(site, "PATCH", path, 0)
            await first.send(FILM[:1000])
            assert await Request(site, "DELETE", path).end() == 204
            await first.end()

        asyncio.run(run())
        assert site.files() == []

    def test_who_goes_away_keeps_what_arrived(self, site, client, path):
        async def run():
            first = Request(site, "PATCH", path, 0)
            await first.send(FILM[:1000])
            await first.go()
            assert await first.end() == 400
            assert first.body.startswith(b"ERR_UNEXPECTED_EOF: ")

        asyncio.run(run())
        assert offset_of(client, path) == 1000
        assert patch(client, path, 1000, FILM[1000:]).status_code == 204
        assert bytes_of(site, path) == FILM

    def test_a_cancelled_one_too(self, site, client, path):
        async def run():
            first = Request(site, "PATCH", path, 0)
            await first.send(FILM[:1000])
            first.task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first.task

        asyncio.run(run())
        assert offset_of(client, path) == 1000

    def test_who_falls_silent_is_let_go(self, site, client, path, monkeypatch):
        monkeypatch.setattr(tus_bodies, "_SILENCE_S", 0.2)

        async def run():
            first = Request(site, "PATCH", path, 0)
            await first.send(FILM[:1000])
            assert await first.end() == 400

        asyncio.run(run())
        assert offset_of(client, path) == 1000

    def test_with_a_checksum_half_a_body_counts_for_nothing(self, site, client, path):
        async def run():
            first = Request(site, "PATCH", path, 0)
            first.scope["headers"].append((b"upload-checksum", b"sha1 AAAA"))
            await first.send(FILM[:1000])
            await first.go()
            await first.end()

        asyncio.run(run())
        assert offset_of(client, path) == 0

    def test_twenty_at_once_never_mix(self, site, client, path):
        async def run():
            requests = [Request(site, "PATCH", path, 0) for _ in range(20)]
            for number, each in enumerate(requests):
                each.patience_s = 0.02
                await each.send(FILM[: 1000 + number])
                await each.send(FILM[1000 + number : 3000], more=False)
            return [await each.end() for each in requests]

        assert set(asyncio.run(run())) <= {204, 409, 423}
        offset = offset_of(client, path)
        assert bytes_of(site, path)[:offset] == FILM[:offset]
        assert patch(client, path, offset, FILM[offset:]).status_code == 204
        assert bytes_of(site, path) == FILM


@contextmanager
def held(site, path):
    """Someone who does not let go."""
    actor = users.actor_of(site.bobby)
    hold = ingest.hold_resumable(site.db, site.tools.storage, actor, path.rsplit("/", 1)[1])
    try:
        yield
    finally:
        hold.release()


class TestOthers:
    def test_who_does_not_let_go_is_waited_for_and_then_it_is_423(
        self, site, client, path, monkeypatch
    ):
        monkeypatch.setattr(tus_bodies, "_PATIENCE_S", 0.3)
        with held(site, path):
            assert head(client, path).status_code == 423
            assert patch(client, path, 0, b"x").text.startswith("ERR_UPLOAD_LOCKED: ")
            assert client.delete(path, headers=VERSION).status_code == 423
        assert head(client, path).status_code == 200

    def test_another_process_is_asked_by_a_notice(self, site, path):
        site.tools.notifier.start()

        async def run():
            first = Request(site, "PATCH", path, 0)
            await first.send(FILM[:1000])
            second = Request(site, "PATCH", path, 1000, app=site.make_app())
            await second.send(FILM[1000:], more=False)
            assert await second.end() == 204
            assert await first.end() == 409

        asyncio.run(run())
        assert bytes_of(site, path) == FILM
