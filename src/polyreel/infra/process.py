"""The doors to child programs; nobody else starts any.

A child dies with the *thread* that started it (`infra.child`): call `run` from the thread that waits for
it, `hold` and `spawn_service` from one that stays.
"""

import contextlib
import os
import select
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from polyreel.infra.child import Child, Finished, Limits, Start
from polyreel.infra.reach import NOTHING, Reach

__all__ = ["Finished", "Held", "Limits", "Service", "hold", "run", "spawn_service"]


def run(  # noqa: PLR0913 - the one door to child programs
    argv: Sequence[str],
    *,
    limits: Limits,
    reach: Reach = NOTHING,
    timeout_s: float | None = None,
    stall_s: float | None = None,
    sinks: Sequence[Callable[[bytes], None]] = (),
    capture_bytes: int = 1 << 20,
    on_progress: Callable[[bytes], bool | None] | None = None,
    cancelled: threading.Event | None = None,
    nice: int = 0,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Finished:
    """Run a program to its end in the calling thread and tell how it went.

    `{sink0}`, `{sink1}`, ... and `{progress}` anywhere in `argv` become `pipe:<fd>`: each sink is
    called with the bytes of its pipe as they come, `on_progress` with each line of the progress
    pipe (without its end). All pipes are read here, in turn; a slow sink slows the child.
    `stall_s` without a byte on stdout or a sink, or a progress line, ends it as `timed_out`;
    `on_progress` may return False for a line that says that nothing moved. Standard error never
    counts. More than `capture_bytes` on stdout ends it as `too_much_output`. `cancelled` sends
    SIGTERM within 100 ms and SIGKILL half a second later; what it still says goes nowhere.
    `env` None: a bare environment without anything of ours. `reach`: what it may read and write
    beside these pipes; `cwd` is not added to it.

    Raises what a sink or `on_progress` raises, once the child is dead; Unavailable when the program
    cannot be started.
    """
    child = Child(sinks, on_progress, capture_bytes)
    try:
        child.start(Start(list(argv), limits, reach, nice), env, cwd)
        return child.watch(timeout_s, stall_s, cancelled)
    finally:
        child.end()


class Held:
    """A program that has started and waits for its standard input to end before it works."""

    def __init__(self, child: Child) -> None:
        self._child = child

    @property
    def is_waiting(self) -> bool:
        """False once it has ended, for whatever reason."""
        return not self._child.has_exited()

    def finish(self, word: bytes, *, timeout_s: float) -> Finished:
        """Send `word`, at most 64 KiB, and the end of input; run it to its end as `run` does."""
        try:
            self._child.speak(word)
            return self._child.watch(timeout_s, None, None)
        finally:
            self._child.end()

    def end(self) -> None:
        """Kill it, if it has not ended."""
        self._child.end()


def hold(
    argv: Sequence[str], *, limits: Limits, capture_bytes: int, env: Mapping[str, str]
) -> Held:
    """Start a program that is told later what it is to do. It has its limits, and can gain no privileges;
    files, network and the powers of root are left to it: it is to give them up once it knows.

    Raises Unavailable when it cannot be started.
    """
    child = Child((), None, capture_bytes)
    try:
        child.start(Start(list(argv), limits), env, None, is_held=True)
    except BaseException:
        child.end()
        raise
    return Held(child)


class Service:
    """A long-running child of ours; it ends when the thread that spawned it does."""

    def __init__(self, process: subprocess.Popen[bytes], line: socket.socket | None) -> None:
        self._process = process
        self._line = line
        self.pid = process.pid

    def poll(self) -> int | None:
        """Its exit code (negative: a signal), or None while it runs."""
        return self._process.poll()

    def wait(self, timeout_s: float) -> int | None:
        """Its exit code, or None when it still runs after `timeout_s`."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def release(self) -> None:
        """Let one go on that waits for a byte on its standard input."""
        if self._line is not None:
            with contextlib.suppress(OSError), self._line as line:
                line.sendall(b"\n")

    def heard(self, timeout_s: float) -> bool | None:
        """True once it has written a byte to its standard input, False when it ended without, None: not yet."""
        if self._line is None or not select.select([self._line], [], [], timeout_s)[0]:
            return None
        with contextlib.suppress(OSError), self._line as line:
            return bool(line.recv(1))
        return False

    def terminate(self) -> None:
        """Ask it to end; only the process itself, which ends its own children."""
        if self._process.poll() is None:
            self._process.terminate()

    def kill(self) -> None:
        """End it and its process group at once."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)


def spawn_service(
    argv: Sequence[str], env: Mapping[str, str], *, has_line: bool = False
) -> Service:
    """Start a process of our own that is to stay, such as `python -m polyreel worker`. For one that `has_line`
    standard input is a socket to us: it may wait there for the byte that `release` sends, or write one.

    It has a session of its own (Ctrl-C reaches only us), our stdout and stderr, no limits but ours,
    and gets SIGTERM when the calling *thread* ends. Raises Unavailable when it cannot be started.
    """
    ours, theirs = socket.socketpair() if has_line else (None, None)
    try:
        process = subprocess.Popen(
            Start(list(argv), death_signal=signal.SIGTERM).command({}),
            stdin=subprocess.DEVNULL if theirs is None else theirs.fileno(),
            env=dict(env),
            start_new_session=True,
        )
    finally:
        if theirs is not None:
            theirs.close()
    return Service(process, ours)
