"""The doors to child programs; nobody else starts any.

A child dies with the *thread* that started it (`infra.child`): call `run` from the thread that waits for
it, `hold` and `fork_service` from one that stays.
"""

import contextlib
import multiprocessing
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

from polyreel.infra import launch
from polyreel.infra.child import Child, Finished, Limits, Start
from polyreel.infra.reach import NOTHING, Reach

__all__ = ["Finished", "Held", "Limits", "Service", "fork_service", "hold", "run"]


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
    """A process of ours that stays, forked from this one; it ends when the thread that forked it does."""

    def __init__(self, process: multiprocessing.process.BaseProcess, line: int | None) -> None:
        self._process = process
        self._line = line
        self.pid = cast(int, process.pid)

    def poll(self) -> int | None:
        """Its exit code (negative: a signal), or None while it runs."""
        return self._process.exitcode

    def wait(self, timeout_s: float) -> int | None:
        """Its exit code, or None when it still runs after `timeout_s`."""
        self._process.join(timeout_s)
        return self._process.exitcode

    def heard(self, timeout_s: float) -> bool | None:
        """True once it has said its word, False when it ended without, None: not yet."""
        if self._line is None or not select.select([self._line], [], [], timeout_s)[0]:
            return None
        has_said = bool(os.read(self._line, 1))
        os.close(self._line)
        self._line = None
        return has_said

    def terminate(self) -> None:
        """Ask it to end; only the process itself, which ends its own children."""
        self._process.terminate()

    def kill(self) -> None:
        """End it and its process group at once."""
        if self._process.exitcode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)


def fork_service(name: str, run: Callable[[Callable[[], None]], int]) -> Service:
    """Run this as a process of its own, which has loaded what this one has, and shares that memory. `run` is
    given how to say its word, for `heard`, and gives the exit code; `name` is what `top` shows.

    The caller must be the only thread. The process has a session of its own (Ctrl-C reaches only us), our
    stdout and stderr, no stdin, no handlers for SIGTERM and SIGINT, and gets SIGTERM when the calling *thread* ends.
    """
    ours, theirs = os.pipe()
    parent = os.getpid()
    signals = {signal.SIGTERM, signal.SIGINT}

    def say() -> None:
        os.write(theirs, b"\n")

    def begin() -> None:
        os.close(ours)
        os.setsid()
        launch.ask_for_death_signal(signal.SIGTERM)
        launch.take_new_privileges_away()
        launch.take_name(f"polyreel-{name}")
        if os.getppid() != parent:
            # It died before it could be asked for its death.
            os._exit(1)
        for number in signals:
            signal.signal(number, signal.SIG_DFL)
        # What was sent meanwhile was meant for it: our handlers would have lost it.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        sys.exit(run(say))

    process = multiprocessing.get_context("fork").Process(target=begin, name=name, daemon=True)
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        os.close(theirs)
    return Service(process, ours)
