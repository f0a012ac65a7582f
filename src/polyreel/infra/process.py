"""The doors to child programs; nobody else starts any.

A child dies with the *thread* that started it (`infra.child`): call `run` from the thread that waits for
it, `hold` and `fork_service` from one that stays.
"""

import contextlib
import logging
import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

from polyreel.infra import launch
from polyreel.infra.child import Child, Finished, Limits, Start
from polyreel.infra.reach import NOTHING, Reach

__all__ = ["Finished", "Held", "Limits", "Service", "fork_service", "hold", "run"]

_ENDING = {signal.SIGTERM, signal.SIGINT}
WAIT_TICK_S = 0.02


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

    def __init__(self, pid: int, line: int) -> None:
        self.pid = pid
        self._line = line
        self._code: int | None = None

    def poll(self) -> int | None:
        """Its exit code (negative: a signal), or None while it runs."""
        if self._code is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self._code = os.waitstatus_to_exitcode(status)
                self._hang_up()
        return self._code

    def wait(self, timeout_s: float) -> int | None:
        """Its exit code, or None when it still runs after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while self.poll() is None and time.monotonic() < deadline:
            time.sleep(WAIT_TICK_S)
        return self._code

    def heard(self, timeout_s: float) -> bool | None:
        """True once it has said its word, False when it ended without, None: not yet. True but once."""
        if self._line < 0:
            return False
        if not select.select([self._line], [], [], timeout_s)[0]:
            return None
        has_said = bool(os.read(self._line, 1))
        self._hang_up()
        return has_said

    def terminate(self) -> None:
        """Ask it to end; only the process itself, which ends its own children."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it and its process group at once."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def _hang_up(self) -> None:
        if self._line >= 0:
            os.close(self._line)
            self._line = -1


def fork_service(name: str, run: Callable[[Callable[[], None]], int]) -> Service:
    """Run this as a process of its own, which has loaded what this one has, and shares that memory. `run` is
    given how to say its word, for `heard`, and gives the exit code; `name` is what `top` shows.

    The caller must be the only thread. The process has a session of its own (Ctrl-C reaches only us), our
    stdout and stderr, nothing to read, no handlers for SIGTERM and SIGINT, can gain no privileges, and gets
    SIGTERM when the calling *thread* ends. Raises OSError when there can be none.
    """
    parent = os.getpid()
    ours, theirs = os.pipe()
    # What comes meanwhile is meant for one of the two: our handlers would lose it for the other.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        pid = os.fork()
        if pid == 0:
            os.close(ours)
            _serve(name, parent, partial(run, partial(_say, theirs)))
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    return Service(pid, ours)


def _say(line: int) -> None:
    with contextlib.suppress(OSError):
        os.write(line, b"\n")


def _serve(name: str, parent: int, run: Callable[[], int]) -> NoReturn:
    """Be the process that was forked, whatever happens: nothing of what the other one was at goes on here."""
    code = 1
    try:
        os.setsid()
        launch.ask_for_death_signal(signal.SIGTERM)
        if os.getppid() != parent:
            # It died before it could be asked for its death.
            os._exit(1)
        launch.take_new_privileges_away()
        launch.take_name(f"polyreel-{name}")
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        for number in _ENDING:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        code = run()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - it ends here
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            logging.shutdown()
            sys.stdout.flush()
        os._exit(code)
