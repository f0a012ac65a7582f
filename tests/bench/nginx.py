"""An nginx that serves a folder, for comparison: one process, as our server has one for HTTP, which keeps files
open and gathers the lines of its log, as ours does.
"""

import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

from tests.server import free_port

CONFIGURATION = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
{user}
events {{ worker_connections 1024; }}
http {{
    access_log {folder}/access.log combined buffer=64k flush=1s;
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    keepalive_requests 1000000;
    open_file_cache max=1000;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2;
    fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    types {{ video/mp4 mp4; }}
    server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


def find_nginx() -> str | None:
    """Where nginx is; None when it is not installed."""
    return shutil.which("nginx") or shutil.which("/usr/sbin/nginx")


class Nginx:
    """Serves `root` while the context is open."""

    def __init__(self, exe: str, root: Path, folder: Path) -> None:
        self.port = free_port()
        self._exe = exe
        self._configuration = folder / "nginx.conf"
        # Started by root it would give its rights away, and could not read a temporary folder.
        user = "user root;" if Path("/proc/self").stat().st_uid == 0 else ""
        self._configuration.write_text(
            CONFIGURATION.format(folder=folder, port=self.port, root=root, user=user)
        )

    def __enter__(self) -> Self:
        command = [self._exe, "-c", str(self._configuration), "-e", "stderr"]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 10
        while not self._answers():
            assert self._process.poll() is None, self._process.communicate()[1].decode()
            assert time.monotonic() < deadline, "nginx does not answer"
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=10)

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/none", timeout=2).close()
        except urllib.error.HTTPError as answer:
            answer.close()
        except OSError:
            return False
        return True
