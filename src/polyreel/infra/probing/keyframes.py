"""When the keyframes of a picture track are shown, from the file's own index wherever it has one."""

import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field
from operator import sub
from typing import Any

from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Discard

from polyreel.infra.probing.bitstream import declared_bytes, is_idr, nal_length_bytes

__all__ = ["Keyframes", "read_keyframes"]

INDEXED = ("mov", "matroska", "avi")
SAMPLES = 8
READ_ALL_S = 10.0
# An index with fewer entries than one in so many seconds is none.
SPARSE_US = 30_000_000
# Without a usable index, a Matroska file up to this size is read through instead.
SMALL_BYTES = 32 << 20
KEYFRAME, DISCARDED = 1, 2


@dataclass
class Keyframes:
    """Times in microseconds from the container's start, ascending; bytes from each to the next."""

    has_index: bool = False
    is_truncated: bool = False
    is_vfr: bool = False
    idr_checked: bool = False
    times_us: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)


@dataclass
class _Index:
    stamps: list[int]
    sizes: list[int]
    is_vfr: bool


def read_keyframes(container: InputContainer, stream: Any, codec: str, head: bytes) -> Keyframes:
    """Find the keyframes of one picture track; leaves the container at some other place.

    `head` are the file's first bytes. What is looked at: the index, and at most SAMPLES packets (every keyframe only where the time
    from decoding to showing differs among the samples).
    """
    family = container.format.name.split(",")[0]
    if family not in INDEXED:
        return Keyframes()
    for other in container.streams:
        other.discard = Discard.default if other is stream else Discard.all
    if family == "matroska":
        _load_cues(container, stream)
    is_short = declared_bytes(head) > container.size
    found = Keyframes(is_truncated=is_short or _is_truncated(container))
    index = _read_index(stream)
    found.is_vfr = index.is_vfr
    if found.is_truncated or not _is_whole(container, stream, family, index.stamps):
        return found
    shown = _shown(container, stream, codec, index, found)
    if shown is None:
        return found
    unit = stream.time_base * 1_000_000
    start = container.start_time or 0
    order = sorted(range(len(shown)), key=shown.__getitem__)
    found.times_us = [round(shown[at] * unit) - start for at in order]
    found.sizes = [index.sizes[at] for at in order] if any(index.sizes) else []
    found.has_index = True
    return found


def _load_cues(container: InputContainer, stream: Any) -> None:
    """Cues are read at the first seek. A small file without any is read to its end instead."""
    _seek(container, container.start_time or 0)
    duration = container.duration or 0
    if len(stream.index_entries) < duration / SPARSE_US and container.size <= SMALL_BYTES:
        _seek(container, (container.start_time or 0) + duration)


def _seek(container: InputContainer, at: int) -> None:
    with contextlib.suppress(FFmpegError):
        container.seek(at)


def _read_index(stream: Any) -> _Index:
    every: list[int] = []
    stamps: list[int] = []
    sizes: list[int] = []
    for entry in stream.index_entries:
        stamp = entry.timestamp
        every.append(stamp)
        if entry.flags & KEYFRAME:
            stamps.append(stamp)
            sizes.append(0)
        if sizes:
            sizes[-1] += entry.size
    # Only an index of every frame tells.
    steps = Counter(map(sub, every[1:], every)) if len(every) > 2 * len(stamps) else Counter()
    usual = steps.most_common(1)[0][0] if steps else 0
    odd = sum(count for step, count in steps.items() if abs(step - usual) > max(1, usual / 10))
    return _Index(stamps, sizes, odd > len(every) / 100)


def _is_truncated(container: InputContainer) -> bool:
    for stream in container.streams:
        entries = stream.index_entries
        if len(entries) and entries[-1].pos + entries[-1].size > container.size:
            return True
    return False


def _is_whole(container: InputContainer, stream: Any, family: str, stamps: list[int]) -> bool:
    if not stamps:
        return False
    if family == "mov" and not stream.frames:
        # Fragmented: the index grows with reading, so it must reach the end of the file.
        last = stream.index_entries[-1]
        return bool(container.size - last.pos - last.size <= max(1 << 20, container.size // 50))
    duration_us = container.duration
    # AVI keeps the order of frames and no times of showing.
    if duration_us is None or (family == "avi" and stream.codec_context.has_b_frames):
        return False
    last_us = float(stamps[-1] * stream.time_base * 1_000_000) - (container.start_time or 0)
    dense = len(stamps) >= duration_us / SPARSE_US
    return family == "mov" or (dense and duration_us - last_us <= max(SPARSE_US, duration_us / 10))


def _shown(
    container: InputContainer, stream: Any, codec: str, index: _Index, found: Keyframes
) -> list[int] | None:
    """The presentation times of the index's keyframes; None when they cannot be told."""
    stamps = index.stamps
    length_bytes = nal_length_bytes(codec, bytes(stream.codec_context.extradata or b""))
    found.idr_checked = True
    delays: set[int] = set()
    step = max(1, (len(stamps) - 1) // (SAMPLES - 1))
    for stamp in {*stamps[::step], stamps[-1]}:
        packet = _packet_at(container, stream, stamp)
        if packet is None or packet.pts is None:
            return None
        delays.add(packet.pts - stamp)
        if codec in ("h264", "hevc"):
            found.idr_checked &= is_idr(codec, bytes(packet), length_bytes)
    if len(delays) == 1 and not (index.is_vfr and stream.codec_context.has_b_frames):
        delay = delays.pop()
        return [stamp + delay for stamp in stamps]
    return _read_all(container, stream, stamps)


def _read_all(container: InputContainer, stream: Any, stamps: list[int]) -> list[int] | None:
    give_up = time.monotonic() + READ_ALL_S
    shown = []
    for stamp in stamps:
        packet = _packet_at(container, stream, stamp)
        if packet is None or packet.pts is None or time.monotonic() > give_up:
            return None
        shown.append(packet.pts)
    return shown


def _packet_at(container: InputContainer, stream: Any, stamp: int) -> Any:
    """The keyframe's packet whose index entry has this time stamp; None when it is not there."""
    # MP4's seek takes times of showing and moves them back by the usual delay before it looks for
    # times of decoding, which `stamp` is: so look forward from there.
    is_decoding_time = container.format.name.startswith("mov")
    try:
        container.seek(stamp, stream=stream, backward=not is_decoding_time)
        packet = next(container.demux(stream), None)
    except FFmpegError:
        return None
    if packet is None or packet.size == 0 or not packet.is_keyframe:
        return None
    return packet if stamp in (packet.dts, packet.pts) else None
