"""Notices between processes: "this changed".

On one machine each process binds one datagram socket in the run folder; a notice is one datagram to each of them.
A notice may be lost (a full buffer, a dead process): receivers hear `*`, "anything may have changed",
when a sender had to drop something, and no one relies on notices alone. Between machines the database
passes them on, where it can (see infra.db).
"""

import contextlib
import json
import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

__all__ = ["ANYTHING", "STOPPING", "Notifier", "Source"]

log = logging.getLogger("polyreel.notify")

ANYTHING = "*"
STOPPING = "stopping"
"""The web processes are about to end: what would stay open by itself, closes."""
_MAX_DATAGRAM = 32 * 1024


class Source(Protocol):
    """Another place that notices come from, such as a database that passes them on."""

    def start(self) -> None:
        """Begin to hear."""

    def close(self) -> None:
        """Hear no more."""


class Notifier:
    """Publishes topics to every process of this data folder and hears theirs, its own included.

    Nothing is heard before `start`. Callbacks run in a listening thread and must be quick.
    """

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._callbacks: list[Callable[[list[str]], None]] = []
        self._sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sender.setblocking(False)
        self._receiver: socket.socket | None = None
        self._dropped: set[Path] = set()
        self._lock = threading.Lock()
        self._sources: list[Source] = []
        # A run folder may be seen by several machines: each buries its own dead only.
        self._mark = f"notify-{_machine()}-"
        # Random: processes of two containers on one folder may have the same number.
        self._path = run_dir / f"{self._mark}{os.getpid()}-{secrets.token_hex(4)}.sock"

    def subscribe(self, callback: Callable[[list[str]], None]) -> None:
        """Call `callback` with the topics of each notice."""
        self._callbacks.append(callback)

    def unsubscribe(self, callback: Callable[[list[str]], None]) -> None:
        """Stop calling `callback`; unknown ones are ignored."""
        with contextlib.suppress(ValueError):
            self._callbacks.remove(callback)

    def join(self, source: Source) -> None:
        """Start and close `source` with this notifier; what it hears, it tells `hear`."""
        self._sources.append(source)

    def hear(self, topics: list[str]) -> None:
        """Tell this process alone."""
        for callback in list(self._callbacks):
            try:
                callback(topics)
            except Exception:
                # One broken listener must not make the process deaf.
                log.exception("a listener to notices broke")

    def start(self) -> None:
        """Bind the socket and listen in a thread of its own; start what was joined."""
        self._run_dir.mkdir(parents=True, exist_ok=True)
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with _in_reach(self._path) as address:
            receiver.bind(address)
        self._path.chmod(0o600)
        self._receiver = receiver
        threading.Thread(target=self._listen, name="notify", daemon=True).start()
        for source in self._sources:
            source.start()

    def close(self) -> None:
        """Stop listening and remove the socket."""
        for source in self._sources:
            source.close()
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            self._path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                receiver.shutdown(socket.SHUT_RDWR)
            receiver.close()
        self._sender.close()

    def publish(self, topics: Sequence[str]) -> None:
        """Tell every process; never blocks and never fails."""
        message = json.dumps(list(topics)).encode()
        if len(message) > _MAX_DATAGRAM:
            message = json.dumps([ANYTHING]).encode()
        for path in self._run_dir.glob("notify-*.sock"):
            self._send(path, message)

    def _send(self, path: Path, message: bytes) -> None:
        with self._lock:
            if path in self._dropped:
                message = json.dumps([ANYTHING]).encode()
            try:
                with _in_reach(path) as address:
                    self._sender.sendto(message, address)
                self._dropped.discard(path)
            except (BlockingIOError, InterruptedError):
                self._dropped.add(path)
            except (ConnectionRefusedError, FileNotFoundError):
                # Its process is gone, or on another machine; a killed one could not remove its socket.
                self._dropped.discard(path)
                if path.name.startswith(self._mark):
                    path.unlink(missing_ok=True)
            except OSError:
                self._dropped.add(path)

    def _listen(self) -> None:
        while (receiver := self._receiver) is not None:
            try:
                message = receiver.recv(_MAX_DATAGRAM)
            except OSError:
                return
            if not message:
                continue
            self.hear(json.loads(message))


def _machine() -> str:
    """A few characters that all processes under this kernel share, until it starts again."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
    return "here"


@contextlib.contextmanager
def _in_reach(path: Path) -> Iterator[str]:
    """An address for `path`: as it is, or through /proc when longer than the 107 bytes a socket may have."""
    if len(os.fsencode(path)) <= 104:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
