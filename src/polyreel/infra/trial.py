"""What a confined child program can still do, found out by trying: one JSON object on standard output.

Started as `python -I -S trial.py FILE FOLDER OWN PORT`: a file it may not read, a folder it may not
write to, one where it may, and a port of 127.0.0.1 where someone listens.
"""

import ctypes
import json
import os
import resource
import socket
import sys
from collections.abc import Callable

__all__: list[str] = []

PR_GET_NO_NEW_PRIVS = 39


def _succeeds(act: Callable[[], object]) -> bool:
    try:
        act()
    except (OSError, ValueError):
        return False
    return True


def _write(folder: str) -> None:
    os.close(os.open(f"{folder}/trial", os.O_WRONLY | os.O_CREAT, 0o600))


def _raise_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard + 1, hard + 1))


def main(file: str, folder: str, own: str, port: int) -> None:
    """Print for each act whether it came off."""
    gained = ctypes.CDLL(None).prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1
    found = {
        "network": _succeeds(lambda: socket.create_connection(("127.0.0.1", port), 2)),
        "read": _succeeds(lambda: os.open(file, os.O_RDONLY)),
        "write": _succeeds(lambda: _write(folder)),
        "own": _succeeds(lambda: _write(own)),
        "privileges": gained or _succeeds(_raise_limit),
    }
    os.write(1, json.dumps(found).encode())


if __name__ == "__main__":
    _file, _folder, _own, _port = sys.argv[1:]
    main(_file, _folder, _own, int(_port))
