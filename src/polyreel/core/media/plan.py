"""The plan: from what a probe found to what is copied, what is encoded, and where it is cut.

Pure: the same probe and rules give the same plan.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from polyreel.infra.probe import AudioStream, Probe, VideoStream
from polyreel.kit.errors import Unsupported

FRAGMENT_US = 4_000_000
FIRST_FRAGMENT_US = 2_000_000
SHORTEST_US = 1_500_000
# A copy is cut at the source's own keyframes: further apart than this, seeking gets slow.
LONGEST_GOP_US = 10_000_000
# What is encoded from the start gets a short first part, made ahead of every other film's work.
HEAD_US = 8_000_000
HEAD_FROM_US = 24_000_000
# What one encoding job makes: what a crash costs, and how long another film waits for its turn.
PART_US = 90_000_000
# Slide shows get this many frames a second, so that every fragment holds a picture.
SLIDE_FPS = 2.0
# A copy above this many times its height's cap is kept, but not the only thing to stream.
HEAVY = 2.0
MAX_DURATION_MS = 10 * 3600 * 1000
MAX_SIDE = 8192
# Fragments are named with four digits; keyframes may force them to two thirds of what is aimed at.
MOST_FRAGMENTS = 10_000
COPYABLE_AUDIO_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


@dataclass(frozen=True)
class LadderRules:
    """What an administrator allows: bits per second for each enabled height, frames per second."""

    rates_bps: Mapping[int, int]
    max_fps: float = 60.0


@dataclass(frozen=True)
class PlannedRendition:
    """One rendition to make. `stream` is the number among the source's streams, `rate_bps` the cap of
    an encode; `peak_bps` and `average_bps` are true for a copy and an upper bound for an encode.
    `duration_us` is the track's own length, which may be less than the film's.
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
class PlannedPart:
    """A stretch of every encoded rendition: number of its first fragment, times in microseconds;
    `end_us` None means to the end.
    """

    first_fragment: int
    start_us: int
    end_us: int | None


WHOLE = (PlannedPart(0, 0, None),)


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
    _check_limits(probe, video)
    copied = video is not None and is_copyable(video, probe)
    duration_us = (probe.duration_ms or 0) * 1000
    if duration_us <= 0 or (video is not None and not probe.has_index):
        cuts: tuple[int, ...] = ()
    elif copied and video is not None:
        cuts = cuts_at_keyframes(video.keyframes_us, duration_us)
    else:
        cuts = cuts_on_grid(duration_us)
        if video is not None and video.duration_us is None and video.keyframes_us:
            # The sound may be what makes the film so long: no cut after the last picture we know of.
            cuts = tuple(cut for cut in cuts if cut <= max(0, video.keyframes_us[-1]))
    pictures = _plan_pictures(video, probe, rules, cuts, copied=copied) if video else []
    sounds = [_plan_sound(stream, number, cuts) for number, stream in enumerate(probe.audio)]
    ends: dict[int, int] = {}
    for track in probe.audio:
        ends[track.index] = _track_end_us(track, duration_us)
    if video is not None:
        ends[video.index] = _track_end_us(video, duration_us)
    renditions = tuple(
        replace(item, duration_us=ends[item.stream]) for item in (*pictures, *sounds)
    )
    width, height = display_size(video) if video else (0, 0)
    parts = plan_parts(cuts, duration_us, with_head=not copied) if video else WHOLE
    return MediaPlan(renditions, cuts, parts, duration_us, width, height)


def replan_without_copy(plan: MediaPlan, probe: Probe, rules: LadderRules) -> MediaPlan:
    """The pictures of a source that turned out not to be copyable: cut at the same times, the largest
    enabled height promised in its place.
    """
    video = main_picture(probe)
    if video is None:
        return plan
    pictures = _plan_pictures(video, probe, rules, plan.cuts_us, copied=False)
    length = _track_end_us(video, plan.duration_us)
    renditions = tuple(replace(item, duration_us=length) for item in pictures)
    return replace(
        plan,
        renditions=renditions,
        parts=plan_parts(plan.cuts_us, plan.duration_us, with_head=True),
    )


def main_picture(probe: Probe) -> VideoStream | None:
    """The film's picture track: the default one, else the first; never a cover image."""
    tracks = [stream for stream in probe.video if not stream.attached_picture]
    return next((stream for stream in tracks if stream.default), tracks[0] if tracks else None)


def _track_end_us(stream: VideoStream | AudioStream, duration_us: int) -> int:
    if not stream.duration_us:
        return duration_us
    return min(duration_us, max(0, stream.start_us or 0) + stream.duration_us)


def _check_limits(probe: Probe, video: VideoStream | None) -> None:
    if (probe.duration_ms or 0) > MAX_DURATION_MS:
        raise Unsupported("The film is longer than 10 hours.")
    if video is not None and max(video.width, video.height) > MAX_SIDE:
        raise Unsupported(f"The picture is larger than {MAX_SIDE} pixels on one side.")
    if video is not None and min(video.width, video.height) < 1:
        raise Unsupported("The picture has no size.")
    if video is not None and max(display_size(video)) > MAX_SIDE:
        # Pixels a hundred times as wide as high: nobody's camera, and no encoder's size.
        raise Unsupported("The shape of the picture makes no sense.")


def is_copyable(video: VideoStream, probe: Probe) -> bool:
    """True when the picture can be streamed as it is: see design, "publish at once"."""
    keyframes = video.keyframes_us
    duration_us = (probe.duration_ms or 0) * 1000
    if not (probe.has_index and keyframes and duration_us and video.codec == "h264"):
        return False
    # A first picture before time zero is hidden by an edit list, which a copy cannot keep.
    if not -20_000 <= keyframes[0] <= 500_000 or video.width % 2 or video.height % 2:
        return False
    plain = (
        video.bit_depth == 8
        and video.chroma == "420"
        and not video.is_interlaced
        and not video.rotation
        and video.idr_checked
        and video.parameter_sets <= 1
        and video.color_transfer not in ("smpte2084", "arib-std-b67")
    )
    return plain and _longest_gap(keyframes, duration_us) <= LONGEST_GOP_US


def _longest_gap(keyframes_us: Sequence[int], duration_us: int) -> int:
    ends = [*keyframes_us[1:], max(duration_us, keyframes_us[-1])]
    return max(end - start for start, end in zip(keyframes_us, ends, strict=True))


def cuts_at_keyframes(keyframes_us: Sequence[int], duration_us: int) -> tuple[int, ...]:
    """Choose among keyframes so that fragments are as near to 4 s as they allow (in the longest films
    somewhat longer).
    """
    length = max(FRAGMENT_US, duration_us * 3 // (2 * MOST_FRAGMENTS))
    cuts = [max(0, keyframes_us[0])]
    best: int | None = None
    for time in keyframes_us[1:]:
        aim = cuts[-1] + length
        if time - cuts[-1] < SHORTEST_US:
            continue
        if time < aim:
            best = time
            continue
        if best is not None and aim - best < time - aim:
            cuts.append(best)
            best = time if SHORTEST_US <= time - best < length else None
            if time - cuts[-1] >= length:
                cuts.append(time)
        else:
            cuts.append(time)
            best = None
    if best is not None and cuts[-1] + length - best < duration_us - cuts[-1] - length:
        cuts.append(best)
    while len(cuts) > 1 and duration_us - cuts[-1] < 200_000:
        cuts.pop()
    return tuple(cuts)


def cuts_on_grid(duration_us: int) -> tuple[int, ...]:
    """0, 2 s, then every 4 s; the last fragment is never shorter than a fifth of a second."""
    cuts = [0, FIRST_FRAGMENT_US, *range(FRAGMENT_US, max(FRAGMENT_US, duration_us), FRAGMENT_US)]
    return tuple(cut for cut in cuts if cut == 0 or cut <= duration_us - 200_000)


def plan_parts(
    cuts: Sequence[int], duration_us: int, *, with_head: bool
) -> tuple[PlannedPart, ...]:
    """Stretches of about PART_US, cut where fragments begin; `with_head`: a short one first.

    The last is at least half as long. Without cuts it is all one part.
    """
    firsts = [0]
    aim, rest_us = (HEAD_US, HEAD_FROM_US - HEAD_US) if with_head else (PART_US, PART_US // 2)
    for number, cut in enumerate(cuts):
        if cut >= aim and duration_us - cut > rest_us:
            firsts.append(number)
            aim, rest_us = cut + PART_US, PART_US // 2
    ends: list[int | None] = [cuts[first] for first in firsts[1:]]
    return tuple(
        PlannedPart(first, cuts[first] if first else 0, end)
        for first, end in zip(firsts, [*ends, None], strict=True)
    )


def display_size(video: VideoStream) -> tuple[int, int]:
    """Width and height as shown: pixel shape and rotation applied."""
    width = video.width
    if video.sar_num > 0 and video.sar_den > 0:
        width = round(width * video.sar_num / video.sar_den)
    size = (max(1, width), video.height)
    return (size[1], size[0]) if video.rotation in (90, 270) else size


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
        planned.append(
            PlannedRendition("video", name, "copy", video.index, promised=True, width=video.width,
                             height=video.height, fps=video.fps or 0.0, peak_bps=peak, average_bps=average)
        )  # fmt: skip
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
    return planned


def rung_name(short_side: int) -> str:
    """`720p`; at least three digits, as the addresses want: `096p`."""
    return f"{short_side:03d}p"


def fitted(width: int, height: int, rung: int) -> tuple[int, int]:
    """Even width and height whose short side is `rung`."""
    scale = rung / min(width, height)
    even = [max(2, 2 * math.floor(side * scale / 2 + 0.5)) for side in (width, height)]
    return even[0], even[1]


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
