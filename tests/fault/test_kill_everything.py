"""kill -9 of every process at one moment, then a start: nothing acknowledged is lost, nothing is left over."""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.client import Client, Sent, free_box
from tests.factories.clips import ClipMaker
from tests.server import Server

pytestmark = pytest.mark.fault

AFTER_MS = [0, 50, 150, 400, 1000]


@pytest.fixture
def film(make_clip: ClipMaker) -> Path:
    """Its picture is copied, its sound and a ladder of one rung encoded."""
    return make_clip(seconds=8.0, width=640, height=360, sound="opus")


def originals(server: Server) -> dict[str, bytes]:
    """SHA-256 of the kept original behind every video, read from the disk."""
    query = "SELECT videos.uuid, original_key FROM videos JOIN media ON media.id = videos.media_id"
    folder = server.data_dir / "files"
    return {
        row["uuid"]: hashlib.sha256((folder / row["original_key"]).read_bytes()).digest()
        for row in server.rows(query)
    }


def files(server: Server) -> list[str]:
    """Every file below the folder of files, temporary ones too."""
    folder = server.data_dir / "files"
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def until_idle(server: Server) -> None:
    """A film is complete before its images are."""
    unfinished = (
        "SELECT kind FROM jobs WHERE kind LIKE 'media.%' AND state IN ('queued', 'running')"
    )
    deadline = time.monotonic() + 60
    while left := server.rows(unfinished):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def check_swept(server: Server, *, dead_pid: int = 0) -> None:
    """Files and rows agree once nobody works any more, without the help of a sweep. What one process of a
    server that goes on left half written goes minutes later, by upkeep.
    """
    until_idle(server)
    said = server.cli("doctor", "--sweep", "--min-age", "0").stdout.strip().splitlines()
    assert said[-1].startswith("0 files without a row removed"), said
    assert said[-1].endswith(" 0 rows without a file"), said
    left = [name for name in files(server) if name.startswith("tmp/")]
    assert all(name.startswith(f"tmp/{dead_pid}-") for name in left), left


def finished(client: Client, sent: Sequence[Sent]) -> None:
    for each in sent:
        client.wait_until_completed(each.uuid, 90)


def test_in_mid_upload(start_server, film) -> None:
    server = start_server()
    with Client(server) as client:
        whole = client.upload(film)
        data = film.read_bytes()
        connection = client.begin(len(data) * 40)
        for _ in range(20):
            connection.send(data)
        time.sleep(0.3)
        halves = {name for name in files(server) if name.startswith("tmp/")}
        assert halves
        server.kill()
        with pytest.raises(ConnectionError):
            connection.send(data * 20)
        client.close()

        server.start()
        # What is there now is the new worker's.
        assert not halves & set(files(server))
        finished(client, [whole])
        assert [each["id"] for each in client.uploads()] == [whole.uuid]
        check_swept(server)
        assert client.upload(film, tail=free_box()).uuid != whole.uuid


@pytest.mark.parametrize("after_ms", AFTER_MS)
def test_in_mid_publish(start_server, film, after_ms) -> None:
    server = start_server()
    tail = free_box()
    with Client(server) as client:
        sent = client.upload(film, tail=tail)
        time.sleep(max(0.0, sent.acked_at + after_ms / 1000 - time.monotonic()))
        server.kill()
        client.close()

        server.start()
        finished(client, [sent])
        digest = hashlib.sha256(film.read_bytes() + tail).digest()
        assert originals(server) == {sent.uuid: digest}
        check_swept(server)


def test_again_and_again(start_server, film) -> None:
    server = start_server()
    digests: dict[str, bytes] = {}
    sent = []
    with Client(server) as client:
        for pause_s in (0.0, 0.1, 0.3):
            for _ in range(2):
                tail = free_box()
                sent.append(client.upload(film, tail=tail))
                digests[sent[-1].uuid] = hashlib.sha256(film.read_bytes() + tail).digest()
            time.sleep(pause_s)
            server.kill()
            client.close()
            server.start()
        finished(client, sent)
        assert originals(server) == digests
        check_swept(server)
