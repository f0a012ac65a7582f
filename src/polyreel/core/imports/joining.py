"""A picture, its sounds and its subtitles become one file again, without being encoded again.

Segments are put together here, byte after byte, into files of our own: ffmpeg is never given a list, a
playlist or a name of the other server's.
"""

import os
import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from polyreel.core.imports.errors import PieceMissing
from polyreel.core.imports.sources import Pieces, Source
from polyreel.core.imports.transport import BASE_US, picture_start_us
from polyreel.core.imports.tree import Tree
from polyreel.core.ingest.disk import append_file
from polyreel.infra.ffmpeg import file_url, input_args, last_words
from polyreel.infra.probe import Probe, probe_file
from polyreel.infra.storage import Staged, Storage
from polyreel.infra.tools import Tools
from polyreel.kit.errors import Unsupported

__all__ = ["join"]

# As long as the muxer and a slow disk may take for the longest film.
_TIMEOUT_S = 6 * 3600.0
_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*", re.ASCII)
# By how much a film that came out may be shorter than its playlist says.
_SHORT_S, _SHORT_SHARE = 2.0, 0.02
_FARTHEST_US = 3600 * 1_000_000

Report = Callable[[float], None]


@dataclass(frozen=True)
class _Copied:
    """One track in a file of our own; `probe` None for subtitles, which are read by their kind."""

    part: Pieces
    path: Path
    probe: Probe | None


def join(tools: Tools, tree: Tree, source: Source, target: Path, report: Report) -> list[str]:
    """Write the film of `source` to `target`, which exists. `report` gets 0..1.

    Sounds and subtitles that cannot be used are left out: a sentence on each. Raises PieceMissing when
    the picture is not whole, or what comes out is not the film.
    """
    with ExitStack() as stack:
        copied, notes = _copy_all(stack, tools.storage, tree, source, lambda done: report(done / 2))
        picture = copied[0]
        ended = tools.ffmpeg.run(
            [*_inputs(copied), *_outputs(copied), file_url(target)],
            duration_ms=round(picture.part.duration_s * 1000) or None,
            progress=lambda done: report(0.5 + done / 2),
            timeout_s=_TIMEOUT_S,
        )
    if not ended.is_success:
        raise PieceMissing(f"it cannot be joined: {last_words(ended.stderr_tail)}")
    _check(target, copied)
    return notes


def _copy_all(
    stack: ExitStack, storage: Storage, tree: Tree, source: Source, report: Report
) -> tuple[list[_Copied], list[str]]:
    """The picture first; files that are gone when the stack is closed."""
    if source.picture is None:
        raise ValueError("there is nothing to join")
    copied, notes, done = [], [], 0
    for part in (source.picture, *source.others):
        staged = stack.enter_context(storage.create("imports/part"))
        try:
            for place in part.places:
                done += _append(tree, place, staged)
                report(min(1.0, done / max(1, source.size_bytes)))
            copied.append(_Copied(part, staged.path, _probed(part, staged.path)))
        except PieceMissing as error:
            if part is source.picture:
                raise
            notes.append(f"{part.track.kind} {part.track.name!r} is left out: {error}")
    return copied, notes


def _append(tree: Tree, place: tuple[str, ...], staged: Staged) -> int:
    with tree.opened(place) as fd:
        size = os.fstat(fd).st_size
        try:
            append_file(fd, staged.fd, size)
        except EOFError:
            raise PieceMissing(f"{'/'.join(place)} became shorter") from None
    return size


def _probed(part: Pieces, copy: Path) -> Probe | None:
    """What a picture or a sound is; subtitles are read by their own kind alone."""
    if part.track.kind == "subtitle":
        return None
    try:
        probe = probe_file(copy)
    except Unsupported as error:
        raise PieceMissing(f"{part.track.name}: {error.message}") from None
    streams = probe.video if part.track.kind == "picture" else probe.audio
    if not streams:
        raise PieceMissing(f"{part.track.name} has no {part.track.kind}")
    return probe


def _inputs(copied: Sequence[_Copied]) -> list[str]:
    """ffmpeg lets each input begin at 0: what began later, or earlier, than the picture is moved."""
    args = []
    begin_us = _begin_us(copied[0])
    for each in copied:
        kind = each.part.kind
        # Subtitles count from the film's start, which is the base of every transport stream.
        is_moved = kind != "file" and copied[0].part.kind == "mpegts"
        later_us = (_begin_us(each) - begin_us) if is_moved else 0
        options = ["-f", "mpegts"] if kind == "mpegts" else []
        if 1_000 < abs(later_us) < _FARTHEST_US:
            options += ["-itsoffset", f"{later_us / 1_000_000:.6f}"]
        if each.probe is None:
            args += _subtitle_input(each.path, kind, options)
        else:
            args += input_args(each.path, options=options)
    return args


def _begin_us(each: _Copied) -> int:
    if each.probe is None:
        return BASE_US
    if each.part.track.kind == "picture" and each.part.kind == "mpegts":
        return picture_start_us(each.path, each.probe.start_us)
    return each.probe.start_us


def _subtitle_input(copy: Path, kind: str, options: Sequence[str]) -> list[str]:
    guards = {
        "protocol_whitelist": "file",
        "format_whitelist": kind,
        "codec_whitelist": "ass,ssa" if kind == "ass" else "webvtt",
        "max_streams": "1",
    }
    args = [word for name, value in guards.items() for word in (f"-{name}", value)]
    return [*args, *options, "-f", kind, "-i", file_url(copy)]


def _outputs(copied: Sequence[_Copied]) -> list[str]:
    maps: list[str] = []
    facts: list[str] = []
    counts = {"sound": 0, "subtitle": 0}
    for number, each in enumerate(copied):
        track = each.part.track
        if track.kind == "picture":
            maps += ["-map", f"{number}:v:0"]
            # A whole file may hold its sound beside the picture.
            if not any(other.part.track.kind == "sound" for other in copied):
                maps += ["-map", f"{number}:a?"]
            continue
        letter = "a" if track.kind == "sound" else "s"
        stream = f"{letter}:{counts[track.kind]}"
        is_first = letter == "a" and not counts[track.kind]
        counts[track.kind] += 1
        maps += ["-map", f"{number}:{letter}:0"]
        facts += [f"-metadata:s:{stream}", f"title={_title(track.name)}"]
        facts += [f"-metadata:s:{stream}", f"language={_language(track.language)}"]
        facts += [f"-disposition:{stream}", "default" if is_first else "0"]
    common = ["-c", "copy", "-map_metadata", "-1", "-map_chapters", "-1", "-dn"]
    # Subtitles may be silent for minutes: nothing waits for them.
    return [*maps, *common, *facts, "-max_interleave_delta", "0", "-f", "matroska", "-y"]


def _title(text: str) -> str:
    """For a person; without what our own pipes are called by."""
    return "".join(letter for letter in text if letter.isprintable() and letter not in "{}")[:120]


def _language(text: str) -> str:
    return text.lower() if _LANGUAGE.fullmatch(text) else "und"


def _check(target: Path, copied: Sequence[_Copied]) -> None:
    """Exit code 0 proves nothing."""
    try:
        made = probe_file(target)
    except Unsupported as error:
        raise PieceMissing(f"it cannot be joined: {error.message}") from None
    wanted = sum(each.part.track.kind == "sound" for each in copied)
    if not made.video or len(made.audio) < wanted:
        raise PieceMissing("it cannot be joined: a picture or a sound was lost")
    probe = copied[0].probe
    wanted_s = copied[0].part.duration_s or (probe.duration_ms or 0 if probe else 0) / 1000
    came_s = (made.duration_ms or 0) / 1000
    if came_s < wanted_s - max(_SHORT_S, wanted_s * _SHORT_SHARE):
        raise PieceMissing(f"of {wanted_s:.0f} s of the picture only {came_s:.0f} s came out")
