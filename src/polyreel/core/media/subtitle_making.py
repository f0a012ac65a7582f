"""Make the text tracks of a media: one pass over the file takes out every one of them, and the fonts.

Those that are pictures are another room's (ocr.py).
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from polyreel.core.library import Media, find_probe, get_media
from polyreel.core.media.look import find_media
from polyreel.core.media.subtitles import (
    Font,
    Subtitle,
    fail_subtitles,
    list_subtitles,
    publish_subtitles,
)
from polyreel.infra.ffmpeg import input_args, last_words
from polyreel.infra.jobs import Job
from polyreel.infra.probe import Chapter, Probe
from polyreel.infra.sfnt import font_family
from polyreel.infra.texts import MOST_BYTES
from polyreel.infra.tools import Tools
from polyreel.infra.tx import Tx
from polyreel.kit.errors import AppError, Unsupported
from polyreel.kit.units import format_cue_time

MOST_FONT = 32 << 20
MOST_FONTS = 64
_EMPTY = "This track holds no text."
_NICE = 5


@dataclass
class Sink:
    """Takes the bytes of one output; more than `most` of them are no subtitles."""

    most: int
    data: bytearray = field(default_factory=bytearray)

    def take(self, data: bytes) -> None:
        self.data += data
        if len(self.data) > self.most:
            raise Unsupported("A subtitle track or a font is too large.")


@dataclass
class _Wanted:
    """What one run of ffmpeg is to take out: tracks with their sinks, and fonts by their number."""

    texts: list[tuple[Subtitle, str, Sink, Sink]]
    fonts: list[tuple[int, str, Sink]]

    def sinks(self) -> list[Sink]:
        made = [sink for _, _, vtt, ass in self.texts for sink in (vtt, ass)]
        return [*made, *(sink for *_, sink in self.fonts)]

    def args(self, source: Path) -> list[str]:
        """Outputs in the order of the sinks; fonts come out while the file is opened."""
        dumps: list[str] = []
        for number, (attachment, _, _) in enumerate(self.fonts, 2 * len(self.texts)):
            dumps += [f"-dump_attachment:t:{attachment}", f"{{sink{number}}}"]
        args = input_args(source, options=dumps)
        for number, (track, codec, _, _) in enumerate(self.texts):
            stream = ["-map", f"0:{track.stream}"]
            args += [*stream, "-c:s", "webvtt", "-f", "webvtt", f"{{sink{2 * number}}}"]
            kept = "copy" if codec == "ass" else "ass"
            args += [*stream, "-c:s", kept, "-f", "ass", f"{{sink{2 * number + 1}}}"]
        if not self.texts:
            args += ["-t", "0", "-f", "null", "-"]
        return args


def make_subtitles(job: Job) -> None:
    """Take out every text track, the chapters and the fonts of a media, and list them."""
    tools: Tools = job.tools
    with tools.db.read() as tx:
        media = get_media(tx, job.args["media_id"])
        found = find_planned(tx, media.id)
    if found.probe is None:
        return
    planned, probe = found.texts, found.probe
    wanted = _wanted(planned, probe)
    complaint = _run(job, media, wanted) if wanted.sinks() else ""
    store = Store(tools, media, "subtitles")
    made: dict[int, tuple[str, str | None]] = {}
    failed: dict[int, str] = {}
    for track in planned:
        try:
            made[track.id] = _make(store, track, wanted, probe)
        except AppError as error:
            failed[track.id] = complaint or str(error)
    fonts = [
        Font(
            number,
            font_family(bytes(sink.data)) or name,
            store.put(f"font{number}", "bin", bytes(sink.data)),
            len(sink.data),
        )
        for number, (_, name, sink) in enumerate(wanted.fonts)
        if sink.data
    ]
    with job.write() as tx:
        publish_subtitles(tx, media.id, made, failed, fonts)
        job.complete(tx)
    store.forget_earlier()


def fail_making(tx: Tx, args: Mapping[str, Any], message: str) -> None:
    """The film is as good without them."""
    if find_media(tx, args) is not None:
        media_id = args["media_id"]
        fail_subtitles(tx, media_id, find_planned(tx, media_id).texts, message)


@dataclass(frozen=True)
class Planned:
    """What is to be made yet: texts and chapters that lie in the file as such, and pictures of texts.
    `probe` is None of a file that nobody looked at.
    """

    texts: Sequence[Subtitle]
    pictures: Sequence[Subtitle]
    probe: Probe | None


def find_planned(tx: Tx, media_id: int) -> Planned:
    """The tracks of a media that are still planned."""
    found = find_probe(tx, media_id)
    if found is None:
        return Planned([], [], None)
    probe = Probe.from_json(found)
    drawn = {stream.index for stream in probe.subtitles if not stream.is_text}
    planned = [item for item in list_subtitles(tx, media_id) if item.state == "planned"]
    return Planned(
        [item for item in planned if item.stream not in drawn],
        [item for item in planned if item.stream in drawn],
        probe,
    )


def _wanted(planned: Sequence[Subtitle], probe: Probe) -> _Wanted:
    streams = {stream.index: stream for stream in probe.subtitles}
    wanted = _Wanted([], [])
    for track in planned:
        if track.stream is not None:
            sinks = Sink(MOST_BYTES), Sink(MOST_BYTES)
            wanted.texts.append((track, streams[track.stream].codec, *sinks))
    for font in probe.fonts[:MOST_FONTS]:
        wanted.fonts.append((font.number, font.name, Sink(MOST_FONT)))
    return wanted


def _run(job: Job, media: Media, wanted: _Wanted) -> str:
    """Run ffmpeg; answers its last words when it failed. What came out may be whole all the same."""
    tools: Tools = job.tools
    with tools.storage.materialise(media.source_key) as source:
        done = tools.ffmpeg.run(
            wanted.args(source),
            sinks=[sink.take for sink in wanted.sinks()],
            cancelled=job.cancelled,
            nice=_NICE,
        )
    job.check()
    return "" if done.is_success else last_words(done.stderr_tail)


def _make(store: "Store", track: Subtitle, wanted: _Wanted, probe: Probe) -> tuple[str, str | None]:
    if track.kind == "chapters":
        return store.put(track.uid, "vtt", chapters_track(probe.chapters).encode()), None
    _, _, vtt, ass = next(each for each in wanted.texts if each[0].id == track.id)
    return keep_texts(store, track, bytes(vtt.data), bytes(ass.data))


def keep_texts(store: "Store", track: Subtitle, vtt: bytes, ass: bytes) -> tuple[str, str]:
    """Store both files of a track; answers their keys. Raises Unsupported when there is no text."""
    if b"-->" not in vtt and b"Dialogue:" not in ass:
        raise Unsupported(_EMPTY)
    return store.put(track.uid, "vtt", vtt), store.put(track.uid, "ass", ass)


def chapters_track(chapters: Sequence[Chapter]) -> str:
    """Chapters as a WebVTT track, each titled cue as long as the chapter."""
    cues = ["WEBVTT\n"]
    for number, chapter in enumerate(chapters, 1):
        # A line break ends the text, an arrow would begin another cue.
        title = " ".join((chapter.title or f"Chapter {number}").split()).replace("-->", "->")
        title = title.replace("&", "&amp;").replace("<", "&lt;")
        end_ms = max(chapter.end_ms, chapter.start_ms + 1)
        cues.append(
            f"{format_cue_time(max(0, chapter.start_ms))} --> {format_cue_time(end_ms)}\n{title}\n"
        )
    return "\n".join(cues)


class Store:
    """Files of one attempt of one kind of job, under names that no other attempt has."""

    def __init__(self, tools: Tools, media: Media, folder: str) -> None:
        self._storage = tools.storage
        self._folder = f"media/{media.uid[:2]}/{media.uid}/{folder}"
        self._token = secrets.token_hex(6)
        self._earlier = [file.key for file in self._storage.list(self._folder)]

    def put(self, name: str, suffix: str, data: bytes) -> str:
        """Write a file durably; answers its key."""
        key = f"{self._folder}/{name}-{self._token}.{suffix}"
        with self._storage.create(key) as staged:
            staged.path.write_bytes(data)
            staged.commit()
        return key

    def forget_earlier(self) -> None:
        """Delete what was there before; listed before ours were made."""
        for key in self._earlier:
            self._storage.delete(key)
