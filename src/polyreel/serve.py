"""The processes of a server: the supervisor, and what it starts.

The supervisor imports next to nothing: it prepares the data folder, starts a web and a worker
process, starts again what dies, and ends both within 15 seconds when told to.
"""

import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from types import FrameType

from polyreel.infra.logs import configure_logs
from polyreel.infra.notify import STOPPING, Notifier
from polyreel.infra.process import Service, spawn_service
from polyreel.settings import Settings, SettingsError, child_environment

__all__ = ["run_prepare", "run_supervisor", "run_web", "run_worker"]

STOP_S = 12.0
WORKER_GRACE_S = 8.0
LONGEST_PAUSE_S = 30.0

_log = logging.getLogger("polyreel.serve")


@dataclass
class _Kept:
    """One process that is kept running."""

    name: str
    service: Service | None = None
    failures: int = 0
    started_at: float = 0.0
    start_at: float = field(default_factory=time.monotonic)


def run_supervisor(settings: Settings) -> int:
    """Run the whole server until SIGTERM or SIGINT; the exit code."""
    configure_logs(settings)
    environment = child_environment(settings)
    prepared = _spawn("prepare", environment)
    while (code := prepared.wait(1.0)) is None:
        pass
    if code != 0:
        return code
    stopping = threading.Event()
    _on_signals(stopping)
    kept = [_Kept("worker"), _Kept("web")]
    while not stopping.wait(0.2):
        for item in kept:
            _tend(item, environment)
    return _stop(kept)


def _spawn(command: str, environment: dict[str, str]) -> Service:
    return spawn_service([sys.executable, "-m", "polyreel", command], environment)


def _on_signals(stopping: threading.Event) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _tend(item: _Kept, environment: dict[str, str]) -> None:
    now = time.monotonic()
    if item.service is not None:
        code = item.service.poll()
        if code is None:
            if now - item.started_at > LONGEST_PAUSE_S:
                item.failures = 0
            return
        item.failures += 1
        pause = min(LONGEST_PAUSE_S, 0.5 * 2.0 ** (item.failures - 1))
        _log.error(
            "%s ended and is started again", item.name, extra={"code": code, "pause_s": pause}
        )
        item.service, item.start_at = None, now + pause
    elif now >= item.start_at:
        item.service, item.started_at = _spawn(item.name, environment), now


def _stop(kept: list[_Kept]) -> int:
    running = [item.service for item in kept if item.service is not None]
    for service in running:
        service.terminate()
    deadline = time.monotonic() + STOP_S
    for service in running:
        if service.wait(max(0.0, deadline - time.monotonic())) is None:
            _log.error("a process did not end in time and is killed", extra={"pid": service.pid})
            service.kill()
    return 0


def run_prepare(settings: Settings) -> int:
    """Bring the database up to date, end what dead processes left, print address and set-up link."""
    from polyreel.app import close_tools, open_tools
    from polyreel.core.upkeep import end_what_died
    from polyreel.core.users import ensure_setup_token
    from polyreel.infra.migrate import upgrade

    configure_logs(settings)
    _check_port(settings)
    tools = open_tools(settings)
    upgrade(tools.db)
    with tools.presence.alone() as is_alone:
        # A database that is no file here may be in use by other machines: leases end in their time.
        if is_alone and tools.db.dialect == "sqlite":
            end_what_died(tools)
    token = ensure_setup_token(settings, tools.db)
    close_tools(tools)
    address = settings.base_url or f"http://{_shown_host(settings.host)}:{settings.port}"
    lines = [f"Polyreel listens on {address}"]
    if token:
        lines.append(f"Nobody has an account yet. Set up: {address}/setup?token={token}")
    sys.stdout.write("\n".join([*lines, ""]))
    sys.stdout.flush()
    return 0


def _check_port(settings: Settings) -> None:
    """Raise SettingsError when someone listens there: the HTTP server itself would share the port."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            address = f"{settings.host}:{settings.port}"
            raise SettingsError(f"cannot listen on {address}: {error.strerror}") from None


def _shown_host(host: str) -> str:
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 - shown, not bound
        return "localhost"
    return f"[{host}]" if ":" in host else host


def run_web(settings: Settings) -> int:
    """Serve HTTP until SIGTERM."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.http import HTTP1Settings

    class Server(Granian):  # type: ignore[misc, valid-type]  # chosen when it is imported
        """Closes what never ends by itself before its workers wait for every answer to end."""

        def signal_handler_interrupt(self, *args: object, **kwargs: object) -> None:
            Notifier(settings.run_dir).publish([STOPPING])
            super().signal_handler_interrupt(*args, **kwargs)

    configure_logs(settings)
    os.environ.update(child_environment(settings))
    Server(
        "polyreel.app:create_asgi",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        factory=True,
        workers=settings.web_processes,
        websockets=False,
        http="1",
        log_enabled=False,
        respawn_failed_workers=True,
        workers_kill_timeout=5,
        backlog=1024,
        http1_settings=HTTP1Settings(header_read_timeout=30_000),
    ).serve()
    return 0


def run_worker(settings: Settings, lanes: list[str] | None = None) -> int:
    """Run jobs until SIGTERM; running ones are handed back."""
    from polyreel.app import close_tools, make_worker, open_tools

    configure_logs(settings)
    stopping = threading.Event()
    _on_signals(stopping)
    tools = open_tools(settings)
    tools.notifier.start()
    worker = make_worker(tools, lanes)
    worker.start()
    stopping.wait()
    worker.stop(WORKER_GRACE_S)
    with contextlib.suppress(Exception):
        close_tools(tools)
    return 0
