"""What this machine can do and what is wrong with it, as rows for `polyreel doctor`."""

import importlib.metadata
import os
import platform
import resource
import shutil
import socket
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from polyreel.infra import process, trial
from polyreel.infra.encoders import ENCODERS, check_encoder, check_scaler
from polyreel.infra.ffmpeg import FFmpeg, default_limits
from polyreel.infra.process import Limits
from polyreel.infra.reach import Reach, sandbox
from polyreel.kit.errors import AppError
from polyreel.kit.units import format_bytes
from polyreel.settings import Settings

__all__ = ["Check", "inspect"]

NEEDED_ENCODERS = ("libx264", "aac", "libwebp")
# UPDATE ... RETURNING.
OLDEST_SQLITE = (3, 35, 0)
# The first without the WAL-reset race: https://sqlite.org/wal.html
WHOLE_SQLITE = (3, 51, 3)
FEW_FILES = 1024


@dataclass(frozen=True)
class Check:
    """One row: what was looked at, what was found, whether that will do, and what it means."""

    name: str
    value: str
    ok: bool = True
    note: str = ""


def inspect(settings: Settings) -> list[Check]:
    """Look at everything; takes a second or two, changes nothing, never raises for what it finds."""
    ffmpeg = FFmpeg(settings.ffmpeg)
    sandbox.is_on = settings.sandbox
    return [
        Check("Python", f"{platform.python_version()} ({platform.machine()})"),
        *_ffmpeg(ffmpeg),
        _libav(),
        *_encoders(ffmpeg),
        *_child_limits(),
        *_child_reach(),
        _sqlite(),
        *_data_folder(settings),
        _open_files(),
    ]


def _ffmpeg(ffmpeg: FFmpeg) -> Iterator[Check]:
    try:
        yield Check("ffmpeg", ffmpeg.version, note=ffmpeg.exe)
    except AppError as error:
        yield Check("ffmpeg", "does not start", ok=False, note=f"{ffmpeg.exe}: {error}")


def _libav() -> Check:
    try:
        # 0.1 s that no other command needs to wait for.
        import av
    except ImportError as error:
        return Check("PyAV", "does not load", ok=False, note=str(error))
    libraries = ("libavformat", "libavcodec")
    numbers = [f"{name} {'.'.join(map(str, av.library_versions[name]))}" for name in libraries]
    return Check("PyAV", importlib.metadata.version("av"), note=", ".join(numbers))


def _encoders(ffmpeg: FFmpeg) -> Iterator[Check]:
    for name in ENCODERS:
        try:
            reason = check_encoder(ffmpeg, name)
        except AppError as error:
            reason = str(error)
        is_fine = reason is None or name not in NEEDED_ENCODERS
        yield Check(f"encoder {name}", "no" if reason else "works", is_fine, reason or "")
    try:
        reason = check_scaler(ffmpeg)
    except AppError as error:
        reason = str(error)
    yield Check("filter zscale", "no" if reason else "works", reason is None, reason or "")


def _child_limits() -> Iterator[Check]:
    """Start a child as ffmpeg is started and let the kernel say what holds for it."""
    try:
        done = process.run(["cat", "/proc/self/limits"], limits=default_limits(), timeout_s=20)
    except AppError as error:
        yield Check("child programs", "cannot be started", ok=False, note=str(error))
        return
    lines = done.stdout.decode(errors="replace").splitlines()
    for name in ("Max address space", "Max cpu time", "Max file size", "Max core file size"):
        found = [line[len(name) :].split()[0] for line in lines if line.startswith(name)]
        value = found[0] if found else "unknown"
        shown = format_bytes(int(value)) if value.isdigit() and "time" not in name else value
        shown += " s" if "time" in name else ""
        is_bound = value not in ("unlimited", "unknown")
        yield Check(f"child: {name.lower()}", shown, is_bound)


def _child_reach() -> Iterator[Check]:
    """Start a child as ffmpeg is started and see how far it gets."""
    try:
        found = _try_to_break_out()
    except (AppError, OSError, ValueError) as error:
        yield Check("child: sandbox", "cannot be tried", ok=False, note=str(error))
        return
    setting = "" if sandbox.is_on else "POLYREEL_SANDBOX is off"
    # Old kernels have no Landlock, and that is no fault that could be mended here.
    old = setting or "this kernel has no Landlock, or has it turned off"
    yield _held("privileges", found["privileges"], "new privileges can be gained")
    yield _held("network", found["network"], setting or "seccomp is refused here")
    reading = Check("child: other files", "out of reach")
    if found["read"] or found["write"]:
        reading = Check("child: other files", "in reach", note=old)
    yield reading
    own = "" if found["own"] else "POLYREEL_SANDBOX=false helps until the cause is found"
    yield Check("child: its own folder", "works" if found["own"] else "no", found["own"], own)


def _held(name: str, came_off: bool, note: str) -> Check:
    shown = "in reach" if came_off else "out of reach"
    # Turned off on purpose is no fault.
    return Check(
        f"child: {name}", shown, not (came_off and sandbox.is_on), note if came_off else ""
    )


def _try_to_break_out() -> dict[str, bool]:
    with (
        tempfile.TemporaryDirectory() as outside,
        tempfile.TemporaryDirectory() as own,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        file = Path(outside, "file")
        file.touch()
        port = str(server.getsockname()[1])
        program = [sys.executable, "-I", "-S", trial.__file__]
        done = process.run(
            [*program, str(file), outside, own, port],
            limits=Limits(cpu_s=10, open_files=64),
            reach=Reach(writes=[Path(own)]),
            timeout_s=20,
        )
    return msgspec.json.decode(done.stdout, type=dict[str, bool])


def _sqlite() -> Check:
    version = sqlite3.sqlite_version_info
    note = ""
    if version < OLDEST_SQLITE:
        note = "too old: 3.35 is the oldest that works"
    elif version < WHOLE_SQLITE:
        note = (
            "has the WAL-reset race of all before 3.51.3; our lock around every write prevents it"
        )
    return Check("SQLite", sqlite3.sqlite_version, version >= OLDEST_SQLITE, note)


def _data_folder(settings: Settings) -> Iterator[Check]:
    folder = settings.data_dir
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    can_write = os.access(folder, os.W_OK)
    yield Check(
        "data folder", str(settings.data_dir), can_write, "" if can_write else "no right to write"
    )
    free_bytes = shutil.disk_usage(folder).free
    is_enough = free_bytes > settings.min_free_bytes
    note = "" if is_enough else f"uploads need {format_bytes(settings.min_free_bytes)} to stay free"
    yield Check("free space", format_bytes(free_bytes), is_enough, note)
    if can_write:
        works = _reads_without_waiting(folder)
        note = "" if works else "this filesystem lacks RWF_NOWAIT: media is read in threads"
        yield Check("reads without waiting", "yes" if works else "no", note=note)


def _reads_without_waiting(folder: Path) -> bool:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"x")
        file.flush()
        try:
            os.preadv(file.fileno(), [bytearray(1)], 0, os.RWF_NOWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
    return True


def _open_files() -> Check:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    note = "" if soft >= FEW_FILES else "few: each viewer and upload takes one (ulimit -n)"
    return Check("open files", f"{soft} (at most {hard})", soft >= FEW_FILES, note)
