"""The server's own processes, started as `polyreel serve` starts them."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.server import free_port


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "polyreel",
                "serve",
                "--port",
                str(port),
                "--data-dir",
                tmp_path,
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"polyreel: cannot listen on 127.0.0.1:{port}: Address already in use"
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_waits_for_a_database_ends_when_told_to(tmp_path: Path, number: signal.Signals) -> None:
    nobody = f"postgresql://polyreel@/nothing?host={tmp_path}"
    environment = {
        **os.environ,
        "POLYREEL_DATA_DIR": str(tmp_path / "data"),
        "POLYREEL_DATABASE_URL": nobody,
    }
    for given in (["worker"], ["serve", "--port", str(free_port())]):
        log = tmp_path / given[0]
        with log.open("wb") as said:
            command = [sys.executable, "-m", "polyreel", *given]
            process = subprocess.Popen(command, env=environment, stderr=said)
        deadline = time.monotonic() + 60
        while "waiting for it" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        process.send_signal(number)
        assert process.wait(10) == 0, log.read_text()
