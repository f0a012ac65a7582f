"""Produce parts: run one ffmpeg whose pipes end in packagers, and list fragments as they are whole."""

import errno
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from polyreel.core.library import Media, get_media
from polyreel.core.media.package import AudioPackager, Cuts, Packager, VideoPackager
from polyreel.core.media.renditions import (
    Part,
    Rendition,
    begin_part,
    publish_part,
    set_part_progress,
)
from polyreel.core.media.states import settle
from polyreel.infra.ffmpeg import last_words, shown_command, tells_of_damage
from polyreel.infra.jobs import Job, JobCancelled
from polyreel.infra.process import Finished
from polyreel.infra.storage import Growing
from polyreel.infra.tools import Tools
from polyreel.kit.errors import Busy, NotFound, Unavailable, Unsupported

# How long finished fragments may wait for the transaction that lists them: not at all at the start,
# when a viewer waits for them; a second later, when nobody does.
PATIENCE_LATER_S = 1.0
PATIENCE_S = (0.0, 0.05, 0.1, 0.2, 0.4, PATIENCE_LATER_S)
LEAST_PROGRESS = 0.01
# So many listings of new fragments hold enough of a film to begin with.
BEGINNING_LISTINGS = 2
# How often a run asks whether its film is still wanted.
ASK_S = 1.0


@dataclass(frozen=True)
class Target:
    """One part to fill."""

    rendition: Rendition
    part: Part


@dataclass(frozen=True)
class Produced:
    """What one run made: packagers in the order of the targets; `is_hurt` when ffmpeg met damage in the
    file.
    """

    packagers: Sequence[Packager]
    is_hurt: bool


@dataclass
class _Output:
    target: Target
    key: str
    file: BinaryIO
    growing: Growing
    packager: Packager
    listed: int = 0

    @property
    def is_new(self) -> bool:
        """True when there is more than was listed; what is not promised is listed when whole."""
        return self.target.rendition.promised and len(self.packager.fragments) > self.listed


def produce(  # noqa: PLR0913 - the one way to make a part
    job: Job,
    media: Media,
    targets: Sequence[Target],
    cuts: Cuts,
    make_args: Callable[[Path], list[str]],
    *,
    duration_ms: int | None,
    nice: int | None = None,
    rest_s: float = 0,
) -> Produced:
    """Fill every target with one run of ffmpeg, which rests for `rest_s` once its beginning is listed.

    Fragments are listed while the run goes on; when this returns the files are synced, but it is
    the caller that ends the parts, once it has compared what came out with what should have.
    Raises Unsupported with ffmpeg's last words, JobCancelled, LeaseLost.
    """
    tools: Tools = job.tools
    with ExitStack() as stack:
        earlier = _list_earlier(tools, media, targets)
        outputs = [_open(tools, media, target, cuts, stack) for target in targets]
        with job.write() as tx:
            for output in outputs:
                begin_part(tx, output.target.part.id, output.key)
        for key in earlier:
            tools.storage.delete(key)
        announcer = _Announcer(job, media, outputs, rest_s)
        source = stack.enter_context(tools.storage.materialise(media.source_key))
        stack.enter_context(_full_disk_is_waited_for())
        args = make_args(source)
        done = tools.ffmpeg.run(
            args,
            sinks=[_sink(output, announcer) for output in outputs],
            duration_ms=duration_ms,
            progress=announcer.progress,
            cancelled=job.cancelled,
            nice=nice,
        )
        job.account(cpu_s=done.cpu_s, command=shown_command(args))
        job.check()
        for output in outputs:
            output.packager.finish()
            output.file.flush()
            output.growing.finish()
        _check(done, outputs)
        announcer.announce()
    return Produced(
        packagers=[output.packager for output in outputs],
        is_hurt=tells_of_damage(done.stderr_tail),
    )


@contextmanager
def _full_disk_is_waited_for() -> Iterator[None]:
    """A full disk is not the film's fault: the job is tried again later."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Unavailable("space on the disk") from error


def _list_earlier(tools: Tools, media: Media, targets: Sequence[Target]) -> list[str]:
    """What attempts before this one left, also those that were killed before a row named their file.

    Listed before our own file is made and deleted once our fence has held, so that nothing of an
    attempt after ours can be among it.
    """
    found: list[str] = []
    for target in targets:
        folder, stem = _place(media, target)
        listed = tools.storage.list(folder)
        found += [file.key for file in listed if file.key.startswith(f"{folder}/{stem}-")]
    return found


def _place(media: Media, target: Target) -> tuple[str, str]:
    """(folder, beginning of the name) of every file that was ever made for a part."""
    folder = f"media/{media.uid[:2]}/{media.uid}/{target.rendition.name}"
    return folder, f"{target.part.number:04d}"


def _open(tools: Tools, media: Media, target: Target, cuts: Cuts, stack: ExitStack) -> _Output:
    # A name that no other attempt has: what a dead one still writes is never read.
    folder, stem = _place(media, target)
    key = f"{folder}/{stem}-{secrets.token_hex(6)}.mp4"
    growing = stack.enter_context(tools.storage.open_growing(key))
    file = stack.enter_context(os.fdopen(os.dup(growing.fd), "wb", buffering=1 << 20))
    kind = VideoPackager if target.rendition.kind == "video" else AudioPackager
    packager = kind(file, cuts, first=target.part.first_fragment)
    return _Output(target, key, file, growing, packager)


def _sink(output: _Output, announcer: "_Announcer") -> Callable[[bytes], None]:
    def take(data: bytes) -> None:
        output.packager.feed(data)
        announcer.look()

    return take


def _check(done: Finished, outputs: Sequence[_Output]) -> None:
    if done.ended == "exited" and done.returncode < 0:
        # Killed from outside, for memory perhaps: that is no fault of the file's, until it is thrice.
        raise Busy("The encoder was stopped before its end.")
    if done.ended == "timed_out":
        # Others may have had the whole processor.
        raise Busy("The encoder stood still for minutes.")
    if not done.is_success:
        raise Unsupported(last_words(done.stderr_tail))
    if any(output.packager.init is None or not output.packager.fragments for output in outputs):
        raise Unsupported("Nothing could be decoded. " + last_words(done.stderr_tail))


class _Announcer:
    """Lists new fragments, in transactions that get rarer as the film goes on."""

    def __init__(self, job: Job, media: Media, outputs: Sequence[_Output], rest_s: float) -> None:
        self._job = job
        self._rest_s = rest_s
        self._media = media
        self._outputs = outputs
        self._announced = 0
        self._last = 0.0
        self._progress = 0.0
        self._progress_listed = 0.0
        self._asked = time.monotonic()

    def look(self) -> None:
        """Announce if there is something new and it waited long enough; nobody waits for progress."""
        patience = PATIENCE_LATER_S
        if any(output.is_new for output in self._outputs):
            patience = PATIENCE_S[min(self._announced, len(PATIENCE_S) - 1)]
        elif self._progress - self._progress_listed < LEAST_PROGRESS:
            return
        if time.monotonic() - self._last < patience:
            return
        was_beginning = self._announced < BEGINNING_LISTINGS
        self.announce()
        if was_beginning and self._announced == BEGINNING_LISTINGS:
            # Nobody reads the pipe meanwhile, which holds its writer up.
            self._job.cancelled.wait(self._rest_s)

    def progress(self, done: float) -> None:
        """Called by ffmpeg's meter, about twice a second."""
        self._progress = done
        self._job.report(done)
        if time.monotonic() - self._asked >= ASK_S:
            self._asked = time.monotonic()
            self._check_wanted()
        self.look()

    def _check_wanted(self) -> None:
        """Raises JobCancelled once the media has been deleted: nobody waits for its end."""
        with self._job.tools.db.read() as tx:
            try:
                get_media(tx, self._media.id)
            except NotFound:
                raise JobCancelled from None

    def announce(self) -> None:
        """One transaction for all outputs."""
        new = [output for output in self._outputs if output.is_new]
        with self._job.write() as tx:
            for output in new:
                packager = output.packager
                publish_part(tx, output.target.part.id, packager.init, packager.fragments)
                output.listed = len(packager.fragments)
            for output in self._outputs:
                set_part_progress(tx, output.target.part.id, self._progress)
            settle(tx, self._media.id)
        self._announced += bool(new)
        self._progress_listed = self._progress
        self._last = time.monotonic()
