"""What a child program cannot do, by trying it: as the user who runs the tests, root or not."""

import json
import os
import platform
import resource
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from polyreel.infra import launch, process, trial
from polyreel.infra.confine import confine, landlock_version
from polyreel.infra.process import Limits
from polyreel.infra.reach import Reach, sandbox

HAS_LANDLOCK = landlock_version() > 0
HAS_FILTER = platform.machine() in ("x86_64", "aarch64")
needs_landlock = pytest.mark.skipif(not HAS_LANDLOCK, reason="this kernel has no Landlock")
needs_filter = pytest.mark.skipif(not HAS_FILTER, reason="no table of this machine's calls")
LIMITS = Limits(cpu_s=10, open_files=64)


def run_python(code, *args, **reach):
    command = [sys.executable, "-I", "-c", code, *args]
    return process.run(command, limits=LIMITS, reach=Reach(**reach), timeout_s=20)


def run_shell(script, *args, **reach):
    command = ["/bin/sh", "-c", script, "sh", *map(str, args)]
    return process.run(command, limits=LIMITS, reach=Reach(**reach), timeout_s=20)


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def folders(tmp_path):
    for name in ("data", "job"):
        (tmp_path / name).mkdir()
    (tmp_path / "data" / "secret.key").write_text("secret")
    (tmp_path / "data" / "film.mp4").write_text("film")
    return tmp_path / "data", tmp_path / "job"


@needs_filter
@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"])
def test_no_kind_of_socket_can_be_had(family):
    done = run_python(f"import socket; socket.socket(socket.{family})")
    assert b"PermissionError" in done.stderr_tail


@needs_filter
def test_who_is_given_the_network_reaches_it_but_no_local_socket(listener):
    connect = (
        f"import socket; socket.create_connection(('127.0.0.1', {listener}), 5); print('there')"
    )
    assert run_python(connect, network=True).stdout == b"there\n"
    done = run_python("import socket; socket.socket(socket.AF_UNIX)", network=True)
    assert b"PermissionError" in done.stderr_tail


@needs_filter
@pytest.mark.skipif(landlock_version() < 4, reason="this Landlock knows no ports")
def test_who_is_given_a_port_connects_to_it_and_to_nothing_else(listener):
    code = (
        "import socket, sys\n"
        "for port in sys.argv[1:]:\n"
        "    try: socket.create_connection(('127.0.0.1', int(port)), 5); print('there')\n"
        "    except OSError as error: print(type(error).__name__)\n"
        "for family, kind in ((2, 2), (2, 3), (10, 1), (1, 1), (16, 3), (17, 3)):\n"
        "    try: socket.socket(family, kind); print('opened')\n"
        "    except OSError as error: print(type(error).__name__)\n"
        "try: socket.create_server(('127.0.0.1', 0)); print('listens')\n"
        "except OSError as error: print(type(error).__name__)\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as other:
        ports = [str(listener), str(other.getsockname()[1])]
        done = run_python(code, *ports, port=listener)
    found = done.stdout.decode().split()
    assert found == ["there", *["PermissionError"] * 8], done.stderr_tail


@needs_filter
def test_what_goes_around_the_filter_is_refused():
    code = (
        "import ctypes; libc = ctypes.CDLL(None, use_errno=True)\n"
        "print([(libc.syscall(n, 0, 0, 0, 0), ctypes.get_errno()) for n in (425, 428, 438)])"
    )
    assert run_python(code).stdout == b"[(-1, 38), (-1, 1), (-1, 1)]\n"


@needs_landlock
def test_only_what_is_given_is_read(folders):
    data, _ = folders
    film, secret = data / "film.mp4", data / "secret.key"
    done = run_shell(
        'cat "$1"; cat "$2"; cat /etc/shadow; ls "$3"', film, secret, data, reads=[film]
    )
    assert done.stdout == b"film"
    assert done.stderr_tail.count(b"Permission denied") == 3


@needs_landlock
def test_only_the_own_folder_is_written(folders):
    data, job = folders
    script = (
        'cd "$2"; echo 1 >new && mkdir sub && mv new sub/ && cat sub/new; '
        'echo 2 >"$1/film.mp4"; echo 3 >"$1/new"; mv sub/new "$1/"; ln -s "$1" link; cat link/secret.key; '
        'echo 4 >/tmp/polyreel-outside; rm "$1/film.mp4"'
    )
    done = run_shell(script, data, job, writes=[job])
    assert done.stdout == b"1\n"
    assert sorted(path.name for path in data.iterdir()) == ["film.mp4", "secret.key"]
    assert (data / "film.mp4").read_text() == "film"
    assert not Path("/tmp/polyreel-outside").exists()


@needs_landlock
def test_other_processes_are_out_of_reach():
    victim = subprocess.Popen(["sleep", "60"])
    try:
        done = run_shell('cat "/proc/$1/environ"; kill -9 "$1"', victim.pid)
        assert done.returncode != 0
        assert b"Permission denied" in done.stderr_tail
        # Signals are scoped since version 6 of Landlock.
        if landlock_version() >= 6:
            assert victim.poll() is None
    finally:
        victim.kill()
        victim.wait()


def test_no_rights_are_left_and_none_are_gained():
    done = process.run(["cat", "/proc/self/status"], limits=LIMITS)
    found = dict(line.split(b":\t", 1) for line in done.stdout.splitlines() if b":\t" in line)
    assert found[b"NoNewPrivs"] == b"1"
    # Reading and writing files of other owners is the one that root may keep.
    assert {int(found[name], 16) & ~2 for name in (b"CapEff", b"CapPrm", b"CapInh", b"CapAmb")} == {
        0
    }
    if HAS_FILTER:
        assert found[b"Seccomp"] == b"2"


@needs_landlock
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become someone else")
def test_it_holds_for_other_users_too(folders, listener):
    data, job = folders
    for folder in (data, *data.parents):
        if folder == Path(tempfile.gettempdir()):
            break
        folder.chmod(0o755)
    (data / "film.mp4").chmod(0o644)
    job.chmod(0o777)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(writer, 1)
            # What other tests left open would not fit the limit below.
            os.closerange(3, 4096)
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
            launch.take_new_privileges_away()
            confine([f"w{job}"], network=False)
            trial.main(str(data / "film.mp4"), str(data), str(job), listener)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answers:
        found = json.loads(answers.read())
    os.waitpid(pid, 0)
    assert found == {
        "network": False, "read": False, "write": False, "own": True, "privileges": False,
    }  # fmt: skip


def test_the_setting_opens_everything(folders, monkeypatch):
    data, _ = folders
    monkeypatch.setattr(sandbox, "is_on", False)
    assert run_shell('cat "$1"', data / "secret.key").stdout == b"secret"
    assert run_python("import socket; socket.socket(); print('open')").stdout == b"open\n"
