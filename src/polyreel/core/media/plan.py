"""The plan: from what a probe found to what is copied, what is encoded, and where it is cut.

Pure: the same probe and rules give the same plan.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from polyreel.core.media.cutting import (
    WHOLE,
    PlannedPart,
    cuts_at_keyframes,
    cuts_on_grid,
    plan_parts,
)
from polyreel.core.media.source import (
    COPYABLE_AUDIO_RATES,
    SourceLimits,
    check_limits,
    display_size,
    is_copyable,
    main_picture,
    native_codec,
    track_end_us,
)
from polyreel.infra.probe import AudioStream, Probe, VideoStream
from polyreel.kit.errors import Unsupported

# Slide shows get this many frames a second, so that every fragment holds a picture.
SLIDE_FPS = 2.0
# A copy above this many times its height's cap is kept, but not the only thing to stream.
HEAVY = 2.0


@dataclass(frozen=True)
class LadderRules:
    """What an administrator allows: bits per second for each enabled height, frames per second, what
    is taken at most, and whether HEVC, AV1 and VP9 are offered as they are, too.
    """

    rates_bps: Mapping[int, int]
    max_fps: float = 60.0
    limits: SourceLimits = field(default_factory=SourceLimits)
    offers_native: bool = True


@dataclass(frozen=True)
class PlannedRendition:
    """One rendition to make. `stream` is the number among the source's streams, `rate_bps` the cap of
    an encode; `peak_bps` and `average_bps` are true for a copy and an upper bound for an encode.
    `duration_us` is the track's own length, which may be less than the film's. A copy that not every
    player takes is called `1080p-hevc`.
    """

    kind: str
    name: str
    mode: str
    stream: int
    promised: bool
    width: int = 0
    height: int = 0
    fps: float = 0.0
    peak_bps: int = 0
    average_bps: int = 0
    channels: int = 0
    language: str | None = None
    title: str | None = None
    duration_us: int = 0


@dataclass(frozen=True)
class MediaPlan:
    """Everything to make from one original. Empty `cuts_us`: the source has no index and grows."""

    renditions: tuple[PlannedRendition, ...]
    cuts_us: tuple[int, ...]
    parts: tuple[PlannedPart, ...]
    duration_us: int
    width: int
    height: int


def plan_media(probe: Probe, rules: LadderRules) -> MediaPlan:
    """Decide what is made from a source: picture tallest first, then sound in the file's order.

    Never empty, never enlarged. Raises Unsupported, with a sentence for the uploader, for what has
    neither picture nor sound or lies outside the limits.
    """
    video = main_picture(probe)
    if video is None and not probe.audio:
        raise Unsupported("The file holds neither picture nor sound.")
    check_limits(probe, rules.limits)
    copied = video is not None and is_copyable(video, probe, max_fps=rules.max_fps)
    duration_us = (probe.duration_ms or 0) * 1000
    cuts = _plan_cuts(video, probe, duration_us, rules, copied=copied)
    pictures = _plan_pictures(video, probe, rules, cuts, copied=copied) if video else []
    sounds = [_plan_sound(stream, number, cuts) for number, stream in enumerate(probe.audio)]
    ends: dict[int, int] = {}
    for track in probe.audio:
        ends[track.index] = track_end_us(track, duration_us)
    if video is not None:
        ends[video.index] = track_end_us(video, duration_us)
    renditions = tuple(
        replace(item, duration_us=ends[item.stream]) for item in (*pictures, *sounds)
    )
    width, height = display_size(video) if video else (0, 0)
    parts = plan_parts(cuts, duration_us, with_head=not copied) if video else WHOLE
    return MediaPlan(renditions, cuts, parts, duration_us, width, height)


def _plan_cuts(
    video: VideoStream | None, probe: Probe, duration_us: int, rules: LadderRules, *, copied: bool
) -> tuple[int, ...]:
    if duration_us <= 0 or (video is not None and not probe.has_index):
        return ()
    if video is not None and (copied or _native(video, probe, rules)):
        return cuts_at_keyframes(video.keyframes_us, duration_us)
    cuts = cuts_on_grid(duration_us)
    if video is not None and video.duration_us is None and video.keyframes_us:
        # The sound may be what makes the film so long: no cut after the last picture we know of.
        cuts = tuple(cut for cut in cuts if cut <= max(0, video.keyframes_us[-1]))
    return cuts


def _native(video: VideoStream, probe: Probe, rules: LadderRules) -> str | None:
    return native_codec(video, probe, max_fps=rules.max_fps) if rules.offers_native else None


def replan_without_copy(plan: MediaPlan, probe: Probe, rules: LadderRules) -> MediaPlan:
    """The pictures of a source that turned out not to be copyable: cut at the same times, the largest
    enabled height promised in its place.
    """
    video = main_picture(probe)
    if video is None:
        return plan
    pictures = _plan_pictures(video, probe, rules, plan.cuts_us, copied=False)
    length = track_end_us(video, plan.duration_us)
    renditions = tuple(replace(item, duration_us=length) for item in pictures)
    return replace(
        plan,
        renditions=renditions,
        parts=plan_parts(plan.cuts_us, plan.duration_us, with_head=True),
    )


def _plan_pictures(
    video: VideoStream, probe: Probe, rules: LadderRules, cuts: Sequence[int], *, copied: bool
) -> list[PlannedRendition]:
    width, height = display_size(video)
    short = min(width, height)
    fps = min(max(video.fps, SLIDE_FPS) if video.fps else rules.max_fps, rules.max_fps)
    planned: list[PlannedRendition] = []
    below = [rung for rung in sorted(rules.rates_bps, reverse=True) if rung <= short]
    heavy = False
    if copied:
        average, peak = _copied_rates(video, probe, cuts)
        cap = _cap_for(short, rules)
        heavy = average > HEAVY * cap
        name = "h264" if heavy else rung_name(short)
        planned.append(_copy_of(video, name, average, peak))
        below = [rung for rung in below if rung < short or heavy]
    if not below and (heavy or not copied):
        below = [max(2, short)]
    for rung in below:
        rate = rules.rates_bps.get(rung) or _cap_for(rung, rules)
        size = fitted(width, height, rung)
        planned.append(
            PlannedRendition("video", rung_name(rung), "encode", video.index,
                             promised=not planned, width=size[0], height=size[1], fps=fps,
                             peak_bps=rate * 3 // 2, average_bps=rate)
        )  # fmt: skip
    if native := _native(video, probe, rules):
        planned.append(
            _copy_of(video, f"{rung_name(short)}-{native}", *_copied_rates(video, probe, cuts))
        )
    return planned


def _copy_of(video: VideoStream, name: str, average: int, peak: int) -> PlannedRendition:
    return PlannedRendition(
        "video", name, "copy", video.index, promised=True, width=video.width, height=video.height,
        fps=video.fps or 0.0, peak_bps=peak, average_bps=average,
    )  # fmt: skip


def rung_name(short_side: int) -> str:
    """`720p`; at least three digits, as the addresses want: `096p`."""
    return f"{short_side:03d}p"


def fitted(width: int, height: int, rung: int) -> tuple[int, int]:
    """Even width and height whose short side is `rung`."""
    scale = rung / min(width, height)
    even = [max(2, 2 * math.floor(side * scale / 2 + 0.5)) for side in (width, height)]
    return even[0], even[1]


def is_native(name: str) -> bool:
    """True for the name of a copy that not every player takes, such as `1080p-hevc`."""
    return name.endswith(("-hevc", "-av1", "-vp9"))


def _cap_for(short: int, rules: LadderRules) -> int:
    above = [rate for rung, rate in sorted(rules.rates_bps.items()) if rung >= short]
    if above:
        return above[0]
    top = max(rules.rates_bps, default=0)
    return round(rules.rates_bps[top] * (short / top) ** 2) if top else 25_000_000


def _copied_rates(video: VideoStream, probe: Probe, cuts: Sequence[int]) -> tuple[int, int]:
    """(average, peak over one fragment) in bits per second, from the sizes in the source's index."""
    duration_us = max(1, (probe.duration_ms or 0) * 1000)
    if len(video.keyframe_bytes) != len(video.keyframes_us):
        rate = (
            video.bit_rate_bps or probe.bit_rate_bps or probe.size_bytes * 8_000_000 // duration_us
        )
        return rate, round(rate * 1.5)
    average = sum(video.keyframe_bytes) * 8_000_000 // duration_us
    ends = [*cuts[1:], duration_us]
    peak, at = average, 0
    for start, end in zip(cuts, ends, strict=True):
        size = 0
        while at < len(video.keyframes_us) and video.keyframes_us[at] < end - 1000:
            size += video.keyframe_bytes[at]
            at += 1
        peak = max(peak, size * 8_000_000 // max(end - start, 500_000))
    return average, peak


def _plan_sound(stream: AudioStream, number: int, cuts: Sequence[int]) -> PlannedRendition:
    channels = 8 if stream.channels >= 8 else 6 if stream.channels >= 6 else 2
    copied = (
        stream.codec == "aac"
        and stream.profile in ("LC", "HE-AAC", "HE-AACv2")
        and stream.sample_rate in COPYABLE_AUDIO_RATES
        and 1 <= stream.channels <= 8
        and bool(cuts)
        and (stream.start_us or 0) < 200_000
    )
    rate = stream.bit_rate_bps if copied and stream.bit_rate_bps else encoded_sound_rate(channels)
    return PlannedRendition(
        kind="audio",
        name="",
        mode="copy" if copied else "encode",
        stream=stream.index,
        promised=True,
        peak_bps=round(rate * 1.1),
        average_bps=rate,
        channels=stream.channels if copied else channels,
        # As much as their columns hold: whoever made the file may have written a novel.
        language=stream.language[:32] if stream.language else None,
        title=(stream.title or f"Audio {number + 1}")[:255],
    )


def encoded_sound_rate(channels: int) -> int:
    """Bits per second of encoded AAC: 160k for stereo, 64k a channel above."""
    return 160_000 if channels <= 2 else 64_000 * channels
