"""What runs between us and a child program: takes limits and rights away, then becomes the program.

Started by path as `python -I -S launch.py ROOT PARENT NICE NAME=NUMBER,... REACH COUNT PLACE...
PROGRAM ARGS...`; REACH is `all`, `network`, `port=NUMBER` or `files`, and COUNT places follow, as
`confine.py` reads them. ROOT is the folder of our package. It imports little: its start-up is paid for
every child. It exists because `preexec_fn` is not safe in a process with threads. What is taken away
is taken from everything the program starts.
SIGPIPE and SIGXFSZ stay ignored, as Python leaves them: a full file or a closed pipe is an error that
the program can report, not its death.
"""

import ctypes
import os
import resource
import signal
import sys
import time

__all__: list[str] = []

# linux/prctl.h
PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
PR_SET_NO_NEW_PRIVS = 38

AUTOGROUP = "/proc/self/autogroup"
TRIES = 5
FAILED = 127
MARK = "launch: "


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    rest = [ctypes.c_ulong(0)] * 3
    if libc.prctl(option, ctypes.c_ulong(value), *rest) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def ask_for_death_signal(number: int) -> None:
    """Have the kernel send us this signal when the thread that started us ends."""
    _prctl(PR_SET_PDEATHSIG, number)


def take_name(name: str) -> None:
    """Be shown by this name, of which 15 bytes count, by `top` and `ps -e`."""
    buffer = ctypes.create_string_buffer(name.encode())
    _prctl(PR_SET_NAME, ctypes.addressof(buffer))


def take_new_privileges_away() -> None:
    """No program that we become, or start, can have rights that we have not."""
    _prctl(PR_SET_NO_NEW_PRIVS, 1)


def _be_nice(by: int) -> None:
    """Step back behind others. Where the kernel groups programs by session (sched(7), autogroup), and
    this is a session of its own, only what the group gives way by counts.
    """
    nice = os.nice(by)
    try:
        group = os.open(AUTOGROUP, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return
    for _ in range(TRIES):
        try:
            os.write(group, b"%d" % nice)
            break
        except BlockingIOError:
            # Without privileges one program a tenth of a second may say so, of all that run.
            time.sleep(0.1)
        except OSError:
            break


def _set_limit(name: str, wanted: int) -> None:
    kind = getattr(resource, "RLIMIT_" + name)
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(kind, (wanted, wanted))


def main(root: str, numbers: list[int], limits: str, reach: str, rest: list[str]) -> None:
    """Never returns: becomes a program, or ends with 127 and a line on stderr that begins with MARK."""
    parent, nice, count = numbers
    places, argv = rest[:count], rest[count:]
    try:
        ask_for_death_signal(signal.SIGKILL)
        if os.getppid() != parent:
            # It died before we asked to be told.
            os._exit(FAILED)
        take_new_privileges_away()
        if nice:
            _be_nice(nice)
        for item in filter(None, limits.split(",")):
            name, _, number = item.partition("=")
            _set_limit(name, int(number))
        if reach != "all":
            # Behind everything else, so that nothing of ours ever stands for a module of Python's.
            sys.path.append(root)
            from polyreel.infra.confine import confine

            port = int(reach.removeprefix("port=")) if reach.startswith("port=") else None
            confine(places, network=reach == "network", port=port)
        os.execv(argv[0], argv)  # noqa: S606 - becoming the program is what this is for
    except OSError as error:
        os.write(2, (MARK + str(error.strerror) + "\n").encode())
        os._exit(FAILED)


if __name__ == "__main__":
    _root, _parent, _nice, _limits, _reach, _count, *_rest = sys.argv[1:]
    main(_root, [int(_parent), int(_nice), int(_count)], _limits, _reach, _rest)
