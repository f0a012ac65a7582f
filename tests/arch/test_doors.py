"""The environment, child programs, other servers and the time of day have one door each; ruff guards them."""

import re
import subprocess
import sys

import pytest

from tests.arch.tree import ROOT, modules, shown

BREACHES = {
    "environment": "import os\n\nVALUE = os.environ['HOME']\n",
    "environment function": "import os\n\nVALUE = os.getenv('HOME')\n",
    "child program": "import subprocess\n\nsubprocess.run(['true'])\n",
    "child program by asyncio": "import asyncio\n\nSTART = asyncio.create_subprocess_exec\n",
    "shell": "import os\n\nos.system('true')\n",
    "other servers": "import httpx\n\nASK = httpx.get\n",
    "other servers, lower down": "import httpcore\n\nASK = httpcore.request\n",
    "other servers, plainly": "from urllib.request import urlopen\n\nASK = urlopen\n",
    "time of day": "import time\n\nNOW = time.time()\n",
}

RUFF = [sys.executable, "-m", "ruff", "check", "--no-cache", "--select=TID251"]
DOORS = {
    "environment": "src/polyreel/settings.py",
    "child program": "src/polyreel/infra/process.py",
    "other servers": "src/polyreel/infra/outbound/wire.py",
}


def refused(code, path):
    ended = subprocess.run(
        [*RUFF, "--stdin-filename", str(ROOT / path), "-"],
        input=code,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode in (0, 1), ended.stderr
    return "TID251" in ended.stdout


@pytest.mark.parametrize("what", BREACHES)
@pytest.mark.parametrize("room", ["core/library/videos.py", "http/media.py", "infra/ffmpeg.py"])
def test_nothing_passes_a_door_from_elsewhere(what, room):
    assert refused(BREACHES[what], f"src/polyreel/{room}")


@pytest.mark.parametrize("what", DOORS)
def test_the_door_itself_is_open(what):
    assert not refused(BREACHES[what], DOORS[what])


def test_no_door_is_opened_by_a_comment():
    pattern = re.compile(r"#\s*noqa(?!:)|#\s*noqa:.*TID251|#\s*ruff:\s*noqa|#\s*flake8:\s*noqa")
    found = [shown(path) for path in modules() if pattern.search(path.read_text())]
    assert found == [], "name the rule that is set aside, and never TID251"
