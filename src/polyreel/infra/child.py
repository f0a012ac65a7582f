"""One child program: started, watched, bounded and ended.

Every program is started by `launch.py` in a session of its own: with limits, without privileges to
gain, without files and network it was not given (`reach.py`; one that waits for a word gives them up
itself), with no descriptor and no variable it was not given, and with `/dev/null` as stdin unless it
waits. Whatever it forks is in its process group, and the group is always killed at the end.

A child also dies with the *thread* that started it (PR_SET_PDEATHSIG is the thread's death, not the
process's).
"""

import contextlib
import fcntl
import os
import resource
import selectors
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polyreel
from polyreel import settings
from polyreel.infra import launch
from polyreel.infra.reach import Reach
from polyreel.kit.errors import Unavailable

__all__ = ["Child", "Finished", "Limits", "Start"]

READ_BYTES = 1 << 20
STDERR_BYTES = 16 << 10
LINE_BYTES = 64 << 10
TICK_S = 0.1
TERM_GRACE_S = 0.5
DRAIN_ROUNDS = 16

Ended = Literal["exited", "cancelled", "timed_out", "too_much_output"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one child may use; None: no limit of ours. Never above the limits we run under.

    `memory_bytes` is address space (reserved, not only used). `processes` counts every thread of
    the same user on the machine, ours too, and does not bind root: leave it None for programs that
    thread. Core dumps are always off.
    """

    memory_bytes: int | None = None
    cpu_s: int | None = None
    file_bytes: int | None = None
    open_files: int | None = 256
    processes: int | None = None

    def encoded(self) -> str:
        """As `launch.py` reads them."""
        pairs = {
            "AS": self.memory_bytes,
            "CPU": self.cpu_s,
            "FSIZE": self.file_bytes,
            "NOFILE": self.open_files,
            "NPROC": self.processes,
            "CORE": 0,
        }
        return ",".join(f"{name}={value}" for name, value in pairs.items() if value is not None)


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How a child ended. `returncode` is negative for a signal; `ended` says whether we ended it.

    `stderr_tail` is its last 16 KiB. `peak_rss_bytes` is exact above our own peak; below that the
    kernel reports ours, so it is what was sampled every 100 ms.
    """

    returncode: int
    stdout: bytes
    stderr_tail: bytes
    cpu_s: float
    peak_rss_bytes: int
    wall_s: float
    ended: Ended

    @property
    def is_success(self) -> bool:
        """Left by itself with code 0; for ffmpeg that is necessary and not sufficient."""
        return self.ended == "exited" and self.returncode == 0


@dataclass(frozen=True)
class Start:
    """How `launch.py` is to start a program; `reach` None: everything."""

    argv: list[str]
    limits: Limits
    reach: Reach | None = None
    nice: int = 0

    def command(self, places: Mapping[str, int]) -> list[str]:
        program = shutil.which(self.argv[0])
        if program is None:
            raise Unavailable(Path(self.argv[0]).name)
        reach = self.reach.encoded(program) if self.reach else ["all", "0"]
        root = str(Path(polyreel.__file__).parents[1])
        return [
            sys.executable, "-I", "-S", launch.__file__, root,
            str(os.getpid()), str(self.nice), self.limits.encoded(), *reach,
            program, *_placed(self.argv[1:], places),
        ]  # fmt: skip


class Child:
    """One running program with its pipes."""

    def __init__(
        self,
        sinks: Sequence[Callable[[bytes], None]],
        on_progress: Callable[[bytes], bool | None] | None,
        capture_bytes: int,
    ) -> None:
        self._sinks = sinks
        self._on_progress = on_progress
        self._capture_bytes = capture_bytes
        self._readers: dict[int, Callable[[bytes], bool]] = {}
        self._selector = selectors.DefaultSelector()
        self._process: subprocess.Popen[bytes] | None = None
        self._pidfd = -1
        self._stdout = bytearray()
        self._stderr = bytearray()
        self._line = bytearray()
        self._peak_rss = 0
        self._sample_at = 0.0
        self._ended: Ended = "exited"
        self._kill_at: float | None = None

    # --- starting -----------------------------------------------------------------------------

    def start(
        self,
        start: Start,
        env: Mapping[str, str] | None,
        cwd: Path | None,
        *,
        is_held: bool = False,
    ) -> None:
        self._started = self._moved = time.monotonic()
        given: list[int] = []
        places: dict[str, int] = {}
        try:
            stdout = self._pipe(self._take_stdout, given)
            stderr = self._pipe(self._take_stderr, given)
            for number, sink in enumerate(self._sinks):
                places[f"{{sink{number}}}"] = self._pipe(_taker(sink), given)
            if self._on_progress is not None:
                places["{progress}"] = self._pipe(self._take_progress, given)
            self._process = subprocess.Popen(
                start.command(places),
                stdin=subprocess.PIPE if is_held else subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                pass_fds=tuple(places.values()),
                env=settings.child_environment(None) if env is None else dict(env),
                cwd=cwd,
                start_new_session=True,
            )
        finally:
            for fd in given:
                os.close(fd)
        with contextlib.suppress(OSError):  # a container may forbid it: then we poll
            self._pidfd = os.pidfd_open(self._process.pid)
            self._selector.register(self._pidfd, selectors.EVENT_READ)

    def _pipe(self, take: Callable[[bytes], bool], given: list[int]) -> int:
        reader, writer = os.pipe2(os.O_CLOEXEC)
        given.append(writer)
        self._readers[reader] = take
        self._selector.register(reader, selectors.EVENT_READ)
        with contextlib.suppress(OSError):  # a user's sum of pipe memory is limited
            fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, READ_BYTES)
        return writer

    def speak(self, word: bytes) -> None:
        """Send a held one what it waits for. It may be gone: `watch` tells."""
        assert self._process is not None  # noqa: S101
        assert self._process.stdin is not None  # noqa: S101
        with contextlib.suppress(BrokenPipeError), self._process.stdin as pipe:
            pipe.write(word)
        self._started = self._moved = time.monotonic()

    # --- watching -----------------------------------------------------------------------------

    def watch(
        self, timeout_s: float | None, stall_s: float | None, cancelled: threading.Event | None
    ) -> Finished:
        while not self.has_exited():
            self._read(TICK_S if self._pidfd >= 0 else TICK_S / 5)
            now = time.monotonic()
            if now >= self._sample_at:
                self._sample_at = now + TICK_S
                self._sample_memory()
            if self._kill_at is None:
                self._check(now, timeout_s, stall_s, cancelled)
            elif now >= self._kill_at:
                self._signal(signal.SIGKILL)
        # The leader is a zombie, so its group's number cannot be another's yet.
        self._signal(signal.SIGKILL)
        # What it wrote is in the pipes by now. Who left the group with setsid may hold one open and
        # go on writing: that is not waited for.
        for _ in range(DRAIN_ROUNDS):
            if not self._read(0):
                break
        return self._reap()

    def has_exited(self) -> bool:
        assert self._process is not None  # noqa: S101
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, flags) is not None

    def _read(self, timeout_s: float) -> int:
        """Read once from every pipe that has something; how many had."""
        ready = [key for key, _ in self._selector.select(timeout_s) if key.fd in self._readers]
        for key in ready:
            take = self._readers[key.fd]
            data = os.read(key.fd, READ_BYTES)
            if not data:
                self._close_reader(key.fd)
            elif self._ended != "cancelled" and take(data):
                self._moved = time.monotonic()
        return len(ready)

    def _check(
        self,
        now: float,
        timeout_s: float | None,
        stall_s: float | None,
        cancelled: threading.Event | None,
    ) -> None:
        late = timeout_s is not None and now - self._started > timeout_s
        stalled = stall_s is not None and now - self._moved > stall_s
        if cancelled is not None and cancelled.is_set():
            self._ended = "cancelled"
            self._kill_at = now + TERM_GRACE_S
            self._signal(signal.SIGTERM)
        elif late or stalled:
            self._ended = "timed_out"
            self._kill_at = now
            self._signal(signal.SIGKILL)

    def _sample_memory(self) -> None:
        assert self._process is not None  # noqa: S101
        with contextlib.suppress(OSError):  # gone already
            status = Path(f"/proc/{self._process.pid}/status").read_bytes()
            _, found, rest = status.partition(b"VmHWM:")
            if found:
                self._peak_rss = int(rest.split(None, 1)[0]) * 1024

    # --- reading: each says whether this was a sign of life --------------------------------------

    def _take_stdout(self, data: bytes) -> bool:
        room = self._capture_bytes - len(self._stdout)
        self._stdout += data[:room]
        if len(data) > room and self._kill_at is None:
            self._ended = "too_much_output"
            self._kill_at = time.monotonic()
            self._signal(signal.SIGKILL)
        return True

    def _take_stderr(self, data: bytes) -> bool:
        self._stderr += data
        del self._stderr[:-STDERR_BYTES]
        return False

    def _take_progress(self, data: bytes) -> bool:
        assert self._on_progress is not None  # noqa: S101
        self._line += data
        *lines, rest = self._line.split(b"\n")
        self._line = rest[-LINE_BYTES:]
        moved = [self._on_progress(bytes(line.rstrip(b"\r"))) is not False for line in lines]
        return any(moved)

    # --- ending -------------------------------------------------------------------------------

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None  # noqa: S101
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _reap(self) -> Finished:
        process = self._process
        assert process is not None  # noqa: S101
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        stderr = bytes(self._stderr)
        if process.returncode == launch.FAILED and stderr.startswith(launch.MARK.encode()):
            reason = stderr[len(launch.MARK) :].decode(errors="replace").strip()
            raise Unavailable(f"a program the server needs ({reason})")
        ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        exact = used.ru_maxrss if used.ru_maxrss > ours else 0
        return Finished(
            returncode=process.returncode,
            stdout=bytes(self._stdout),
            stderr_tail=stderr,
            cpu_s=used.ru_utime + used.ru_stime,
            peak_rss_bytes=exact * 1024 or self._peak_rss,
            wall_s=time.monotonic() - self._started,
            ended=self._ended,
        )

    def end(self) -> None:
        """Nothing of it is left afterwards: no process, no zombie, no descriptor."""
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()
        if process is not None and process.returncode is None:
            self._signal(signal.SIGKILL)
            _, status = os.waitpid(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        for fd in list(self._readers):
            self._close_reader(fd)
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
        self._selector.close()

    def _close_reader(self, fd: int) -> None:
        self._selector.unregister(fd)
        del self._readers[fd]
        os.close(fd)


def _taker(sink: Callable[[bytes], None]) -> Callable[[bytes], bool]:
    def take(data: bytes) -> bool:
        sink(data)
        return True

    return take


def _placed(argv: list[str], places: Mapping[str, int]) -> list[str]:
    for place, fd in places.items():
        argv = [part.replace(place, f"pipe:{fd}") for part in argv]
    return argv
