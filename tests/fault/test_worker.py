"""The worker killed or told to stop in the middle of an encode: the ladder is finished all the same."""

import re
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.client import Client
from tests.factories.clips import ClipMaker
from tests.fault.test_kill_everything import check_swept
from tests.server import Server

pytestmark = pytest.mark.fault

# A dead worker's lease: short, so that the test need not wait half a minute for what is proven anyway.
LEASE_S = 3


@pytest.fixture
def long_film(make_clip: ClipMaker) -> Path:
    """Its ladder takes some seconds."""
    return make_clip(seconds=24.0, width=854, height=480)


def process(server: Server, role: str) -> psutil.Process:
    """The one process of the server that does this."""
    found = [one for one in server.processes() if one.name() == f"polyreel-{role}"]
    assert len(found) == 1, found
    return found[0]


def encoders(server: Server) -> list[psutil.Process]:
    """ffmpegs that encode pictures."""
    found = []
    for one in server.processes():
        try:
            found += [one] if "libx264" in one.cmdline() else []
        except psutil.NoSuchProcess:
            continue
    return found


def wait_for_encoder(server: Server) -> psutil.Process:
    deadline = time.monotonic() + 30
    while not (found := encoders(server)):
        assert time.monotonic() < deadline, server.log[-4000:]
        time.sleep(0.05)
    time.sleep(0.5)
    return found[0]


def encode_job(server: Server) -> dict[str, Any]:
    """The row of the encode."""
    return server.rows("SELECT * FROM jobs WHERE kind = 'media.encode'")[0]


def test_kill_9_of_the_worker(start_server, long_film) -> None:
    server = start_server(lease_s=LEASE_S)
    with Client(server) as client:
        uuid = client.upload(long_film).uuid
        encoder = wait_for_encoder(server)
        worker = process(server, "worker")
        worker.kill()
        encoder.wait(5)
        cookie = client.media_cookie(uuid)
        client.get(f"{client.media_base(uuid)}/stream/multi/master.m3u8", cookie)
        client.wait_until_completed(uuid, 120)
        assert process(server, "worker").pid != worker.pid
        assert encode_job(server)["tries"] == 2
        check_swept(server, dead_pid=worker.pid)


def test_sigterm_in_mid_encode_costs_no_try(start_server, long_film) -> None:
    server = start_server()
    with Client(server) as client:
        uuid = client.upload(long_film).uuid
        wait_for_encoder(server)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 15
        job = encode_job(server)
        assert (job["state"], job["tries"]) == ("queued", 0), job
        client.close()

        server.start()
        began = time.monotonic()
        wait_for_encoder(server)
        assert time.monotonic() - began < 10
        client.wait_until_completed(uuid, 120)
        assert encode_job(server)["tries"] == 1
        assert not re.search(r"Traceback", server.log), server.log[-6000:]
        check_swept(server)
