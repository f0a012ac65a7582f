"""A VideoCMS comes over beside a running server; the import is killed, the server goes on."""

import json
import subprocess
import time

import pytest

from tests.client import Client, free_box
from tests.databases import ON_POSTGRESQL
from tests.factories.videocms import VideoCMS
from tests.server import POLYREEL
from tests.watching import addresses

pytestmark = pytest.mark.fault

FILMS = 5
PASSWORD = "open sesame 72"


@pytest.fixture
def old(tmp_path, ffmpeg_exe, make_clip):
    """Some films as they were uploaded and one of which only pieces are left, all with a link."""
    cms = VideoCMS(tmp_path / "old", ffmpeg_exe)
    film = make_clip(seconds=6.0, width=160, height=120)
    zoe = cms.add_user("zoe", PASSWORD)
    files = [cms.add_original(film, zoe, tail=free_box(12_000_000)) for _ in range(FILMS)]
    files.append(cms.add_encoded(film, zoe, heights=[120], sounds=1))
    links = [cms.add_link(file_id, zoe, f"film {file_id}.mp4") for file_id in files]
    return cms, links


def begin(server, cms):
    command = [POLYREEL, "import", "videocms", "--database", cms.database, "--media", cms.media]
    return subprocess.Popen(
        list(map(str, command)),
        env=server.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def count(server, query):
    return server.rows(f"SELECT count(*) AS found FROM {query}")[0]["found"]


def log_in(client, name, password):
    body = json.dumps({"username": name, "password": password}).encode()
    status, _, said = client.ask("POST", "/api/auth/login", body, content_type="application/json")
    return status, said


def until(check, timeout_s=60.0):
    deadline = time.monotonic() + timeout_s
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_killed_again_and_again_it_comes_over_once(start_server, old):
    cms, links = old
    server = start_server()
    before = cms.listing()
    for enough in (1, 3):
        running = begin(server, cms)
        until(
            lambda enough=enough, running=running: (
                count(server, "imported WHERE kind = 'file'") >= enough
                or running.poll() is not None
            )
        )
        assert running.poll() is None, running.communicate()[0]
        running.kill()
        running.communicate()
    said, _ = begin(server, cms).communicate(timeout=120)
    assert "Everything came over" in said, said
    assert cms.listing() == before
    assert count(server, "videos") == count(server, "media") == len(links)
    assert count(server, "users WHERE name = 'zoe'") == 1
    with Client(server) as client:
        check_login(server, client)
        for link in (links[0], links[-1]):
            check_plays(client, link)
    if ON_POSTGRESQL:
        # Another machine may be at work there: what died is swept after some minutes.
        return
    server.stop()
    server.start()
    assert count(server, "uploads") == 0
    swept = server.cli("doctor", "--sweep", "--min-age", "0").stdout.strip().splitlines()[-1]
    assert swept.endswith(" 0 rows without a file"), swept
    originals = list((server.data_dir / "files" / "media").rglob("original"))
    assert len(originals) == len(links)


def check_login(server, client):
    kept = "SELECT password_hash FROM users WHERE name = 'zoe'"
    assert server.rows(kept)[0]["password_hash"].startswith("$2a$")
    status, wrong = log_in(client, "zoe", "open sesame 73")
    assert (status, wrong) == log_in(client, "nobody", PASSWORD)
    status, said = log_in(client, "zoe", PASSWORD)
    assert status == 200, said
    assert "token" in json.loads(said)
    assert server.rows(kept)[0]["password_hash"].startswith("$argon2id$")
    assert log_in(client, "zoe", PASSWORD)[0] == 200


def check_plays(client, link):
    """The page under its old address, and what a player fetches then."""
    cookie = client.media_cookie(link)
    base = client.media_base(link)

    def playable():
        status, _, _ = client.ask("GET", f"{base}/stream/multi/master.m3u8", cookie=cookie)
        return status == 200 and json.loads(client.get(f"/v/{link}/status"))["ready"]

    until(playable)
    variant = addresses(client.get(f"{base}/stream/multi/master.m3u8", cookie))[0]
    fragments = addresses(client.get(variant, cookie))
    assert fragments
    first = fragments[0]
    path = first if first.startswith("/") else f"{variant.rpartition('/')[0]}/{first}"
    assert client.get(path, cookie)
