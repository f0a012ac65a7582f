"""kill -9 of every process while events are delivered: each arrives, under one id, signed; an endpoint that
is slow or dead costs the others nothing that they would notice.
"""

import json
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from tests.client import Client
from tests.server import Server

pytestmark = pytest.mark.fault

NAME, PASSWORD = "ada", "correct horse battery"


class Receivers(ThreadingHTTPServer):
    """One for each path: /slow takes longer than a delivery may, /dead answers 500; all keep what comes."""

    daemon_threads = True

    def __init__(self) -> None:
        self.seen: list[tuple[str, float, dict[str, str], bytes]] = []
        self.pause_s = 0.0
        receivers = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): text for name, text in self.headers.items()}
                receivers.seen.append((self.path, time.monotonic(), headers, body))
                time.sleep(8.0 if self.path == "/slow" else receivers.pause_s)
                self.send_response(500 if self.path == "/dead" else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, *_: Any) -> None:
        """Servers that are killed go away in the middle."""

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def at(self, path: str) -> list[tuple[float, dict[str, str], bytes]]:
        return [(when, headers, body) for to, when, headers, body in self.seen if to == path]


@pytest.fixture
def receivers() -> Iterator[Receivers]:
    one = Receivers()
    thread = threading.Thread(target=one.serve_forever, args=(0.05,))
    thread.start()
    yield one
    one.shutdown()
    one.server_close()
    thread.join()


class Api:
    """Someone with a key of the VideoCMS API."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.key = server.add_key(NAME, "videocms")

    def ask(self, method: str, path: str, **body: Any) -> Any:
        request = urllib.request.Request(
            self.server.url + path,
            method=method,
            data=json.dumps(body).encode() if body else None,
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.key}"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read() or b"null")

    def endpoint(self, url: str) -> Any:
        return self.ask("POST", "/api/webhooks/endpoints", Url=url)

    def events(self) -> list[Any]:
        found: list[Any] = self.ask("GET", "/api/events")["Events"]
        return found


def until(what: str, check: Any, timeout_s: float = 60) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (found := check()):
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {what}"
        time.sleep(0.05)
    return found


def streamed(api: Api, since: int, count: int) -> list[Any]:
    """So many events of the stream."""
    request = urllib.request.Request(
        f"{api.server.url}/api/events/stream", headers={"Authorization": f"Bearer {api.key}",
                                                        "Last-Event-ID": str(since)},
    )  # fmt: skip
    found = []
    with urllib.request.urlopen(request, timeout=20) as stream:
        for line in stream:
            if line.startswith(b"data: "):
                found.append(json.loads(line[6:]))
            if len(found) == count:
                return found
    raise AssertionError("the stream ended")


def test_what_happened_arrives_though_every_process_is_killed(
    start_server, make_clip, receivers: Receivers
) -> None:
    server = start_server(outbound_allow="127.0.0.1", lease_s=2)
    with Client(server) as client:
        api = Api(server)
        made = api.endpoint(receivers.url("/hook"))
        receivers.pause_s = 0.4
        last = ""
        for number in range(3):
            tail = b"\0\0\0\x10free" + number.to_bytes(8, "big")
            last = client.upload(make_clip(seconds=2.0), tail=tail).uuid
            if number == 2:
                client.wait_until_completed(last)
            # While one is on its way, and its answer not yet written down.
            until("a delivery", lambda n=number: len(receivers.seen) > n)
            server.kill()
            client.close()
            server.start()
        client.wait_until_completed(last)
        client.delete(last)

    def all_arrived() -> bool:
        events = api.events()
        arrived = {headers["webhook-id"] for _, headers, _ in receivers.at("/hook")}
        done = sum(1 for each in events if each["type"] == "video.ready") == 3
        return done and {each["id"] for each in events} <= arrived

    until("every event", all_arrived)
    events = api.events()
    assert [each["sequence"] for each in events] == list(range(1, len(events) + 1))
    kinds = Counter(each["type"] for each in events)
    once = ("upload.finished", "video.playable", "video.ready")
    assert kinds == {**dict.fromkeys(once, 3), "video.deleted": 1}
    by_id = {each["id"]: each for each in events}
    verifier = Webhook(made["Secret"])
    for _, headers, body in receivers.at("/hook"):
        assert verifier.verify(body.decode(), headers) == by_id[headers["webhook-id"]]
    rows = api.ask("GET", "/api/webhooks/deliveries")
    until("the log", lambda: all(
        row["State"] == "delivered" for row in api.ask("GET", "/api/webhooks/deliveries")
    ))  # fmt: skip
    assert len(rows) == len(events)
    assert streamed(api, 2, len(events) - 2) == events[2:]


def test_slow_and_dead_ones_do_not_hold_up_the_others(start_server, receivers: Receivers) -> None:
    server = start_server(outbound_allow="127.0.0.1")
    server.add_user(NAME, PASSWORD)
    api = Api(server)
    quick = api.endpoint(receivers.url("/quick"))["ID"]
    for _ in range(2):
        api.endpoint(receivers.url("/slow"))
    api.endpoint(receivers.url("/dead"))
    others = [row["ID"] for row in api.ask("GET", "/api/webhooks/endpoints") if row["ID"] != quick]
    for number in others:
        for _ in range(6):
            api.ask("POST", "/api/webhooks/test", EndpointID=number)
    until("the slow one", lambda: receivers.at("/slow"))
    waits = []
    for _ in range(5):
        began = time.monotonic()
        before = len(receivers.at("/quick"))
        api.ask("POST", "/api/webhooks/test", EndpointID=quick)
        until("the quick one", lambda n=before: len(receivers.at("/quick")) > n)
        waits.append(time.monotonic() - began)
    # Two slots are taken by the slow ones for five seconds at a time: there is a third.
    assert sorted(waits)[2] < 3.0, waits
    assert max(waits) < 8.0, waits

    def given_up() -> list[Any]:
        rows = api.ask("GET", "/api/webhooks/deliveries?Limit=200")
        return [row for row in rows if row["EndpointID"] in others[:2] and row["Attempts"]]

    slow = until("a slow one to be given up", given_up)
    assert all(4500 <= row["TookMs"] <= 7000 and row["Status"] is None for row in slow)
