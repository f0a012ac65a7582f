"""Make the text tracks of a media: one pass over the file takes out every one of them, and the fonts."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from polyreel.core.library import Media, find_probe, get_media
from polyreel.core.media.look import find_media
from polyreel.core.media.ocr import read_pictures
from polyreel.core.media.sidecars import convert
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

MOST_PICTURES = 256 << 20
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
    pictures: list[tuple[Subtitle, Sink]]
    fonts: list[tuple[int, str, Sink]]

    def sinks(self) -> list[Sink]:
        made = [sink for _, _, vtt, ass in self.texts for sink in (vtt, ass)]
        return [*made, *(sink for _, sink in self.pictures), *(sink for *_, sink in self.fonts)]

    def args(self, source: Path) -> list[str]:
        """Outputs in the order of the sinks; fonts come out while the file is opened."""
        first_picture = 2 * len(self.texts)
        first_font = first_picture + len(self.pictures)
        dumps: list[str] = []
        for number, (attachment, _, _) in enumerate(self.fonts, first_font):
            dumps += [f"-dump_attachment:t:{attachment}", f"{{sink{number}}}"]
        args = input_args(source, options=dumps)
        for number, (track, codec, _, _) in enumerate(self.texts):
            stream = ["-map", f"0:{track.stream}"]
            args += [*stream, "-c:s", "webvtt", "-f", "webvtt", f"{{sink{2 * number}}}"]
            kept = "copy" if codec == "ass" else "ass"
            args += [*stream, "-c:s", kept, "-f", "ass", f"{{sink{2 * number + 1}}}"]
        for number, (track, _) in enumerate(self.pictures, first_picture):
            args += ["-map", f"0:{track.stream}", "-c:s", "copy", "-f", "sup", f"{{sink{number}}}"]
        if not self.texts and not self.pictures:
            args += ["-t", "0", "-f", "null", "-"]
        return args


def make_subtitles(job: Job) -> None:
    """Take out every text track, the chapters and the fonts of a media, and list them."""
    tools: Tools = job.tools
    with tools.db.read() as tx:
        media = get_media(tx, job.args["media_id"])
        found = find_probe(tx, media.id)
        planned = [item for item in list_subtitles(tx, media.id) if item.state == "planned"]
    if found is None:
        return
    probe = Probe.from_json(found)
    wanted = _wanted(planned, probe)
    complaint = _run(job, media, wanted) if wanted.sinks() else ""
    store = _Store(tools, media)
    made: dict[int, tuple[str, str | None]] = {}
    failed: dict[int, str] = {}
    for track in planned:
        try:
            made[track.id] = _make(job, store, track, wanted, probe)
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
        fail_subtitles(tx, args["media_id"], message)


def _wanted(planned: Sequence[Subtitle], probe: Probe) -> _Wanted:
    streams = {stream.index: stream for stream in probe.subtitles}
    wanted = _Wanted([], [], [])
    for track in planned:
        if track.stream is None:
            continue
        stream = streams[track.stream]
        if stream.is_text:
            sinks = Sink(MOST_BYTES), Sink(MOST_BYTES)
            wanted.texts.append((track, stream.codec, *sinks))
        else:
            wanted.pictures.append((track, Sink(MOST_PICTURES)))
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


def _make(
    job: Job, store: "_Store", track: Subtitle, wanted: _Wanted, probe: Probe
) -> tuple[str, str | None]:
    if track.kind == "chapters":
        return store.put(track.uid, "vtt", chapters_track(probe.chapters).encode()), None
    for text, codec, vtt, ass in wanted.texts:
        if text.id == track.id:
            return _keep(store, track, codec, bytes(vtt.data), bytes(ass.data))
    pictures = next(sink for one, sink in wanted.pictures if one.id == track.id)
    vtt_text, ass_text = convert(job.tools, read_pictures(job.tools, bytes(pictures.data)))
    return _keep(store, track, "srt", vtt_text, ass_text)


def _keep(
    store: "_Store", track: Subtitle, codec: str, vtt: bytes, ass: bytes
) -> tuple[str, str | None]:
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


class _Store:
    """Files of one attempt, under names that no other attempt has; earlier ones go at the end."""

    def __init__(self, tools: Tools, media: Media) -> None:
        self._storage = tools.storage
        self._folder = f"media/{media.uid[:2]}/{media.uid}/subtitles"
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
