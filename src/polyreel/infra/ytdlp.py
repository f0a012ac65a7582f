"""The film of a web page, fetched by yt-dlp: the program that knows how thousands of sites show theirs.

It runs in a child process that may write to one folder and connect to one port, where a proxy of ours
(`outbound.Gate`) lets it through to what our rules allow. It has no settings, no plugins, no cookies and no
programs to start; its code is that of many people, and what it reads is anybody's.
"""

import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

import polyreel
from polyreel import settings
from polyreel.infra import outbound, process
from polyreel.infra.ffmpeg import FFmpeg, file_url, input_args
from polyreel.infra.outbound import BadAddress, BadAnswer, Gate, Outbound, TooSlow, Unreachable
from polyreel.infra.process import Limits
from polyreel.infra.reach import Reach
from polyreel.kit.errors import TooLarge, Unsupported
from polyreel.kit.units import format_bytes

__all__ = ["Film", "NoFilm", "fetch_film"]

_log = logging.getLogger(__name__)

# Pages, lists of fragments and what a server repeats come on top of the film itself.
_OVERHEAD_BYTES = 256 * 1024 * 1024
_STALL_S = 180.0
_MEMORY_BYTES = 3 << 30
_MERGE_S = 3600.0


class NoFilm(Unsupported):
    """The page shows nothing that could be fetched."""

    default = "No video was found on this page."


@dataclass(frozen=True)
class Film:
    """What was fetched: a file in the folder that was given, and what the page calls it."""

    path: Path
    title: str


class _Ended(msgspec.Struct):
    files: list[str] = []
    title: str = ""
    error: str = ""
    said: str = ""


class _Progress(msgspec.Struct):
    got: int
    total: int


@dataclass(frozen=True, kw_only=True)
class _Run:
    url: str
    folder: Path
    max_bytes: int
    total_s: float


def fetch_film(  # noqa: PLR0913 - the one door to yt-dlp
    web: Outbound,
    ffmpeg: FFmpeg,
    url: str,
    folder: Path,
    *,
    max_bytes: int,
    total_s: float,
    progress: Callable[[int, int], None],
    cancelled: threading.Event,
) -> Film | None:
    """Fetch the film of the page at `url` into `folder`, an empty one; None when it was cancelled.

    At most `max_bytes` (0: any size) in `total_s` seconds. `progress` hears twice a second how many bytes
    there are, and of how many (0: not known); what it raises ends the child and comes out here.
    Raises NoFilm, BadAddress, BadAnswer, Unreachable, TooSlow, TooLarge, Unavailable.
    """
    run = _Run(url=url, folder=folder, max_bytes=max_bytes, total_s=total_s)
    began = time.monotonic()
    ended = _run_child(web, run, progress, cancelled)
    if ended is None:
        return None
    paths = [_checked(folder, name) for name in ended.files]
    if len(paths) == 1:
        return Film(paths[0], ended.title)
    left_s = min(_MERGE_S, total_s - (time.monotonic() - began))
    if left_s <= 0:
        raise TooSlow
    return _merged(ffmpeg, paths[:2], folder, ended.title, cancelled, left_s)


def _run_child(
    web: Outbound, run: _Run, progress: Callable[[int, int], None], cancelled: threading.Event
) -> _Ended | None:
    root = str(Path(polyreel.__file__).parents[1])
    bounds = outbound.Limits(
        total_s=run.total_s,
        body_bytes=2 * run.max_bytes + _OVERHEAD_BYTES if run.max_bytes else 0,
    )

    def hear(line: bytes) -> None:
        try:
            told = msgspec.json.decode(line, type=_Progress)
        except msgspec.DecodeError:
            return
        progress(max(0, told.got), max(0, told.total))

    with Gate(web, bounds) as gate:
        order = {"url": run.url, "proxy": gate.url, "max_bytes": run.max_bytes}
        path = run.folder / "order.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(order))
        program = [sys.executable, "-P", "-B", "-m", "polyreel.infra.fetching"]
        done = process.run(
            [*program, str(run.folder), "{progress}"],
            limits=Limits(
                memory_bytes=_MEMORY_BYTES,
                cpu_s=int(run.total_s) + 60,
                file_bytes=run.max_bytes or None,
                open_files=128,
            ),
            reach=Reach(reads=[Path(root)], writes=[run.folder], port=gate.port),
            timeout_s=run.total_s,
            stall_s=_STALL_S,
            on_progress=hear,
            cancelled=cancelled,
            nice=10,
            env={
                **settings.child_environment(None),
                "PYTHONPATH": root,
                "HOME": str(run.folder),
                "YTDLP_NO_PLUGINS": "1",
            },
            cwd=run.folder,
        )
    if done.ended == "cancelled":
        return None
    if done.ended == "timed_out":
        raise TooSlow
    ended = _Ended(error="crash")
    if done.is_success:
        ended = msgspec.json.decode(done.stdout, type=_Ended)
    if not ended.files:
        _log.info("yt-dlp: %s %s", ended.error, ended.said or done.stderr_tail[-500:])
        raise _failure(ended.error, gate, run.max_bytes)
    return ended


def _failure(kind: str, gate: Gate, max_bytes: int) -> Exception:
    """What its end comes to, in sentences for people; theirs name our folders."""
    if gate.refused is not None:
        return BadAddress("The page leads to an address that this server does not ask.")
    if gate.is_too_large or kind == "too_large":
        return TooLarge(f"The video is larger than {format_bytes(max_bytes)}.", max_bytes)
    if kind == "live":
        return NoFilm("The page shows a live stream, which does not end.")
    if kind == "refused":
        return BadAnswer("The page's server does not give out this video.")
    if kind == "certificate":
        return BadAnswer("The page's server has no valid certificate for its name.")
    if kind == "away":
        return Unreachable("The page's server does not answer.")
    return NoFilm()


def _checked(folder: Path, name: str) -> Path:
    """A regular file of the folder. Raises NoFilm: a child may say anything."""
    path = folder / Path(name).name
    if path.is_symlink() or not path.is_file():
        raise NoFilm
    return path


def _merged(
    ffmpeg: FFmpeg,
    paths: list[Path],
    folder: Path,
    title: str,
    cancelled: threading.Event,
    timeout_s: float,
) -> Film | None:
    """Picture and sound, which many sites keep apart, in one file; nothing is encoded."""
    into = folder / "merged.mkv"
    into.touch(mode=0o600)
    args = [*input_args(paths[0]), *input_args(paths[1])]
    args += ["-map", "0:v:0", "-map", "1:a:0", "-c", "copy", "-f", "matroska", "-y", file_url(into)]
    done = ffmpeg.run(args, cancelled=cancelled, timeout_s=timeout_s)
    if done.ended == "cancelled":
        return None
    if not done.is_success:
        raise NoFilm("The page's video could not be put together from its parts.")
    return Film(into, title)
