"""Images of a film: poster, storyboard, mosaic; from keyframes, so that an hour costs what ten minutes do."""

from dataclasses import dataclass, replace
from pathlib import Path

from polyreel.core.library import Media, find_probe, get_media, update_media
from polyreel.core.media.looks import LOOK_BYTES, best_frame
from polyreel.core.media.source import display_size, main_picture
from polyreel.core.media.stills import Frames, fit, poster_args, seek_args, sheet_args
from polyreel.core.media.storyboard import (
    TILE_SIDE,
    Storyboard,
    plan_count,
    plan_grid,
    plan_starts,
    save_storyboard,
)
from polyreel.infra.ffmpeg import FFmpeg, default_limits
from polyreel.infra.jobs import Job
from polyreel.infra.probe import Probe, VideoStream
from polyreel.infra.process import Limits
from polyreel.infra.stills import pick_keyframes
from polyreel.infra.tools import Tools

# So much is decoded whole: half a minute of 1080p. Its frames are those of the moments themselves.
SHORT_PIXELS = 1920 * 1080 * 30 * 30
# Of the processor, all cores together: by the clock it takes longer the busier the machine is.
CPU_S = 120
# Where only one frame can be had: behind the titles.
_INTO_FILM = 0.2


@dataclass(frozen=True)
class _Made:
    """Images as WebP; empty: there is none."""

    poster: bytes = b""
    mosaic: bytes = b""
    sheet: bytes = b""
    frames: Frames | None = None


def make_images(job: Job) -> None:
    """Make the images of a media. A film without a usable frame keeps none, and plays all the same."""
    tools: Tools = job.tools
    with tools.db.read() as tx:
        media = get_media(tx, job.args["media_id"])
        found = find_probe(tx, media.id)
    if found is None:
        return
    probe = Probe.from_json(found)
    video = main_picture(probe)
    cover = next((stream for stream in probe.video if stream.attached_picture), None)
    if video is None and cover is None:
        return
    with tools.storage.materialise(media.source_key) as source:
        if video is not None:
            made = _of_film(job, media, source, probe, video)
        else:
            made = _Made(poster=_run(job, seek_args(source, cover, None)) if cover else b"")
    _publish(job, media, video, made)


def _of_film(job: Job, media: Media, source: Path, probe: Probe, video: VideoStream) -> _Made:
    # Removed again however this ends: it is never committed.
    with job.tools.storage.create(_key(job, media, "keyframes", "mkv")) as picked:
        frames = _frames(source, probe, video, picked.path)
        job.check()
        if frames is not None:
            mosaic, sheet, looks = _sheets(job, frames, video)
            if looks:
                job.report(0.7)
                poster = _run(job, poster_args(frames, best_frame(looks), video))
                return _Made(poster, mosaic, sheet, frames)
    start_s = (probe.duration_ms or 0) / 1000 * _INTO_FILM
    return _Made(poster=_run(job, seek_args(source, video, start_s or None)))


def _frames(source: Path, probe: Probe, video: VideoStream, into: Path) -> Frames | None:
    """What there is to see of a film; None when its keyframes cannot be picked."""
    duration_us = (probe.duration_ms or 0) * 1000
    count = plan_count(duration_us // 1000)
    interval_us = duration_us / count
    width, height = display_size(video)
    pixels = width * height * (video.fps or 30) * duration_us / 1e6
    if 0 < pixels <= SHORT_PIXELS:
        starts = [round(number * interval_us) for number in range(count)]
        return Frames(source, video.index, count, 1e6 / interval_us, starts)
    middles = [round((number + 0.5) * interval_us) for number in range(count)]
    picks = pick_keyframes(source, video.index, middles, into)
    if not picks:
        return None
    starts = plan_starts(picks, interval_us)
    return Frames(into, 0, len(starts), 1.0, starts)


def _sheets(job: Job, frames: Frames, video: VideoStream) -> tuple[bytes, bytes, list[bytes]]:
    """(mosaic, storyboard's sheet, looks); no looks when nothing could be decoded."""
    mosaic, sheet, looks = bytearray(), bytearray(), bytearray()
    ffmpeg: FFmpeg = job.tools.ffmpeg
    done = ffmpeg.run(
        sheet_args(frames, video),
        sinks=[mosaic.extend, sheet.extend, looks.extend],
        cancelled=job.cancelled,
        limits=_limits(),
    )
    job.check()
    if not done.is_success:
        return b"", b"", []
    whole = range(0, len(looks) - LOOK_BYTES + 1, LOOK_BYTES)
    return bytes(mosaic), bytes(sheet), [bytes(looks[at : at + LOOK_BYTES]) for at in whole]


def _limits() -> Limits:
    return replace(default_limits(), cpu_s=CPU_S)


def _run(job: Job, args: list[str]) -> bytes:
    image = bytearray()
    ffmpeg: FFmpeg = job.tools.ffmpeg
    done = ffmpeg.run(args, sinks=[image.extend], cancelled=job.cancelled, limits=_limits())
    job.check()
    return bytes(image) if done.is_success else b""


def _publish(job: Job, media: Media, video: VideoStream | None, made: _Made) -> None:
    tools: Tools = job.tools
    # Listed before ours are there, deleted once our fence has held: see produce.
    earlier = [file.key for file in tools.storage.list(_folder(media))]
    poster_key = _store(job, media, "poster", made.poster)
    mosaic_key = _store(job, media, "mosaic", made.mosaic) or poster_key
    board = None
    if made.frames is not None and video is not None and made.frames.count > 1 and made.sheet:
        key = _store(job, media, "storyboard", made.sheet)
        columns, _ = plan_grid(made.frames.count)
        board = Storyboard(key or "", columns, *fit(video, TILE_SIDE), made.frames.starts_us)
    with job.write() as tx:
        update_media(tx, media.id, poster_key=poster_key or mosaic_key, mosaic_key=mosaic_key)
        save_storyboard(tx, media.id, board)
        job.complete(tx)
    for key in earlier:
        tools.storage.delete(key)


def _folder(media: Media) -> str:
    return f"media/{media.uid[:2]}/{media.uid}/images"


def _key(job: Job, media: Media, name: str, suffix: str) -> str:
    return f"{_folder(media)}/{name}-{job.id}-{job.attempt}.{suffix}"


def _store(job: Job, media: Media, name: str, image: bytes) -> str | None:
    if not image:
        return None
    key = _key(job, media, name, "webp")
    with job.tools.storage.create(key) as staged:
        staged.path.write_bytes(image)
        staged.commit()
    return key
