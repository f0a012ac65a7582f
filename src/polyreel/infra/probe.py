"""What a file is: its streams, times, colours, chapters and keyframes, read in a child process.

A broken or hostile file may crash libav: it crashes `infra.probing`, never the server.
"""

import contextlib
import os
import sys
import threading
from collections import deque
from pathlib import Path

import msgspec

import polyreel
from polyreel import settings
from polyreel.infra import process
from polyreel.infra.process import Held, Limits
from polyreel.infra.reach import sandbox
from polyreel.kit.errors import Unavailable, Unsupported

__all__ = [
    "AudioStream",
    "Chapter",
    "NotMedia",
    "Probe",
    "Prober",
    "SubtitleStream",
    "VideoStream",
    "probe_file",
]

LIMITS = Limits(memory_bytes=4 << 30, cpu_s=60, file_bytes=0, open_files=64)
ANSWER_BYTES = 64 << 20
HEAD_BYTES = 4096
# What a probe begins goes before the next child: it is what makes a film playable.
REST_S = 2.0


class NotMedia(Unsupported):
    """Not a file with a picture or sound that this server reads; the message says what it is."""

    default = "This is not a video that the server understands."


class Chapter(msgspec.Struct, frozen=True):
    """One chapter; times are the container's own, from its start."""

    start_ms: int
    end_ms: int
    title: str | None


class VideoStream(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One picture track, or one cover (`attached_picture`). Empty names mean: the file is silent.

    `width` and `height` are before rotation and aspect; `rotation` is what a player turns it by,
    clockwise: 0, 90, 180 or 270. `fps` is the average; `max_fps` libav's guess of the finest steady
    rate. `chroma` is `420`, `422`, `444`, `400`, `rgb`... `field_order` is `progressive`, `tt`, `bb`,
    `tb`, `bt` or empty. `start_us` counts from the container's start.

    `keyframes_us` are the presentation times of the keyframes, ascending, from the container's start,
    as ffmpeg shows them without `-copyts`; a first one below 0 lies before the edit list's start.
    Only the main picture of a container with `has_index` has them. `keyframe_bytes` are the bytes of
    this track from each keyframe to the next; empty where the index has no sizes (Matroska).
    `idr_checked`: every sampled keyframe was an IDR (H.264, HEVC; for others: was a keyframe).
    `parameter_sets` counts the H.264 SPS of the header; `codec_string` is RFC 6381's, H.264 only.
    """

    index: int
    codec: str
    profile: str | None
    level: int | None
    width: int
    height: int
    sar_num: int
    sar_den: int
    rotation: int
    pix_fmt: str
    bit_depth: int
    chroma: str
    fps: float | None
    max_fps: float | None
    is_vfr: bool
    frames: int | None
    field_order: str
    color_transfer: str
    color_primaries: str
    color_space: str
    color_range: str
    dolby_vision_profile: int | None
    attached_picture: bool
    default: bool
    language: str | None
    title: str | None
    bit_rate_bps: int | None
    start_us: int | None
    duration_us: int | None
    has_b_frames: bool
    parameter_sets: int
    codec_string: str
    keyframes_us: list[int]
    keyframe_bytes: list[int]
    idr_checked: bool

    @property
    def is_interlaced(self) -> bool:
        """The header says fields; files that are silent pass for progressive."""
        return self.field_order not in ("", "progressive")


class AudioStream(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One sound track. `layout` is libav's name, such as `5.1(side)`; `codec_string` AAC only."""

    index: int
    codec: str
    profile: str | None
    sample_rate: int
    channels: int
    layout: str
    language: str | None
    title: str | None
    default: bool
    bit_rate_bps: int | None
    start_us: int | None
    duration_us: int | None
    codec_string: str


class SubtitleStream(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One subtitle track; `is_text` or pictures."""

    index: int
    codec: str
    language: str | None
    title: str | None
    default: bool
    forced: bool
    is_text: bool


class FontFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A font among the attachments; `number` counts all attachments, `name` is the file's own word."""

    number: int
    name: str


class Probe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One media file. Stream indexes are libav's; streams in codecs we do not read are left out.

    `duration_ms` is None where the container does not know it. `start_us` is the container's first
    time stamp, which ffmpeg takes off all times unless `-copyts`. `has_index`: the keyframes of the
    whole main picture are known. `is_truncated`: by its own account the file was longer.
    `unsized_pictures`: tracks whose picture is larger than is read, or tells no size.
    """

    format: str
    duration_ms: int | None
    size_bytes: int
    bit_rate_bps: int | None
    start_us: int
    has_index: bool
    is_truncated: bool
    title: str | None
    chapters: list[Chapter]
    video: list[VideoStream]
    audio: list[AudioStream]
    subtitles: list[SubtitleStream]
    attachments: int
    unsized_pictures: int = 0
    fonts: list[FontFile] = []

    def to_json(self) -> bytes:
        """For keeping."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, data: bytes | str) -> "Probe":
        """What `to_json` made. Raises msgspec.ValidationError for anything else."""
        return msgspec.json.decode(data, type=cls)


class _Refused(msgspec.Struct):
    refused: str | None = None


class Prober:
    """Describes files. Loading libav is most of what a description costs: once started, one child that
    has done so waits for the next file.
    """

    def __init__(self) -> None:
        self._ready: deque[Held] = deque(maxlen=1)
        self._is_taken = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Keep a child ready from now on."""
        self._is_taken.set()
        # A thread that stays: a child dies with the one that started it.
        self._thread = threading.Thread(target=self._keep_one, name="prober", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the child that waits; a film that one still works on is probed anew."""
        self._closing.set()
        self._is_taken.set()
        if self._thread is not None:
            self._thread.join()
        if held := self._take():
            held.end()

    def probe(self, path: Path) -> Probe:
        """What `probe_file` tells, sooner when a child is ready."""
        held = self._take()
        try:
            return probe_file(path, held=held if held and held.is_waiting else None)
        finally:
            if held:
                held.end()

    def _take(self) -> Held | None:
        try:
            return self._ready.pop()
        except IndexError:
            return None
        finally:
            self._is_taken.set()

    def _keep_one(self) -> None:
        rest_s = 0.0
        while self._is_taken.wait():
            self._is_taken.clear()
            if self._closing.wait(rest_s):
                return
            rest_s = REST_S
            if not self._ready:
                # Without one, a probe starts its own, and tells what is wrong.
                with contextlib.suppress(Unavailable, OSError):
                    self._ready.append(_hold())


def _hold() -> Held:
    root = str(Path(polyreel.__file__).parents[1])
    options = [] if sandbox.is_on else ["--open"]
    return process.hold(
        [sys.executable, "-P", "-B", "-m", "polyreel.infra.probing", *options],
        limits=LIMITS,
        capture_bytes=ANSWER_BYTES,
        env={**settings.child_environment(None), "PYTHONPATH": root},
    )


def probe_file(path: Path, *, timeout_s: float = 30.0, held: Held | None = None) -> Probe:
    """Describe a file of a user; 0.2 s for an hour of MP4, 0.1 s by a child that was `held` for it.

    Raises NotMedia for what is no video or sound file, Unsupported for one that cannot be read,
    Unavailable when the child cannot be started.
    """
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise NotMedia("The file is empty.")
    word = os.fsencode(path.absolute())
    done = (held or _hold()).finish(word, timeout_s=timeout_s)
    if held is not None and done.returncode < 0 and done.ended == "exited":
        # Somebody may have killed it while it waited, which is no fault of the file's.
        done = _hold().finish(word, timeout_s=timeout_s)
    if done.ended != "exited":
        raise Unsupported("The file is damaged, or made to be slow: reading it did not end.")
    if done.returncode != 0:
        raise Unsupported("The file is damaged: its description cannot be read.")
    if msgspec.json.decode(done.stdout, type=_Refused).refused:
        raise NotMedia(_what_it_is(head))
    probe = Probe.from_json(done.stdout)
    if probe.unsized_pictures and all(stream.attached_picture for stream in probe.video):
        raise Unsupported("The picture is larger than this server takes, or its size is damaged.")
    if not probe.audio and all(stream.attached_picture for stream in probe.video):
        raise NotMedia("There is no picture and no sound in it that the server can read.")
    return msgspec.structs.replace(probe, size_bytes=size_bytes)


# How files begin that people upload by mistake, and what to tell them.
_HEADS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "This is a ZIP archive or an office document, not a video."),
    (b"Rar!", "This is a RAR archive, not a video."),
    (b"7z\xbc\xaf", "This is a 7-Zip archive, not a video."),
    (b"\x1f\x8b", "This is a gzip archive, not a video."),
    (b"%PDF", "This is a PDF document, not a video."),
    (b"\x89PNG", "This is a picture, not a video."),
    (b"\xff\xd8\xff", "This is a picture, not a video."),
    (b"GIF8", "This is a picture, not a video."),
    (b"#EXTM3U", "This is a playlist: it only names a video. Upload the video itself."),
    (b"ffconcat", "This is a playlist: it only names a video. Upload the video itself."),
    (b"v=0", "This is a session description: it only names a video. Upload the video itself."),
    (b"#!", "This is a script, not a video."),
    (b"MZ", "This is a program, not a video."),
    (b"\x7fELF", "This is a program, not a video."),
)
_CUT_SHORT = "The file is incomplete or damaged: its index cannot be read."


def _what_it_is(head: bytes) -> str:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for sign, sentence in _HEADS:
        if start.startswith(sign):
            return sentence
    lower = start[:512].lower()
    if b"<mpd" in lower:
        return "This is a playlist: it only names a video. Upload the video itself."
    if lower.startswith((b"<!doctype html", b"<html", b"<head")):
        return "This is a web page, not a video."
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free") or head[:4] == b"\x1aE\xdf\xa3":
        return _CUT_SHORT
    try:
        text = head[: HEAD_BYTES - 4].decode()
    except UnicodeDecodeError:
        return NotMedia.default
    return "This is a text file, not a video." if "\0" not in text else NotMedia.default
