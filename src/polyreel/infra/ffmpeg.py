"""Run ffmpeg on foreign files: what it may read, argument builders, progress and last words.

Builders are pure: options in, argument list out. Each input carries every guard of its own, because
ffmpeg's options bind to the input that follows them. Exit code 0 is necessary and never sufficient:
compare what came out with the probe.
"""

import os
import re
import shlex
import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import imageio_ffmpeg

from polyreel.infra import process
from polyreel.infra.accepted import GUARDS
from polyreel.infra.process import Finished, Limits
from polyreel.infra.reach import Reach

__all__ = [
    "FFmpeg",
    "default_limits",
    "file_url",
    "guard_args",
    "input_args",
    "last_words",
    "shown_command",
    "tells_of_damage",
]

# Neither time, nor frames, nor bytes came out for so long: it hangs.
STALL_S = 300.0


def default_limits() -> Limits:
    """What one ffmpeg may use. Address space grows with the cores: each thread reserves some."""
    cores = os.cpu_count() or 1
    return Limits(
        memory_bytes=(8 + cores) << 30,
        cpu_s=7 * 24 * 3600,
        file_bytes=1 << 40,
        open_files=256,
    )


def file_url(path: Path) -> str:
    """`file:/absolute`: no name is ever read as an option, a protocol or a pattern."""
    return f"file:{path.absolute()}"


def guard_args(guards: Mapping[str, str]) -> list[str]:
    """The arguments of guards; they bind to the input that follows them."""
    return [part for name, value in guards.items() for part in (f"-{name}", value)]


def input_args(
    path: Path,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    copyts: bool = False,
    threads: int = 0,
    options: Sequence[str] = (),
) -> list[str]:
    """The arguments of one foreign input, guards included, from `-copyts` to `-i file:...`.

    `start_s` seeks to the keyframe at or before it and drops what lies between when decoding;
    `end_s` stops reading. Both count from the start of the file's first stream without `copyts`,
    and are the file's own times with it. `options` go before `-i`; `threads` binds the decoders.
    """
    args = ["-copyts"] if copyts else []
    args += guard_args(GUARDS)
    if threads:
        args += ["-threads", str(threads)]
    if start_s is not None:
        args += ["-ss", f"{start_s:.6f}"]
    if end_s is not None:
        args += ["-to", f"{end_s:.6f}"]
    return [*args, *options, "-i", file_url(path)]


def shown_command(args: Sequence[str]) -> str:
    """A command line for people: guards and paths left out."""
    guards = {f"-{name}" for name in GUARDS}
    shown: list[str] = []
    skips = False
    for arg in args:
        if not skips and arg not in guards:
            shown.append("SOURCE" if arg.startswith("file:") else arg)
        skips = arg in guards and not skips
    return shlex.join(["ffmpeg", *shown])


class FFmpeg:
    """One ffmpeg executable: `exe` from the settings, or the packaged one when empty; and how far it gives
    way to other programs when no viewer waits for what it makes.
    """

    def __init__(self, exe: str = "", *, nice: int = 10) -> None:
        self.nice = nice
        self.exe = exe or imageio_ffmpeg.get_ffmpeg_exe()
        self._told: dict[tuple[str, ...], str] = {}

    @property
    def version(self) -> str:
        """Such as `n9.0.2-17-g2a571b6068`. Raises Unavailable when it cannot be started."""
        words = self._tell("-version").split()
        return words[2] if words[:2] == ["ffmpeg", "version"] else "unknown"

    def knows(self, encoder: str, word: str) -> bool:
        """Whether an encoder has an option, or a value for one, of this name: what it does not have ends
        the run. Raises Unavailable when ffmpeg cannot be started.
        """
        told = self._tell("-hide_banner", "-h", f"encoder={encoder}")
        return re.search(rf"^ +-?{re.escape(word)} ", told, re.MULTILINE) is not None

    def _tell(self, *args: str) -> str:
        """What it says of itself; asked once."""
        if args not in self._told:
            limits = Limits(cpu_s=10, file_bytes=0)
            done = process.run([self.exe, *args], limits=limits, timeout_s=20)
            self._told[args] = done.stdout.decode(errors="replace")
        return self._told[args]

    def run(  # noqa: PLR0913 - the one door to ffmpeg
        self,
        args: Sequence[str],
        *,
        sinks: Sequence[Callable[[bytes], None]] = (),
        duration_ms: int | None = None,
        progress: Callable[[float], None] | None = None,
        cancelled: threading.Event | None = None,
        timeout_s: float | None = None,
        limits: Limits | None = None,
        nice: int | None = None,
        folder: Path | None = None,
    ) -> Finished:
        """Run it to its end. `{sink0}`, ... in `args` are pipes read by `sinks`.

        `progress` gets 0..1 of `duration_ms`, the time that is to come out, about twice a second;
        count it from 0 when `-copyts` is on, too. Standard output is captured, one MiB at most.
        It can read the files that `args` name by `file:`, write to those of them that exist, and do
        anything in `folder`; nothing else is in its reach.
        Raises what a sink or `progress` raises, and Unavailable when ffmpeg cannot be started.
        """
        meter = _Meter(duration_ms, progress)
        argv = [self.exe, "-nostdin", "-hide_banner", "-nostats", "-v", "warning"]
        return process.run(
            [*argv, "-progress", "{progress}", *args],
            limits=limits or default_limits(),
            reach=_reach(args, folder),
            timeout_s=timeout_s,
            stall_s=STALL_S,
            sinks=sinks,
            on_progress=meter.read,
            cancelled=cancelled,
            nice=self.nice if nice is None else nice,
        )


def _reach(args: Sequence[str], folder: Path | None) -> Reach:
    reads: list[Path] = []
    writes = [folder] if folder else []
    for before, arg in pairwise(["", *args]):
        if arg.startswith("file:"):
            (reads if before == "-i" else writes).append(Path(arg.removeprefix("file:")))
    return Reach(reads=reads, writes=writes)


class _Meter:
    """Reads `-progress`, whose lines come every half second whether anything moved or not."""

    def __init__(self, duration_ms: int | None, progress: Callable[[float], None] | None) -> None:
        self._duration_us = (duration_ms or 0) * 1000
        self._progress = progress or _ignore
        self._last: dict[bytes, bytes] = {}

    def read(self, line: bytes) -> bool:
        name, _, value = line.partition(b"=")
        if name not in (b"frame", b"out_time_us", b"total_size") or self._last.get(name) == value:
            return False
        self._last[name] = value
        if name == b"out_time_us" and value.isdigit() and self._duration_us:
            self._progress(min(1.0, int(value) / self._duration_us))
        return True


def _ignore(_done: float) -> None:
    """Nobody wants to know."""


# The first that is found in the tail decides; what people can do something about comes first.
_KNOWN = (
    ("No space left on device", "The disk is full."),
    ("Cannot allocate memory", "It needs more memory than it may use."),
    ("File too large", "The result is larger than a file may be."),
    ("moov atom not found", "The file is incomplete: its index is missing."),
    ("not on whitelist", "Its format or codec is not one this server reads."),
    ("Picture size", "The picture is larger than this server reads."),
    ("does not contain any stream", "There is no picture and no sound in it."),
    ("libva-drm", "The driver for this hardware is not installed."),
    ("Unknown encoder", "This ffmpeg lacks the encoder."),
    ("Invalid data found", "The file is damaged, or not a video."),
)
# What a demuxer says of a hole, once; and decoders of each picture that suffered. The first and last
# picture of a recording often do, which is no damage.
_HOLES = ("invalid as first byte of an EBML", "could not find sync byte", "partial file")
_HURTS = ("corrupt decoded frame", "error while decoding", "Error submitting packet to decoder")
_FEW = 3
# Lines that only say that something before them went wrong.
_ECHOES = (
    "Last message repeated",
    "Nothing was written into output",
    "Conversion failed",
    "Error opening",
    "Error while opening",
    "Task finished with error",
    "Terminating thread",
    "Could not open encoder before EOF",
    "Error sending frames",
    "Error submitting",
)
_PREFIX = re.compile(r"^(\[[^\]]{1,80}\] ?){1,4}")
_PATH = re.compile(r"(file:)?/[^\s'\":]+")


def tells_of_damage(stderr_tail: bytes) -> bool:
    """True when ffmpeg met more than a torn edge in its input."""
    text = stderr_tail.decode(errors="replace")
    return any(sign in text for sign in _HOLES) or (
        sum(text.count(sign) for sign in _HURTS) >= _FEW
    )


def last_words(stderr_tail: bytes) -> str:
    """One short sentence for a person from what ffmpeg said last; without paths and addresses."""
    text = stderr_tail.decode(errors="replace")
    for sign, sentence in _KNOWN:
        if sign in text:
            return sentence
    lines = [_PREFIX.sub("", line.strip()).strip() for line in text.splitlines()]
    spoken = [line for line in lines if line and not line.startswith(_ECHOES)]
    if not spoken:
        return "It ended without saying why."
    words = _PATH.sub("the file", spoken[-1])
    words = "".join(char for char in words if char.isprintable())[:200].rstrip(" .:")
    return f"{words[:1].upper()}{words[1:]}."
