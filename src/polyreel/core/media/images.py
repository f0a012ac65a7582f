"""Images of a film: a poster and a 4x4 mosaic, by seeking, so that an hour costs what a minute does."""

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from polyreel.core.library import Media, get_media, update_media
from polyreel.core.media.plan import display_size, main_picture
from polyreel.infra.ffmpeg import FFmpeg, input_args, last_words
from polyreel.infra.jobs import Job
from polyreel.infra.probe import Probe, VideoStream
from polyreel.infra.process import Finished
from polyreel.infra.tools import Tools
from polyreel.kit.errors import Unsupported

GRID = 4
LOOK_WIDTH, LOOK_HEIGHT = 64, 36
POSTER_WIDTH = 1280
MOSAIC_WIDTH = 1920


def make_images(job: Job) -> None:
    """Make the poster and the mosaic of a media. A film without a usable frame keeps none."""
    tools: Tools = job.tools
    with tools.db.read() as tx:
        media = get_media(tx, job.args["media_id"])
    if media.probe is None:
        return
    probe = Probe.from_json(media.probe)
    video = main_picture(probe)
    if video is None:
        return
    with tools.storage.materialise(media.original_key) as source:
        frames = _look_at_frames(job, source, video, probe)
        if not frames:
            return
        poster = _make_poster(job, media, source, video, best_frame(frames))
        mosaic = _make_mosaic(job, media, source, video, [time for time, _ in frames])
    with job.write() as tx:
        update_media(tx, media.id, poster_key=poster, mosaic_key=mosaic)
        job.complete(tx)


def sample_times(duration_ms: int) -> list[float]:
    """Sixteen moments in seconds, evenly spread, none at the very beginning or end."""
    count = GRID * GRID
    return [duration_ms / 1000 * (number + 0.5) / count for number in range(count)]


def best_frame(frames: Sequence[tuple[float, bytes]]) -> float:
    """The moment whose picture says most: bright enough, with contrast and fine detail.

    Frames are gray, 64x36. Early ones win a near tie: they give less of the story away.
    """
    best, best_score = frames[0][0], -1.0
    for number, (time, pixels) in enumerate(frames):
        score = _score(pixels) * (1.0 - 0.02 * number)
        if score > best_score:
            best, best_score = time, score
    return best


def _score(pixels: bytes) -> float:
    count = len(pixels)
    mean = sum(pixels) / count
    spread = math.sqrt(sum((value - mean) ** 2 for value in pixels) / count)
    detail = sum(abs(a - b) for a, b in pairwise(pixels)) / count
    light = min(1.0, mean / 40) * min(1.0, (255 - mean) / 20)
    return light * (min(spread, 60) + 2 * min(detail, 20))


def _frame_input(source: Path, time: float) -> list[str]:
    return input_args(source, start_s=time, threads=1, options=["-noaccurate_seek", "-an", "-sn"])


def _look_at_frames(
    job: Job, source: Path, video: VideoStream, probe: Probe
) -> list[tuple[float, bytes]]:
    """Small gray frames at the sampled moments; those that do not decode are left out."""
    duration_ms = probe.duration_ms or 0
    times = sample_times(duration_ms) if duration_ms and probe.has_index else [0.0]
    frames = []
    for number, time in enumerate(times):
        job.check()
        args = [
            *_frame_input(source, time), "-map", f"0:{video.index}", "-frames:v", "1",
            "-vf", f"scale={LOOK_WIDTH}:{LOOK_HEIGHT},format=gray", "-f", "rawvideo", "pipe:1",
        ]  # fmt: skip
        done = _run(job, args)
        if len(done.stdout) == LOOK_WIDTH * LOOK_HEIGHT:
            frames.append((time, done.stdout))
        job.report(0.6 * (number + 1) / len(times))
    return frames


def _run(job: Job, args: list[str]) -> Finished:
    ffmpeg: FFmpeg = job.tools.ffmpeg
    done = ffmpeg.run(args, cancelled=job.cancelled, timeout_s=60)
    job.check()
    return done


def _make_poster(job: Job, media: Media, source: Path, video: VideoStream, time: float) -> str:
    width, height = _even(display_size(video), POSTER_WIDTH)
    args = [
        *_frame_input(source, time), "-map", f"0:{video.index}", "-frames:v", "1",
        "-vf", f"scale={width}:{height}:flags=bicubic,setsar=1",
    ]  # fmt: skip
    return _store(job, media, "poster", args)


def _make_mosaic(
    job: Job, media: Media, source: Path, video: VideoStream, times: Sequence[float]
) -> str:
    width, height = _even(display_size(video), MOSAIC_WIDTH // GRID)
    count = GRID * GRID
    chosen = [times[number * len(times) // count] for number in range(count)]
    args = [part for time in chosen for part in _frame_input(source, time)]
    cells = [
        f"[{number}:{video.index}]trim=end_frame=1,scale={width}:{height},setsar=1,"
        f"setpts=PTS-STARTPTS,format=yuv420p[c{number}]"
        for number in range(count)
    ]
    inputs = "".join(f"[c{number}]" for number in range(count))
    layout = "|".join(
        f"{column * width}_{row * height}" for row in range(GRID) for column in range(GRID)
    )
    graph = ";".join([*cells, f"{inputs}xstack=inputs={count}:layout={layout}[out]"])
    args += ["-filter_complex", graph, "-map", "[out]", "-frames:v", "1"]
    return _store(job, media, "mosaic", args)


def _even(size: tuple[int, int], most: int) -> tuple[int, int]:
    width, height = size
    scale = min(1.0, most / width)
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def _store(job: Job, media: Media, name: str, args: list[str]) -> str:
    """Run ffmpeg to a WebP on its standard output and keep that under our own name."""
    encoder = ["-c:v", "libwebp", "-quality", "82", "-f", "webp", "pipe:1"]
    done = _run(job, [*args, *encoder])
    if not done.is_success or not done.stdout.startswith(b"RIFF"):
        raise Unsupported(last_words(done.stderr_tail))
    tools: Tools = job.tools
    key = f"media/{media.uid[:2]}/{media.uid}/images/{name}-{job.id}-{job.attempt}.webp"
    with tools.storage.create(key) as staged:
        staged.path.write_bytes(done.stdout)
        staged.commit()
    return key
