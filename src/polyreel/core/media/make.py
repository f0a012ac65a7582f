"""Make renditions: copy, sound, and the heights of the ladder; and what happens when that fails."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from polyreel.core.library import Media, find_probe, get_media
from polyreel.core.media import commands
from polyreel.core.media.cutting import FRAGMENT_US
from polyreel.core.media.index import unpack_cuts
from polyreel.core.media.look import find_media, ladder_rules, start_work
from polyreel.core.media.package import Cuts
from polyreel.core.media.plan import SLIDE_FPS, MediaPlan, replan_without_copy
from polyreel.core.media.produce import Produced, Target, produce
from polyreel.core.media.renditions import (
    ENDED,
    Rendition,
    fail_rendition,
    get_rendition,
    list_renditions,
    made_by,
    note_damage,
    promise_rendition,
    publish_part,
    replace_rendition,
)
from polyreel.core.media.source import has_alpha, tone_of
from polyreel.core.media.states import settle
from polyreel.core.media.steps import work_of
from polyreel.core.options import Options, read_options
from polyreel.core.stats import Count, add_counts
from polyreel.infra.jobs import Job
from polyreel.infra.probe import Probe, VideoStream
from polyreel.infra.tools import Tools
from polyreel.infra.tx import Tx
from polyreel.kit.errors import AppError, NotFound, Unsupported
from polyreel.kit.units import format_duration

# A part that ends this much before its plan is damage; less is rounding of time stamps.
SHORT_MS = 1_500
_HURT = {
    "video": "The file is damaged: some of its pictures could not be read whole.",
    "audio": "The file is damaged: some of its sound could not be read.",
}
# What a viewer waits for does not give way as the ladder does.
WAITED_FOR_NICE = 0
# For so long a copy leaves the processor to the beginning of the sound.
REST_S = 0.6


def _load(job: Job) -> tuple[Media, Probe]:
    with job.tools.db.read() as tx:
        media = get_media(tx, job.args["media_id"])
        found = find_probe(tx, media.id)
    if found is None:
        raise NotFound("The media has not been looked into.")
    return media, Probe.from_json(found)


def _cuts(media: Media) -> Cuts:
    return Cuts(unpack_cuts(media.cuts), FRAGMENT_US)


@dataclass(frozen=True)
class _Track:
    """The one rendition that a copy or sound job is for."""

    job: Job
    media: Media
    probe: Probe
    rendition: Rendition
    targets: Sequence[Target]
    began: float = field(default_factory=time.monotonic)

    def produce(self, command: Callable[[Path], list[str]], *, rest_s: float = 0) -> Produced:
        """Make the whole of it; raises what `produce` raises."""
        return produce(
            self.job,
            self.media,
            self.targets,
            _cuts(self.media),
            command,
            duration_ms=self.probe.duration_ms,
            nice=None if self.rendition.is_native else WAITED_FOR_NICE,
            rest_s=rest_s,
        )

    def finish(self, made: Produced, *, expected_ms: int) -> None:
        """End it; see `_finish`."""
        _finish(self.job, self.media, self.targets, made, self.began, expected_ms=expected_ms)


def _find_track(job: Job) -> _Track | None:
    """None when it has ended already."""
    media, probe = _load(job)
    with job.tools.db.read() as tx:
        rendition = get_rendition(tx, job.args["rendition_id"])
    if rendition.state in ENDED:
        return None
    return _Track(job, media, probe, rendition, [Target(rendition, rendition.parts[0])])


def _has_holes(made: Produced) -> bool:
    return any(not item.size for item in made.packagers[0].fragments)


def copy_picture(job: Job) -> None:
    """Copy the picture's packets into fragments."""
    track = _find_track(job)
    if track is None:
        return
    stream = track.rendition.stream
    codec = next(item.codec for item in track.probe.video if item.index == stream)
    made = track.produce(
        lambda source: commands.copy_video_args(source, stream, codec, "{sink0}"),
        rest_s=REST_S if _awaits_sound(job, track.media.id) else 0,
    )
    if _has_holes(made):
        raise Unsupported("The film's index and its keyframes do not agree.")
    track.finish(made, expected_ms=_picture_ms(track.probe, stream))


def _awaits_sound(job: Job, media_id: int) -> bool:
    """True while sound that must be encoded has not begun: it takes longest, and the film waits for it."""
    with job.tools.db.read() as tx:
        return any(
            item.kind == "audio" and item.mode == "encode" and item.promised and not item.has_begun
            for item in list_renditions(tx, media_id)
        )


def encode_instead(tx: Tx, args: Mapping[str, Any], message: str) -> None:
    """What could not be copied is encoded; the film stays listed as it was cut."""
    media = find_media(tx, args)
    found = find_probe(tx, media.id) if media else None
    if media is None or found is None:
        return
    renditions = list_renditions(tx, media.id)
    failed = next((item for item in renditions if item.id == args["rendition_id"]), None)
    if failed is None:
        return
    if failed.is_native:
        # Only an offer: what all players take is made anyhow.
        fail_rendition(tx, failed.id, message)
        settle(tx, media.id)
        return
    plan = MediaPlan((), tuple(unpack_cuts(media.cuts)), (), media.duration_ms * 1000, 0, 0)
    plan = replan_without_copy(plan, Probe.from_json(found), ladder_rules(read_options(tx)))
    ids = {item.name: item.id for item in renditions}
    tallest = plan.renditions[0]
    if ids.get(tallest.name, failed.id) == failed.id:
        start_work(tx, media, [replace_rendition(tx, failed.id, tallest, plan.parts)])
    else:
        fail_rendition(tx, failed.id, "")
        promise_rendition(tx, ids[tallest.name])
    settle(tx, media.id)


def make_sound(job: Job) -> None:
    """Copy or encode one audio track for the whole film."""
    track = _find_track(job)
    if track is None:
        return
    made = _copied_sound(track) if track.rendition.mode == "copy" else None
    track.finish(made or _encoded_sound(track), expected_ms=0)


def _copied_sound(track: _Track) -> Produced | None:
    """Copy the track; None when it does not come out whole: then it is encoded, holes filled."""
    stream = track.rendition.stream
    try:
        made = track.produce(lambda source: commands.copy_sound_args(source, stream, "{sink0}"))
    except AppError:
        track.job.check()
        return None
    return None if _has_holes(made) else made


def _encoded_sound(track: _Track) -> Produced:
    sound, tools = track.rendition, track.job.tools
    coder = commands.QUICK_CODER if tools.ffmpeg.knows("aac", commands.QUICK_CODER) else None
    return track.produce(
        lambda source: commands.encode_sound_args(
            source, sound.stream, sound.channels, "{sink0}", coder=coder
        )
    )


def fail_sound(tx: Tx, args: Mapping[str, Any], message: str) -> None:
    media = find_media(tx, args)
    if media is not None:
        fail_rendition(tx, args["rendition_id"], f"Sound: {message}")
        settle(tx, media.id)


def encode_heights(job: Job) -> None:
    """Decode one part once and encode every height of it."""
    began = time.monotonic()
    media, probe = _load(job)
    tools: Tools = job.tools
    with tools.db.read() as tx:
        options = read_options(tx)
        renditions = list_renditions(tx, media.id)
    wanted = _encoded(renditions, job.args)
    number = job.args["part"]
    targets = [Target(item, item.part(number)) for item in wanted]
    if not targets:
        return
    part = targets[0].part
    stream = next(item for item in probe.video if item.index == wanted[0].stream)
    cuts = _cuts(media)
    rules = commands.EncodeRules(
        preset=options.encoder_preset,
        threads=commands.threads_each(tools.settings.encode_threads, len(wanted)),
        decoder_threads=commands.decoder_threads(),
    )
    end_us = part.end_us if part.end_us is not None else (probe.duration_ms or 0) * 1000

    def command(source: Path) -> list[str]:
        picture = commands.Picture(
            source,
            stream.index,
            is_interlaced=stream.is_interlaced,
            is_rgb=stream.chroma == "rgb",
            has_alpha=has_alpha(stream),
            tone=tone_of(stream),
            is_plain=any(one.mode == "copy" and one.stream == stream.index for one in renditions),
        )
        stretch = commands.Stretch(
            cuts_us=[cut for cut in cuts.times_us if part.start_us <= cut < end_us],
            start_us=part.start_us,
            end_us=part.end_us,
            frame_us=_frame_us(stream),
        )
        rungs = [_rung(item, stream, options) for item in wanted]
        return commands.ladder_args(picture, rungs, rules, stretch)

    length_ms = (end_us - part.start_us) // 1000
    # The first part is all there is of a film without an index.
    is_beginning = wanted[0].promised and part.number == 0
    nice = WAITED_FOR_NICE if is_beginning or job.kind == "media.sought" else None
    made = produce(job, media, targets, cuts, command, duration_ms=length_ms, nice=nice)
    whole_ms = _picture_ms(probe, stream.index)
    expected_ms = length_ms if part.end_us is not None else whole_ms - part.start_us // 1000
    _finish(job, media, targets, made, began, expected_ms=expected_ms)


def _encoded(renditions: Sequence[Rendition], args: Mapping[str, Any]) -> list[Rendition]:
    ids = made_by(args)
    return [
        item
        for item in renditions
        if item.id in ids and item.state != "failed" and item.part(args["part"]).state != "ready"
    ]


def _rung(rendition: Rendition, source: VideoStream, options: Options) -> commands.Rung:
    is_steadied = source.fps is not None and abs(source.fps - rendition.fps) > 0.01
    short = min(rendition.width, rendition.height)
    nearest = min(options.rungs, key=lambda rung: abs(rung.height - short))
    return commands.Rung(
        width=rendition.width,
        height=rendition.height,
        rate_bps=rendition.peak_bps * 2 // 3,
        crf=nearest.crf,
        fps=rendition.fps if is_steadied else None,
    )


def _frame_us(source: VideoStream) -> int:
    return round(1_000_000 / max(source.fps, SLIDE_FPS)) if source.fps else 40_000


def fail_heights(tx: Tx, args: Mapping[str, Any], message: str) -> None:
    media = find_media(tx, args)
    if media is not None:
        for rendition_id in made_by(args):
            fail_rendition(tx, rendition_id, message)
        settle(tx, media.id)


def _finish(
    job: Job,
    media: Media,
    targets: Sequence[Target],
    made: Produced,
    began: float,
    *,
    expected_ms: int,
) -> None:
    """End parts that are synced; what came out shorter than the source promised is damage. `began` is
    when the work began, on the monotonic clock.
    """
    part = targets[0].part
    end_us = part.end_us if part.end_us is not None else targets[0].rendition.duration_us
    made_of = [target.rendition for target in targets]
    job.account(cpu_s=0, work=work_of(made_of, max(0, end_us - part.start_us)))
    with job.write() as tx:
        add_counts(tx, _encoding_counts(job, media, targets, time.monotonic() - began))
        for target, packager in zip(targets, made.packagers, strict=True):
            publish_part(tx, target.part.id, packager.init, packager.fragments, whole=True)
            last = packager.fragments[-1]
            made_ms = (last.start_us + last.duration_us - target.part.start_us) // 1000
            if expected_ms - made_ms > SHORT_MS:
                sentence = (
                    f"The file is damaged: {format_duration(made_ms)} of "
                    f"{format_duration(expected_ms)} could be used."
                )
                note_damage(tx, target.rendition.id, sentence)
            elif made.is_hurt:
                note_damage(tx, target.rendition.id, _HURT[target.rendition.kind])
        settle(tx, media.id)
        job.complete(tx)


def _encoding_counts(
    job: Job, media: Media, targets: Sequence[Target], took_s: float
) -> list[Count]:
    """The time that was spent on each height, for whom it was."""
    made = [target.rendition for target in targets if target.rendition.mode == "encode"]
    if job.owner_id is None:
        return []
    share_ms = round(took_s * 1000 / max(1, len(made)))
    return [Count("encoding", job.owner_id, share_ms, media.id, item.name) for item in made]


def _picture_ms(probe: Probe, index: int) -> int:
    """How long a picture must at least become: its own length where the file tells it, else up to its
    last keyframe, since the sound may be what makes the film longer.
    """
    stream = next(item for item in probe.video if item.index == index)
    known_us = stream.duration_us or (stream.keyframes_us[-1] if stream.keyframes_us else None)
    return (probe.duration_ms or 0) if known_us is None else known_us // 1000
