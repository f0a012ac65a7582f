"""PostgreSQL is away for ten seconds: who asks is told to come back, who watches goes on watching."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.client import NAME, PASSWORD, Client, free_box
from tests.factories.clips import ClipMaker
from tests.fault.test_kill_everything import check_swept
from tests.fleet import Fleet
from tests.pace import Stopwatch
from tests.postgres import Postgres
from tests.watching import PageStream, Viewer

pytestmark = pytest.mark.fault

log = logging.getLogger(__name__)

AWAY_S = 10.0
BACK_WITHIN_S = 3.0
# From each of those who try again, in one process, a line each few seconds.
MOST_WARNINGS = 30


@pytest.fixture
def fleet(postgres: Postgres, tmp_path: Path) -> Iterator[Fleet]:
    with Fleet(postgres, tmp_path) as made:
        yield made


Asked = dict[str, tuple[str, str, dict[str, str], bytes]]


def list_asked(client: Client, uuid: str) -> Asked:
    """(method, path, headers, body) of one request in each voice of the server, by its name."""
    key = {"authorization": f"Bearer {client.key}"}
    page = {"cookie": client.session(), "accept": "text/html"}
    login = json.dumps({"username": NAME, "password": PASSWORD}).encode()
    json_body = {"content_type": "application/json"}
    _, _, said = client.ask("POST", "/api/auth/login", login, **json_body)
    token = {"authorization": f"Bearer {json.loads(said)['token']}"}
    tus = {"tus_resumable": "1.0.0", "upload_length": "1000"}
    return {
        "uploads": ("GET", "/api/client/v1/uploads", key, b""),
        "videocms": ("GET", "/api/config", {}, b""),
        "videocms, sign in": ("POST", "/api/auth/login", json_body, login),
        "videocms, for its token": ("GET", "/api/files", token, b""),
        "tus": ("POST", "/api/uploads", {**token, **tus}, b""),
        "web": ("GET", "/", page, b""),
        "web, player page": ("GET", f"/v/{uuid}", {"accept": "text/html"}, b""),
        "web, for scripts": ("GET", f"/video/{uuid}/state", {"cookie": page["cookie"]}, b""),
        "web, event stream": ("GET", "/events", {"cookie": page["cookie"]}, b""),
        "media": ("GET", f"{client.media_base(uuid)}/image/thumb/4x4.webp", {}, b""),
    }


def check_told_to_come_back(client: Client, requests: Asked) -> None:
    """Every voice says 503, when to come back, and nothing of what happened inside; soon."""
    for name, (method, path, headers, body) in requests.items():
        began = Stopwatch()
        status, fields, said = client.ask(method, path, body, **headers)
        assert status == 503, (name, status, said[:300])
        assert 1 <= int(fields["retry-after"]) <= 10, name
        assert began.read() < 2, name
        assert b"psycopg" not in said, (name, said)
        kinds = {"uploads": "application/json", "videocms": "text/plain", "web": "text/html"}
        assert fields.get_content_type() == kinds.get(name, fields.get_content_type()), name


def uses_of_keys(fleet: Fleet) -> int:
    """How many uses of API keys have been written down."""
    [(count,)] = fleet.postgres.execute("SELECT count(*) FROM key_audit", database=fleet.database)
    return int(count)


def warnings_in(text: str) -> list[str]:
    """Lines of a log that say that something is wrong; fails for one that goes on for many lines."""
    assert "Traceback" not in text, text[-8000:]
    return [line for line in text.splitlines() if " warning " in line or " error " in line]


def soon(check: Callable[[], bool], within_s: float) -> float:
    """Seconds until `check` was true."""
    began = time.monotonic()
    while not check():
        assert time.monotonic() < began + within_s, f"not within {within_s} s"
        time.sleep(0.02)
    return time.monotonic() - began


def stay_away(postgres: Postgres, client: Client, requests: Asked, begun: HTTPConnection) -> None:
    """Stop it, ask all the while, end an upload that has `begun` meanwhile, start it again."""
    stopped_at = time.monotonic()
    postgres.stop()
    try:
        begun.send(client.closing())
        assert begun.getresponse().status == 503
        while time.monotonic() < stopped_at + AWAY_S:
            check_told_to_come_back(client, requests)
            time.sleep(0.5)
    finally:
        postgres.start()


def test_who_asks_comes_back_and_who_watches_goes_on(fleet: Fleet, make_clip: ClipMaker) -> None:
    web = fleet.web()
    film = make_clip(seconds=16.0, width=640, height=360)
    with Client(web) as client, Client(web, client.key) as uploader:
        worker = fleet.worker()
        known = client.upload(film).uuid
        # Nobody looks at this one: the web has to ask the database.
        other = client.upload(film, tail=free_box()).uuid
        client.wait_until_completed(known)
        client.wait_until_completed(other)
        requests = list_asked(client, other)
        data = film.read_bytes() + free_box()
        begun = uploader.begin(len(data))
        begun.send(data)
        with Viewer(client, known) as viewer, PageStream(client) as page:
            time.sleep(1)
            stopped_at, already = time.monotonic(), [len(web.log), len(worker.log)]
            stay_away(fleet.postgres, client, requests, begun)
            back_at, page_of = time.monotonic(), {"cookie": client.session()}
            uses = uses_of_keys(fleet)
            recovered_s = soon(lambda: client.ask("GET", "/", **page_of)[0] == 200, BACK_WITHIN_S)
            # Whatever changed before it listens again, the page asks for.
            listens_s = page.wait("missed", BACK_WITHIN_S + 1) - back_at
            client.change(other, name="renamed")
            page.wait("video", name="renamed")
            client.wait_until_completed(client.upload(film, tail=free_box()).uuid)
        soon(lambda: uses_of_keys(fleet) > uses, 10)
    assert viewer.failures == []
    assert {one.status for one in viewer.got} == {200}
    watched = [one for one in viewer.got if stopped_at < one.asked_at < back_at]
    slowest_s = max(one.seconds for one in watched)
    assert len(watched) > AWAY_S * 3
    assert slowest_s < 1.5
    for process, length in zip((web, worker), already, strict=True):
        assert len(warnings_in(process.log[length:])) < MOST_WARNINGS, process.log[length:]
    check_swept(web)
    log.info("back after %.2f s, pages hear again after %.2f s", recovered_s, listens_s)
    log.info("%d fragments meanwhile, the slowest %.0f ms", len(watched), slowest_s * 1000)
