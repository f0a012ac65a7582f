"""Who uses a data folder."""

import subprocess
import sys
from pathlib import Path

from polyreel.infra.presence import Presence

OTHER = (
    "import sys, pathlib; from polyreel.infra.presence import Presence;"
    "kept = Presence(pathlib.Path(sys.argv[1])); print('here', flush=True); sys.stdin.read()"
)


def is_alone(presence: Presence) -> bool:
    with presence.alone() as answer:
        return answer


def test_one_process_is_alone_and_stays_so(tmp_path: Path) -> None:
    one = Presence(tmp_path / "lock")
    assert is_alone(one)
    assert is_alone(one)
    one.close()


def test_two_are_not_until_one_has_gone(tmp_path: Path) -> None:
    one, two = Presence(tmp_path / "lock"), Presence(tmp_path / "lock")
    assert not is_alone(one)
    assert not is_alone(two)
    two.close()
    assert is_alone(one)
    one.close()


def test_whoever_was_killed_does_not_count(tmp_path: Path) -> None:
    one = Presence(tmp_path / "lock")
    command = [sys.executable, "-c", OTHER, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"here\n"
        assert not is_alone(one)
        other.kill()
        other.wait()
        assert is_alone(one)
    one.close()
