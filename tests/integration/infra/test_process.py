"""Child programs: bounded, watched, and never left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from polyreel.infra import process
from polyreel.infra.child import STDERR_BYTES
from polyreel.infra.process import Limits
from polyreel.infra.reach import Reach
from polyreel.kit.errors import Unavailable
from tests.pace import Stopwatch

LIMITS = Limits(memory_bytes=1 << 30, cpu_s=20, file_bytes=1 << 20)


def run_shell(script, *args, **options):
    options.setdefault("limits", LIMITS)
    options.setdefault("timeout_s", 20)
    return process.run(["/bin/sh", "-c", script, "sh", *args], **options)


def is_alive(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


def open_descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def wait_until(condition, timeout_s=5.0):
    end = time.monotonic() + timeout_s
    while not (met := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return met


def child_that_runs(program):
    """The one of this process, which may have others: the tests' own PostgreSQL is one."""

    def look():
        return [one for one in psutil.Process().children() if program in one.cmdline()]

    # One that is just becoming its program has no command line.
    (found,) = wait_until(look)
    return found


def test_who_is_nice_gives_way_as_a_group_too():
    own_group = Path("/proc/self/autogroup")
    has_groups = os.access(own_group, os.W_OK) and " nice " in own_group.read_text()
    group = "read group < /proc/self/autogroup; echo $group" if has_groups else ""
    own, *shown = run_shell(f"nice; {group}", nice=7).stdout.decode().splitlines()
    assert int(own) == os.getpriority(os.PRIO_PROCESS, 0) + 7
    if has_groups:
        assert shown[0].endswith(" nice 7")


class TestHeld:
    """A program that waits for a word."""

    @pytest.fixture
    def held(self):
        made = process.hold(["/bin/cat"], limits=LIMITS, capture_bytes=100, env={})
        yield made
        made.end()

    def test_it_works_once_it_is_told(self, held):
        assert held.is_waiting
        done = held.finish(b"a word", timeout_s=20)
        assert done.is_success
        assert done.stdout == b"a word"

    def test_it_is_known_to_have_died(self, held):
        child = child_that_runs("/bin/cat")
        child.kill()
        assert wait_until(lambda: not held.is_waiting)
        assert held.finish(b"a word", timeout_s=20).returncode == -signal.SIGKILL

    def test_nothing_is_left_of_one_that_was_not_needed(self):
        before = open_descriptors()
        held = process.hold(["/bin/cat"], limits=LIMITS, capture_bytes=100, env={})
        child = child_that_runs("/bin/cat")
        held.end()
        assert not is_alive(child.pid)
        assert open_descriptors() == before


def test_output_and_exit_code_come_back():
    done = run_shell("echo out; echo err >&2; exit 3")
    assert (done.returncode, done.stdout, done.stderr_tail) == (3, b"out\n", b"err\n")
    assert done.ended == "exited"
    assert not done.is_success


def test_limits_and_lost_rights_hold_in_the_child():
    done = run_shell(
        "ulimit -v; ulimit -c; ulimit -t; ulimit -n; exec grep NoNewPrivs /proc/self/status"
    )
    assert done.stdout.split() == [b"1048576", b"0", b"20", b"256", b"NoNewPrivs:", b"1"]


def test_nothing_of_ours_is_inherited(monkeypatch):
    monkeypatch.setenv("POLYREEL_SECRET", "x")
    secret = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(secret, True)
    done = run_shell("env; for fd in /proc/self/fd/*; do echo $fd; done; cat")
    os.close(secret)
    assert b"POLYREEL" not in done.stdout
    assert b"HOME=" not in done.stdout
    assert f"/fd/{secret}\n".encode() not in done.stdout


def test_a_file_too_large_is_refused_to_the_child(tmp_path):
    place = Reach(writes=[tmp_path])
    done = run_shell('head -c 3000000 /dev/zero > "$1"', str(tmp_path / "big"), reach=place)
    assert done.returncode != 0
    assert (tmp_path / "big").stat().st_size == 1 << 20


def test_each_sink_gets_its_own_bytes():
    first, second = bytearray(), bytearray()
    script = (
        'head -c 3000000 /dev/zero >"/dev/fd/${1#pipe:}"; printf two >"/dev/fd/${2#pipe:}"; '
        'printf "a=1\\nb=2\\n" >"/dev/fd/${3#pipe:}"'
    )
    lines: list[bytes] = []
    done = run_shell(
        script, "{sink0}", "{sink1}", "{progress}",
        sinks=[first.extend, second.extend], on_progress=lines.append,
    )  # fmt: skip
    assert done.is_success, done.stderr_tail
    assert bytes(first) == bytes(3_000_000)
    assert bytes(second) == b"two"
    assert lines == [b"a=1", b"b=2"]


def test_a_slow_sink_gets_every_byte_of_a_child_that_is_gone():
    got = bytearray()

    def write_slowly(data):
        time.sleep(0.7)
        got.extend(data)

    run_shell('head -c 900000 /dev/zero >"/dev/fd/${1#pipe:}"', "{sink0}", sinks=[write_slowly])
    assert len(got) == 900_000


def test_who_leaves_the_group_is_not_waited_for():
    done = run_shell("setsid sleep 3 & echo out")
    assert done.stdout == b"out\n"
    assert done.wall_s < 1.5


def test_a_failing_sink_ends_the_child_first():
    pids: list[int] = []

    def fail(data):
        pids.append(int(data))
        raise RuntimeError("full")

    with pytest.raises(RuntimeError, match="full"):
        run_shell('echo $$ >"/dev/fd/${1#pipe:}"; exec sleep 60', "{sink0}", sinks=[fail])
    assert not is_alive(pids[0])


def test_cancel_reaches_a_child_that_ignores_sigterm_and_what_it_forked():
    cancelled = threading.Event()
    pids: list[int] = []

    def note(data):
        pids.extend(map(int, data.split()))
        cancelled.set()

    script = (
        "trap '' TERM; sleep 60 & echo $$ $! >\"/dev/fd/${1#pipe:}\"; while :; do sleep 0.1; done"
    )
    started = Stopwatch()
    done = run_shell(script, "{sink0}", sinks=[note], cancelled=cancelled)
    assert done.ended == "cancelled"
    assert started.read() < 1.5
    assert len(pids) == 2
    assert wait_until(lambda: not any(map(is_alive, pids)))


def test_what_a_child_leaves_running_is_killed_with_its_group():
    done = run_shell("sleep 60 & echo $!")
    assert done.wall_s < 5
    assert wait_until(lambda: not is_alive(int(done.stdout)))


def test_time_silence_and_floods_end_a_child():
    assert run_shell("sleep 60", timeout_s=0.2).ended == "timed_out"
    quiet = run_shell("while :; do echo noise >&2; sleep 0.05; done", stall_s=0.3)
    assert quiet.ended == "timed_out"
    assert quiet.stderr_tail.startswith(b"noise")
    flood = run_shell("yes", capture_bytes=1000)
    assert flood.ended == "too_much_output"
    assert len(flood.stdout) == 1000


def test_standard_error_keeps_its_end():
    done = run_shell("yes | head -c 100000 >&2; echo last words >&2")
    assert len(done.stderr_tail) == STDERR_BYTES
    assert done.stderr_tail.endswith(b"last words\n")


def test_memory_and_time_are_measured():
    # Held for longer than it takes to look once more.
    code = "import time\nb = bytearray(300 << 20)\nfor i in range(0, len(b), 4096): b[i] = 1\ntime.sleep(0.4)"
    done = process.run([sys.executable, "-c", code], limits=LIMITS, timeout_s=20)
    assert done.is_success, done.stderr_tail
    assert 300 << 20 <= done.peak_rss_bytes < 450 << 20
    assert 0 < done.cpu_s < 20


def test_a_program_that_is_not_there_is_unavailable(tmp_path):
    with pytest.raises(Unavailable):
        process.run([str(tmp_path / "nothing")], limits=LIMITS)
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELFnot")
    broken.chmod(0o755)
    with pytest.raises(Unavailable):
        process.run([str(broken)], limits=LIMITS)


def test_no_descriptor_and_no_zombie_is_left():
    run_shell("true")
    # Who has ended and was not waited for is one still.
    before = open_descriptors(), psutil.Process().children()
    for _ in range(3):
        run_shell("true", "{sink0}", sinks=[len])
    assert (open_descriptors(), psutil.Process().children()) == before


def test_a_child_dies_with_the_process_that_started_it(tmp_path):
    note = tmp_path / "pid"
    code = (
        "from polyreel.infra import process as p; from pathlib import Path; "
        f"p.run(['/bin/sh', '-c', 'echo $$ > {note}; exec sleep 60'], limits=p.Limits(), "
        f"reach=p.Reach(writes=[Path({str(tmp_path)!r})]))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    assert wait_until(lambda: note.exists() and note.read_text().strip() != "", 10)
    child = int(note.read_text())
    assert is_alive(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert wait_until(lambda: not is_alive(child))


# A process that forks must be the only thread of its own, which that of the tests is not.
SERVICES = """
import os, signal, time
from polyreel.infra.process import fork_service
from polyreel.kit.ids import new_request_id

def patient(say):
    say()
    while True:
        signal.pause()

def stubborn(say):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return patient(say)

def until_heard(service):
    while (heard := service.heard(0.1)) is None:
        pass
    return heard

# As a supervisor has one: whoever is forked must not hear with it.
signal.signal(signal.SIGTERM, lambda *_: None)
"""


def run_services(code):
    """What this prints, a line each."""
    program = [sys.executable, "-c", SERVICES + code]
    done = subprocess.run(
        program, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.PIPE
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_a_service_is_asked_to_end_and_then_made_to():
    told = run_services("""
one = fork_service("patient", patient)
print(one.poll(), one.heard(5))
one.terminate()
print(one.wait(5))
one = fork_service("stubborn", stubborn)
until_heard(one)
one.terminate()
print(one.wait(0.3))
one.kill()
print(one.wait(5))
one.kill()
""")
    assert told == ["None", "True", "-15", "None", "-9"]


def test_a_service_that_is_told_to_end_at_once_does():
    told = run_services("""
for _ in range(20):
    one = fork_service("patient", patient)
    one.terminate()
    print(one.wait(5))
""")
    assert told == ["-15"] * 20


def test_a_service_ends_with_its_code_and_may_say_nothing():
    told = run_services("""
silent = fork_service("silent", lambda say: time.sleep(0.3) or 7)
print(silent.heard(0), silent.heard(5), silent.wait(5))
""")
    assert told == ["None", "False", "7"]


def test_a_service_has_its_own_session_name_and_ids():
    told = run_services("""
def tell(say):
    print(os.getsid(0) == os.getpid(), open("/proc/self/comm").read().strip(), new_request_id())
    print(open("/proc/self/status").read().partition("NoNewPrivs:")[2].split()[0], os.fstat(0).st_rdev)
    return 0

print(os.stat("/dev/null").st_rdev, flush=True)
for name in ("web", "worker"):
    fork_service(name, tell).wait(5)
""")
    null = told[0]
    assert told[1:3] == ["True", "polyreel-web"]
    assert told[4:8] == ["1", null, "True", "polyreel-worker"]
    assert told[9:] == ["1", null]
    assert told[3] != told[8]


def test_one_that_fails_says_why_and_leaves_nothing():
    told = run_services("""
import sys
sys.stderr = sys.stdout
def fail(say):
    raise ValueError("it broke")

before = os.listdir("/proc/self/fd")
print(fork_service("failing", fail).wait(5))
print(os.listdir("/proc/self/fd") == before)
""")
    assert told[0] == "Traceback"
    assert told[-4:] == ["it", "broke", "1", "True"]


def test_a_service_dies_with_whoever_forked_it():
    (pid,) = run_services("""
one = fork_service("patient", patient)
until_heard(one)
print(one.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
""")
    assert wait_until(lambda: not is_alive(pid))
