"""5 GiB from curl, chunked, so that nobody says how much will come: memory, and how fast it goes."""

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.client import Client
from tests.server import Server

pytestmark = pytest.mark.bench

LENGTH = 5 << 30
NEEDED_BYTES = 16 << 30
SAMPLE_S = 0.2
GOAL_GROWTH = 64 << 20


def test_5_gib_from_curl(start_server, films, table, tmp_path):
    free = shutil.disk_usage(tmp_path).free
    if free < NEEDED_BYTES:
        pytest.skip(f"needs {NEEDED_BYTES >> 30} GiB of disk, has {free >> 30}")
    film = grown(films.looped("bigbuckbunny-720p.mp4", 30), tmp_path / "five.mp4")
    reference_s = copied_and_hashed(film, tmp_path / "copy.mp4")
    server = start_server()
    with Client(server) as client:
        time.sleep(2)
        before = server.pss_bytes()
        began = time.monotonic()
        with sampled(server) as samples:
            uuid = sent_by_curl(server, client.key, film)
        taken = time.monotonic() - began
        growth = max(samples) - before
        table.row(
            f"memory (PSS) while 5 GiB came in, {len(samples)} samples",
            f"+{growth / 2**20:.1f} MiB",
            f"{before / 2**20:.0f} MiB before, {max(samples) / 2**20:.0f} at most",
            goal="< 64 MiB",
            met=growth < GOAL_GROWTH,
        )
        table.row(
            "throughput, hashed and synced",
            f"{LENGTH / taken / 1e6:.0f} MB/s",
            f"cat | tee sha256sum | dd fsync: {LENGTH / reference_s / 1e6:.0f} MB/s",
        )
        assert client.status(uuid) in (1, 3, 6)
        client.delete(uuid)


def grown(film: Path, path: Path) -> Path:
    """The film with an empty box after it that makes it 5 GiB long; takes no room on the disk."""
    shutil.copyfile(film, path)
    with path.open("r+b") as file:
        size = LENGTH - file.seek(0, 2)
        # A size of 1 says that the true one follows the type, in 64 bits.
        file.write((1).to_bytes(4, "big") + b"free" + size.to_bytes(8, "big"))
        file.truncate(LENGTH)
    return path


def copied_and_hashed(film: Path, copy: Path) -> float:
    """The reference: seconds for a copy that is hashed on the way and synced at its end."""
    script = 'cat "$1" | tee >(sha256sum >/dev/null) | dd of="$2" bs=4M conv=fsync status=none'
    began = time.monotonic()
    subprocess.run(["bash", "-c", script, "copy", str(film), str(copy)], check=True)
    taken = time.monotonic() - began
    copy.unlink()
    return taken


def sent_by_curl(server: Server, key: str, film: Path) -> str:
    """Upload as a script does; the id of the video."""
    command = ["curl", "-sS", "--fail-with-body", "-H", "Transfer-Encoding: chunked"]
    command += ["-H", f"Authorization: Bearer {key}", "-H", "Expect:"]
    command += ["-F", "folder=root", "-F", f"video=@{film};type=video/mp4"]
    ended = subprocess.run(
        [*command, f"{server.url}/api/client/v1/uploads"], capture_output=True, check=False
    )
    assert ended.returncode == 0, (ended.stdout, ended.stderr)
    return str(json.loads(ended.stdout)["data"]["id"])


@contextmanager
def sampled(server: Server) -> Iterator[list[int]]:
    """Memory of all the server's processes in bytes, five times a second while the block runs."""
    samples: list[int] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(SAMPLE_S):
            samples.append(server.pss_bytes())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()
