"""wrk, the usual program for this: it asks over many connections at once, and reads 8 KB at a time."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.bench.stream import Rate

SCRIPT = """\
local asked, next = {%s}, 0
function request()
  next = next %% #asked + 1
  return asked[next]
end
function done(summary)
  local e = summary.errors
  io.write(string.format('{"bytes": %%d, "requests": %%d, "us": %%d, "failed": %%d}\\n', summary.bytes,
    summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout))
end
"""


def find_wrk() -> str | None:
    """Where wrk is; None when it is not installed."""
    return shutil.which("wrk")


class Wrk:
    """Asks for the same list of requests again and again; `script` is a file that is written for it."""

    def __init__(self, exe: str, script: Path, requests: Sequence[bytes]) -> None:
        self._exe = exe
        self._script = script
        quoted = ",".join(json.dumps(request.decode()) for request in requests)
        script.write_text(SCRIPT % quoted)

    def measure(self, port: int, *, connections: int, seconds: int) -> Rate:
        """Ask one server, from one thread; every answer must be a good one."""
        command = [self._exe, "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(self._script)]
        ended = subprocess.run(
            [*command, f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, (ended.stdout, ended.stderr)
        found = json.loads(ended.stdout.splitlines()[-1])
        assert not found["failed"], ended.stdout
        taken = found["us"] / 1e6
        return Rate(found["bytes"] / taken, found["requests"] / taken)
