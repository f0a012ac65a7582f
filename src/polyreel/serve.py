"""The processes of a server: the supervisor, and what it forks; web and worker also by themselves.

The supervisor loads all that they need and opens nothing; they share what is loaded. Its first worker
prepares the data folder and the database, then web processes begin. It forks again what dies, and ends all
within 15 seconds when told to. A worker that was started alone, on any machine, prepares them as well; a web
process has it done.
"""

import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Literal

from polyreel.infra.logs import configure_logs
from polyreel.infra.notify import STOPPING, Notifier
from polyreel.infra.process import Service, fork_service
from polyreel.kit.garbage import begin_collecting, leave_for_forks, wait_with_collecting
from polyreel.settings import Settings, SettingsError, child_environment, exit_code

if TYPE_CHECKING:
    from polyreel.infra.tx import Database

__all__ = ["Role", "run_alone", "run_prepare", "run_supervisor", "run_web", "run_worker"]

Role = Literal["web", "worker"]
Run = Callable[[Callable[[], None]], int]
"""What a process does, given how it says its word; the exit code."""

STOP_S = 12.0
WORKER_GRACE_S = 8.0
LONGEST_PAUSE_S = 30.0
DATABASE_PAUSE_S = 3.0

_log = logging.getLogger("polyreel.serve")


@dataclass
class _Kept:
    """One process that is kept running: what it does, and the one that does it now."""

    name: Role
    run: Run
    service: Service | None = None
    failures: int = 0
    started_at: float = field(default_factory=time.monotonic)
    start_at: float = field(default_factory=time.monotonic)


def run_supervisor(settings: Settings) -> int:
    """Run the whole server until SIGTERM or SIGINT; the exit code."""
    configure_logs(settings)
    stopping = threading.Event()
    _on_signals(stopping)
    _load()
    # What is found or made here is the worker's, who knows how.
    first = _fork("worker", lambda say: run_worker(settings, prepares="web", prepared=say))
    kept = [_Kept("worker", lambda _: run_worker(settings), first)]
    code = _until_prepared(first, stopping)
    if code is not None:
        _stop(kept)
        return code
    return _keep([*kept, *_webs(settings)], stopping)


def run_alone(settings: Settings, role: Role, lanes: list[str] | None = None) -> int:
    """Prepare what others may have prepared already, then be a web or worker process."""
    if role == "worker":
        return run_worker(settings, lanes=lanes, prepares="worker")
    configure_logs(settings)
    stopping = threading.Event()
    _on_signals(stopping)
    _load()
    prepared = _fork("prepare", lambda _: run_prepare(settings, "web"))
    while (code := prepared.wait(0.1)) is None:
        if stopping.is_set():
            prepared.terminate()
            prepared.wait(STOP_S)
            return 0
    if stopping.is_set():
        return 0
    if code != 0:
        return code
    if settings.web_processes > 1:
        return _keep(_webs(settings), stopping)
    # It has its own way to end; until it has begun, a signal simply ends it.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return run_web(settings)


def _load() -> None:
    """Load what the processes need: once, for all that are forked from this one."""
    from polyreel.app import load_web

    load_web()
    leave_for_forks()


def _webs(settings: Settings) -> list[_Kept]:
    return [_Kept("web", lambda _: run_web(settings)) for _ in range(settings.web_processes)]


def _until_prepared(worker: Service, stopping: threading.Event) -> int | None:
    """None once the first worker has prepared everything, else the exit code to end with."""
    while not stopping.is_set():
        has_spoken = worker.heard(0.1)
        if has_spoken:
            return None
        if has_spoken is False:
            code = worker.wait(STOP_S) or 1
            # Whoever stops a server may tell all its processes.
            return 0 if stopping.is_set() else code
    return 0


def _on_signals(stopping: threading.Event) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _fork(name: str, run: Run) -> Service:
    def process(say: Callable[[], None]) -> int:
        # It begins as the first ones did, also where it is forked when this one has long begun to collect.
        wait_with_collecting()
        return exit_code(partial(run, say))

    return fork_service(name, process)


def _keep(kept: Sequence[_Kept], stopping: threading.Event) -> int:
    """Run these processes until told to stop; the exit code."""
    while not stopping.is_set():
        for item in kept:
            _tend(item)
        begin_collecting()
        stopping.wait(0.2)
    return _stop(kept)


def _tend(item: _Kept) -> None:
    now = time.monotonic()
    if item.service is not None:
        code = item.service.poll()
        if code is None:
            if now - item.started_at > LONGEST_PAUSE_S:
                item.failures = 0
            return
        _log.error("%s ended and is started again", item.name,
                   extra={"code": code, "pause_s": _fail(item, now)})  # fmt: skip
    elif now >= item.start_at:
        try:
            item.service, item.started_at = _fork(item.name, item.run), now
        except OSError as error:
            _log.error("%s cannot be started: %s", item.name, error.strerror,
                       extra={"pause_s": _fail(item, now)})  # fmt: skip


def _fail(item: _Kept, now: float) -> float:
    """It does not run: seconds until it is tried again, more each time."""
    item.failures += 1
    pause_s = min(LONGEST_PAUSE_S, 0.5 * 2.0 ** (item.failures - 1))
    item.service, item.start_at = None, now + pause_s
    return pause_s


def _stop(kept: Sequence[_Kept]) -> int:
    running = [item.service for item in kept if item.service is not None]
    for service in running:
        service.terminate()
    deadline = time.monotonic() + STOP_S
    for service in running:
        if service.wait(max(0.0, deadline - time.monotonic())) is None:
            _log.error("a process did not end in time and is killed", extra={"pid": service.pid})
            service.kill()
    return 0


def run_prepare(settings: Settings, role: Role) -> int:
    """Bring the database up to date, as soon as it answers; end what dead processes left.

    For a `web` process also: print the address, and the set-up link while there is no account.
    """
    from polyreel.app import close_tools, open_tools
    from polyreel.core.upkeep import end_what_died
    from polyreel.core.users import ensure_setup_token

    # A database that is away may be waited for as long as it takes.
    begin_collecting()
    configure_logs(settings)
    if role == "web":
        _check_port(settings)
    _prepare_database(settings)
    tools = open_tools(settings)
    with tools.presence.alone() as is_alone:
        # A database that is no file here may be in use by other machines: leases end in their time.
        if is_alone and tools.db.dialect == "sqlite":
            end_what_died(tools)
    token = ensure_setup_token(settings, tools.db) if role == "web" else None
    close_tools(tools)
    if role == "web":
        _greet(settings, token)
    return 0


def _greet(settings: Settings, token: str | None) -> None:
    address = settings.base_url or f"http://{_shown_host(settings.host)}:{settings.port}"
    lines = [f"Polyreel listens on {address}"]
    if token:
        lines.append(f"Nobody has an account yet. Set up: {address}/setup?token={token}")
    sys.stdout.write("\n".join([*lines, ""]))
    sys.stdout.flush()


def _prepare_database(settings: Settings) -> None:
    """Every table as this version wants it; waits for a server that does not answer yet.

    Raises SettingsError when the data folder is not the one that belongs to the database.
    """
    from polyreel.app import open_database
    from polyreel.core.users import is_setup_needed

    notifier = Notifier(settings.run_dir)
    db = open_database(settings, notifier)
    try:
        while (reason := _upgrade(db)) is not None:
            _log.warning("the database does not answer; waiting for it: %s", reason)
            time.sleep(DATABASE_PAUSE_S)
        if db.dialect == "sqlite" or settings.secret_path.exists():
            return
        # Before a new secret is made here, which would fit nothing that was made with the right one.
        with db.read() as tx:
            if not is_setup_needed(tx):
                raise SettingsError(
                    f"the database is in use already, but {settings.data_dir} holds no secret.key: "
                    "is this the data folder that all machines share?"
                )
    finally:
        db.close()
        notifier.close()


def _upgrade(db: "Database") -> str | None:
    """Why the database, a server that may yet come, does not answer; None: it is up to date."""
    from sqlalchemy.exc import SQLAlchemyError

    from polyreel.infra.migrate import upgrade

    try:
        upgrade(db)
    except SQLAlchemyError as error:
        said = (str(getattr(error, "orig", None) or error).strip().splitlines() or ["?"])[0]
        if "permission denied" in said:
            raise SettingsError(f"the database refuses to be brought up to date: {said}") from error
        if db.dialect == "sqlite" or db.engines.trouble(error) != "away":
            raise
        return said
    return None


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
    from polyreel.http.server import listen, serve

    configure_logs(settings)
    os.environ.update(child_environment(settings))
    serve(
        "polyreel.app:create_asgi",
        listen(settings.host, settings.port, is_shared=settings.web_processes > 1),
        stopping=lambda: Notifier(settings.run_dir).publish([STOPPING]),
    )
    return 0


def run_worker(
    settings: Settings,
    *,
    lanes: list[str] | None = None,
    prepares: Role | None = None,
    prepared: Callable[[], None] | None = None,
) -> int:
    """Run jobs until SIGTERM; running ones are handed back. One that `prepares` does that first, and then
    says so.
    """
    from polyreel.app import close_tools, make_worker, open_tools
    from polyreel.core.upkeep import make_watch

    configure_logs(settings)
    if prepares is not None:
        with _ending_at_a_signal():
            run_prepare(settings, prepares)
    if prepared is not None:
        prepared()
    stopping = threading.Event()
    _on_signals(stopping)
    tools = open_tools(settings)
    tools.notifier.start()
    worker, watch = make_worker(tools, lanes), make_watch(tools)
    worker.start()
    if "fast" in worker.lanes:
        # It is where films are looked at.
        tools.prober.start()
    watch.start()
    begin_collecting()
    stopping.wait()
    _end_for_certain()
    worker.stop(WORKER_GRACE_S)
    watch.stop()
    with contextlib.suppress(Exception):
        close_tools(tools)
    return 0


@contextlib.contextmanager
def _ending_at_a_signal() -> Iterator[None]:
    """Within, SIGTERM and SIGINT end this process with 0, whatever it waits for: a handler in Python would wait
    for it, too. What was not committed is taken back.
    """
    heard, told = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    os.set_blocking(heard, True)

    def end() -> None:
        if os.read(heard, 1):
            os._exit(0)
        os.close(heard)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(told)
    threading.Thread(target=end, name="signals", daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(-1)
        os.close(told)


def _end_for_certain() -> None:
    """End this process in STOP_S whatever it waits for: a database that is away must not keep it."""
    late = threading.Timer(STOP_S, os._exit, (1,))
    late.daemon = True
    late.start()
