"""The server's own processes, started as `polyreel serve` starts them."""

import os
import socket
import subprocess
import sys


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


def test_a_web_process_whose_supervisor_has_gone_begins_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "polyreel", "process", "web", "held"],
        env={**os.environ, "POLYREEL_DATA_DIR": str(tmp_path / "data")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (tmp_path / "data").exists()
