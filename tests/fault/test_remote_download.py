"""kill -9 of every process while a file of another server is fetched: what was synced is not fetched again."""

import hashlib
import json
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.client import free_box
from tests.origin import Origin
from tests.server import Server

pytestmark = pytest.mark.fault

NAME, PASSWORD = "alice", "correct horse battery"


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as one:
        yield one


class Panel:
    """Someone signed in by the VideoCMS API."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.token = ""
        self.token = self.ask("POST", "/api/auth/login", username=NAME, password=PASSWORD)["token"]

    def ask(self, method: str, path: str, **body: Any) -> Any:
        request = urllib.request.Request(
            self.server.url + path,
            method=method,
            data=json.dumps(body).encode() if body else None,
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read() or b"null")

    def row(self) -> Any:
        return self.ask("GET", "/api/remote/downloads")[0]

    def until(self, *statuses: str, bytes_at_least: int = 0, timeout_s: float = 60) -> Any:
        deadline = time.monotonic() + timeout_s
        while (row := self.row())["Status"] not in statuses or (
            row["BytesDownloaded"] < bytes_at_least
        ):
            assert time.monotonic() < deadline, row
            time.sleep(0.1)
        return row


def test_it_goes_on_where_it_was(start_server, make_clip, origin) -> None:
    film = make_clip(seconds=2.0).read_bytes() + free_box(40 * 1024 * 1024)
    served = origin.serve("/films/film.mp4", film, pause_s=0.02)
    server = start_server(outbound_allow="127.0.0.1")
    server.add_user(NAME, PASSWORD)
    panel = Panel(server)
    [ordered] = panel.ask("POST", "/api/remote/download", urls=[origin.url("/films/film.mp4")])
    assert ordered["Status"] == "pending"
    for _ in range(2):
        reached = panel.row()["BytesDownloaded"]
        panel.until("downloading", bytes_at_least=reached + 4_000_000)
        server.kill()
        server.start()
    served.pause_s = 0
    row = panel.until("completed", "failed")
    assert (row["Status"], row["Error"]) == ("completed", "")
    assert row["BytesDownloaded"] == len(film)
    starts = [int(head.get("range", "bytes=0-")[6:-1]) for _, head in origin.seen]
    assert len(starts) == 3
    assert 4_000_000 <= starts[1] < starts[2] < len(film)
    [kept] = server.rows("SELECT sha256, original_key FROM media")
    data = (server.data_dir / "files" / kept["original_key"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == kept["sha256"] == hashlib.sha256(film).hexdigest()
    said = server.cli("doctor", "--sweep", "--min-age", "0").stdout.strip().splitlines()[-1]
    assert said.startswith("0 files without a row removed")
