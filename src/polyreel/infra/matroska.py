"""Write Matroska: the front of a file, its cues, and blocks whose length is known before they are made.

Source: RFC 9559 (Matroska), and the codec mappings that draft-ietf-cellar-codec names. Times are
milliseconds.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from polyreel.infra.bmff import Malformed, children, find_box
from polyreel.infra.ebml import element, floating, text, unsigned, unsigned8, wide_header
from polyreel.infra.samples import SampleTable

__all__ = [
    "BLOCK_BYTES",
    "CLUSTER_BYTES",
    "Attachment",
    "Chapter",
    "Cue",
    "MkvTrack",
    "attachment_headers",
    "block_header",
    "cluster_header",
    "make_front",
    "text_block",
    "text_track",
    "track_of_init",
]

# What a block and a cluster take beside their data.
BLOCK_BYTES = 9
CLUSTER_BYTES = 22
_KEYFRAME = 0x80
_UNKNOWN_LANGUAGE = "und"
_PICTURE, _SOUND, _TEXT = 1, 2, 17
_LONGEST_NAME = 255
# Sample entry -> (codec id, box of what the decoder needs; empty: nothing).
_PICTURES = {
    b"avc1": ("V_MPEG4/ISO/AVC", b"avcC"),
    b"avc3": ("V_MPEG4/ISO/AVC", b"avcC"),
    b"hvc1": ("V_MPEGH/ISO/HEVC", b"hvcC"),
    b"hev1": ("V_MPEGH/ISO/HEVC", b"hvcC"),
    b"av01": ("V_AV1", b"av1C"),
    b"vp09": ("V_VP9", b""),
}


@dataclass(frozen=True)
class MkvTrack:
    """One track: `kind` as Matroska numbers it, `shape` its Video or Audio element."""

    kind: int
    codec: str
    private: bytes
    shape: bytes = b""
    frame_ns: int | None = None
    uid: int = 1
    language: str | None = None
    title: str | None = None
    is_default: bool = True
    is_forced: bool = False


@dataclass(frozen=True)
class Attachment:
    """A file of `size` bytes that goes along, such as a font."""

    name: str
    media_type: str
    size: int


@dataclass(frozen=True)
class Chapter:
    """A stretch of the film that has a name."""

    start_ms: int
    end_ms: int
    title: str


@dataclass(frozen=True)
class Cue:
    """A place to begin at: its time, its track's number from 1, its cluster's place from the first's."""

    time_ms: int
    track: int
    place: int


def track_of_init(init: bytes, samples: SampleTable) -> MkvTrack:
    """What the init segment of a stored track says of it. Raises Malformed, also for a codec that is
    none of ours.
    """
    try:
        trak = find_box(init, [b"moov", b"trak"], 0, len(init))
        _, tkhd_end = find_box(init, [b"tkhd"], *trak)
        stsd, end = find_box(init, [b"mdia", b"minf", b"stbl", b"stsd"], *trak)
        entry, first, last = children(init, stsd + 8, end)[0]
        if entry in _PICTURES:
            codec, box = _PICTURES[entry]
            private = b""
            if box:
                start, stop = find_box(init, [box], first + 78, last)
                private = init[start:stop]
            width, height = struct.unpack_from(">HH", init, first + 24)
            shown = [value >> 16 for value in struct.unpack_from(">II", init, tkhd_end - 8)]
            shape = _video(width, height, *shown)
            return MkvTrack(_PICTURE, codec, private, shape, _frame_ns(samples))
        if entry == b"mp4a":
            channels, rate = struct.unpack_from(">H6xI", init, first + 16)
            start, stop = find_box(init, [b"esds"], first + 28, last)
            shape = element(0xE1, floating(0xB5, rate / 65536), unsigned(0x9F, channels))
            return MkvTrack(_SOUND, "A_AAC", _decoder_config(init[start:stop]), shape)
    except (struct.error, IndexError) as error:
        raise Malformed(str(error)) from error
    raise Malformed(f"sample entry {entry!r}")


def text_track(ass_head: str | None) -> MkvTrack:
    """Subtitles: with the head of an ASS script, else plain text."""
    if ass_head is None:
        return MkvTrack(_TEXT, "S_TEXT/UTF8", b"")
    return MkvTrack(_TEXT, "S_TEXT/ASS", ass_head.encode("utf-8", "ignore"))


def _video(width: int, height: int, shown_width: int, shown_height: int) -> bytes:
    size = unsigned(0xB0, width) + unsigned(0xBA, height)
    progressive = unsigned(0x9A, 2)
    display = b""
    if shown_width and shown_height:
        display = unsigned(0x54B0, shown_width) + unsigned(0x54BA, shown_height)
    return element(0xE0, progressive, size, display)


def _frame_ns(samples: SampleTable) -> int | None:
    """The length of every frame, where they are all of one."""
    deltas = samples.deltas[:-1] or samples.deltas
    if not deltas or max(deltas) - min(deltas) > 1 or not sum(deltas):
        return None
    return round(sum(deltas) * 1_000_000_000 / samples.timescale / len(deltas))


def _decoder_config(esds: bytes) -> bytes:
    """The AudioSpecificConfig: the descriptor with tag 5 in those with tags 3 and 4."""
    at, end = 4, len(esds)
    while at < end:
        tag, at = esds[at], at + 1
        length = 0
        while esds[at] & 0x80:
            length, at = length << 7 | esds[at] & 0x7F, at + 1
        length, at = length << 7 | esds[at], at + 1
        if tag == 5:
            return esds[at : at + length]
        # Into these two, past what stands before their descriptors; over any other.
        at += {3: 3, 4: 13}.get(tag, length)
    raise Malformed("no AudioSpecificConfig")


def make_front(
    tracks: Sequence[MkvTrack],
    cues: Sequence[Cue],
    *,
    duration_ms: float,
    clusters_bytes: int,
    chapters: Sequence[Chapter] = (),
    attached_bytes: int = 0,
) -> bytes:
    """Everything before the first cluster: a file of known length whose index comes first. Behind the
    clusters come attachments, `attached_bytes` of them.
    """
    info = element(
        0x1549A966,
        unsigned(0x2AD7B1, 1_000_000),
        floating(0x4489, duration_ms),
        text(0x4D80, "Polyreel"),
        text(0x5741, "Polyreel"),
    )
    entries = [_track_entry(number, track) for number, track in enumerate(tracks, 1)]
    parts = [(0x1549A966, info), (0x1654AE6B, element(0x1654AE6B, *entries))]
    parts += [(0x1043A770, _chapters(chapters))] if chapters else []
    if cues:
        # Each takes the same room whatever it says.
        parts.append((0x1C53BB6B, _cues(cues, 0)))
    names = [name for name, _ in parts] + ([0x1941A469] if attached_bytes else [])
    places, at = [], len(_seek_head([(name, 0) for name in names]))
    for name, content in parts:
        places.append((name, at))
        at += len(content)
    if cues:
        parts[-1] = (0x1C53BB6B, _cues(cues, at))
    places += [(0x1941A469, at + clusters_bytes)] if attached_bytes else []
    segment = wide_header(0x18538067, at + clusters_bytes + attached_bytes)
    return b"".join([_ebml(), segment, _seek_head(places), *(content for _, content in parts)])


def _ebml() -> bytes:
    return element(
        0x1A45DFA3,
        unsigned(0x4286, 1),
        unsigned(0x42F7, 1),
        unsigned(0x42F2, 4),
        unsigned(0x42F3, 8),
        text(0x4282, "matroska"),
        unsigned(0x4287, 4),
        unsigned(0x4285, 2),
    )


def _seek_head(places: Sequence[tuple[int, int]]) -> bytes:
    seeks = [
        element(0x4DBB, element(0x53AB, name.to_bytes(4, "big")), unsigned8(0x53AC, place))
        for name, place in places
    ]
    return element(0x114D9B74, *seeks)


def _track_entry(number: int, track: MkvTrack) -> bytes:
    code = (track.language or _UNKNOWN_LANGUAGE).lower()
    is_plain = code.isascii() and code.replace("-", "").isalnum()
    is_old = is_plain and len(code) == 3 and code.isalpha()
    parts = [
        unsigned(0xD7, number),
        unsigned(0x73C5, track.uid),
        unsigned(0x83, track.kind),
        unsigned(0x88, int(track.is_default)),
        unsigned(0x55AA, int(track.is_forced)),
        unsigned(0x9C, 0),
        text(0x22B59C, code if is_old else _UNKNOWN_LANGUAGE),
    ]
    parts += [text(0x22B59D, code)] if is_plain and not is_old else []
    parts += [text(0x536E, track.title)] if track.title else []
    parts += [text(0x86, track.codec)]
    parts += [element(0x63A2, track.private)] if track.private else []
    parts += [unsigned(0x23E383, track.frame_ns)] if track.frame_ns else []
    return element(0xAE, *parts, track.shape)


def attachment_headers(attachments: Sequence[Attachment]) -> list[bytes]:
    """What stands before the data of each, one behind the other; the first begins the list of all."""
    headers = [_attached(number, one) for number, one in enumerate(attachments, 1)]
    total = sum(len(header) + one.size for header, one in zip(headers, attachments, strict=True))
    headers[:1] = [wide_header(0x1941A469, total) + header for header in headers[:1]]
    return headers


def _attached(number: int, one: Attachment) -> bytes:
    # A name for a file on somebody's disk: no path, nothing that does not print.
    bare = one.name.replace("\\", "/").rpartition("/")[2]
    name = "".join(char for char in bare if char.isprintable()).lstrip(".")[:_LONGEST_NAME]
    about = (
        text(0x466E, name or f"attachment-{number}")
        + text(0x4660, one.media_type)
        + unsigned(0x46AE, number)
        + wide_header(0x465C, one.size)
    )
    return wide_header(0x61A7, len(about) + one.size) + about


def _chapters(chapters: Sequence[Chapter]) -> bytes:
    atoms = [
        element(
            0xB6,
            unsigned(0x73C4, number),
            unsigned(0x91, chapter.start_ms * 1_000_000),
            unsigned(0x92, chapter.end_ms * 1_000_000),
            element(0x80, text(0x85, chapter.title), text(0x437C, _UNKNOWN_LANGUAGE)),
        )
        for number, chapter in enumerate(chapters, 1)
    ]
    return element(0x1043A770, element(0x45B9, *atoms))


def _cues(cues: Sequence[Cue], first_cluster: int) -> bytes:
    points = [
        element(
            0xBB,
            unsigned8(0xB3, cue.time_ms),
            element(0xB7, unsigned(0xF7, cue.track), unsigned8(0xF1, first_cluster + cue.place)),
        )
        for cue in cues
    ]
    return element(0x1C53BB6B, *points)


def cluster_header(time_ms: int, size: int) -> bytes:
    """The beginning of a cluster, CLUSTER_BYTES long; `size` is that of its blocks."""
    return wide_header(0x1F43B675, size + CLUSTER_BYTES - 12) + unsigned8(0xE7, time_ms)


def block_header(track: int, time_ms: int, size: int, *, is_sync: bool) -> bytes:
    """The beginning of a block, BLOCK_BYTES long; `time_ms` from the cluster's, 16 bits signed."""
    flags = _KEYFRAME if is_sync else 0
    return struct.pack(">BIBhB", 0xA3, 0x10000000 | size + 4, 0x80 | track, time_ms, flags)


def text_block(track: int, time_ms: int, duration_ms: int, data: bytes) -> bytes:
    """One subtitle, whole; `time_ms` from the cluster's, 16 bits signed."""
    block = struct.pack(">BhB", 0x80 | track, time_ms, 0) + data
    return element(0xA0, element(0xA1, block), unsigned(0x9B, duration_ms))
