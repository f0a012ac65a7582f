"""Images of a film: a poster and a 4x4 mosaic, by seeking, so that an hour costs what a minute does."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

from polyreel.core.library import Media, find_probe, get_media, update_media
from polyreel.core.media.source import display_size, main_picture
from polyreel.infra.ffmpeg import FFmpeg, input_args
from polyreel.infra.jobs import Job
from polyreel.infra.probe import Probe, VideoStream
from polyreel.infra.process import Finished
from polyreel.infra.tools import Tools

GRID = 4
CELLS = GRID * GRID
LOOK_WIDTH, LOOK_HEIGHT = 64, 36
LOOK_BYTES = LOOK_WIDTH * LOOK_HEIGHT
POSTER_WIDTH = 1280
MOSAIC_WIDTH = 1920
_WEBP = ["-c:v", "libwebp", "-quality", "78", "-f", "webp", "pipe:1"]


def make_images(job: Job) -> None:
    """Make the poster and the mosaic of a media. A film without a usable frame keeps none."""
    tools: Tools = job.tools
    with tools.db.read() as tx:
        media = get_media(tx, job.args["media_id"])
        found = find_probe(tx, media.id)
    if found is None:
        return
    probe = Probe.from_json(found)
    video = main_picture(probe)
    if video is None:
        return
    seekable_ms = (probe.duration_ms or 0) if probe.has_index else 0
    with tools.storage.materialise(media.original_key) as source:
        times = sample_times(seekable_ms)
        mosaic, looks = _sample(job, source, video, times)
        job.report(0.6)
        frames = list(zip(times, looks, strict=False))
        poster = _poster(job, source, video, best_frame(frames) if frames else 0.0)
    # Listed before ours are there, deleted once our fence has held: see produce.
    earlier = [file.key for file in tools.storage.list(_folder(media))]
    mosaic_key = _store(job, media, "mosaic", mosaic) if mosaic else None
    poster_key = _store(job, media, "poster", poster) if poster else None
    with job.write() as tx:
        update_media(tx, media.id, poster_key=poster_key, mosaic_key=mosaic_key or poster_key)
        job.complete(tx)
    for key in earlier:
        tools.storage.delete(key)


def sample_times(duration_ms: int) -> list[float]:
    """Sixteen moments in seconds, evenly spread, none at the very beginning or end."""
    return [duration_ms / 1000 * (number + 0.5) / CELLS for number in range(CELLS)]


def best_frame(frames: Sequence[tuple[float, bytes]]) -> float:
    """The moment whose picture says most: bright enough, with contrast and fine detail.

    Frames are gray, 64x36. Early ones win a near tie: they give less of the story away.
    """
    scores = [_score(pixels) * (1.0 - 0.02 * number) for number, (_, pixels) in enumerate(frames)]
    return frames[scores.index(max(scores))][0]


def _score(pixels: bytes) -> float:
    count = len(pixels)
    mean = sum(pixels) / count
    spread = math.sqrt(sum((value - mean) ** 2 for value in pixels) / count)
    detail = sum(abs(a - b) for a, b in pairwise(pixels)) / count
    light = min(1.0, mean / 40) * min(1.0, (255 - mean) / 20)
    return light * (min(spread, 60) + 2 * min(detail, 20))


def _frame_input(source: Path, time: float) -> list[str]:
    # The keyframe before the moment is near enough, and decodes alone.
    return input_args(source, start_s=time, threads=1, options=["-noaccurate_seek", "-an", "-sn"])


def _sample(
    job: Job, source: Path, video: VideoStream, times: Sequence[float]
) -> tuple[bytes, list[bytes]]:
    """(mosaic as WebP, small gray frames): one run that seeks sixteen times; empty when it fails."""
    width, height = _even(display_size(video), MOSAIC_WIDTH // GRID)
    looks = bytearray()
    graph = []
    for number in range(CELLS):
        graph += [
            f"[{number}:{video.index}]trim=end_frame=1,setpts=PTS-STARTPTS,"
            f"scale={width}:{height},setsar=1,format=yuv420p,split=2[c{number}][d{number}]",
            f"[d{number}]scale={LOOK_WIDTH}:{LOOK_HEIGHT},format=gray[g{number}]",
        ]
    places = [f"{n % GRID * width}_{n // GRID * height}" for n in range(CELLS)]
    cells = "".join(f"[c{number}]" for number in range(CELLS))
    grays = "".join(f"[g{number}]" for number in range(CELLS))
    graph += [
        f"{cells}xstack=inputs={CELLS}:layout={'|'.join(places)}[mosaic]",
        f"{grays}vstack=inputs={CELLS}[looks]",
    ]
    args = [part for time in times for part in _frame_input(source, time)]
    args += ["-filter_complex", ";".join(graph), "-map", "[mosaic]", "-frames:v", "1", *_WEBP]
    args += ["-map", "[looks]", "-frames:v", "1", "-f", "rawvideo", "{sink0}"]
    done = _run(job, args, looks.extend)
    if not done.is_success or len(looks) != CELLS * LOOK_BYTES:
        return b"", []
    return done.stdout, [
        bytes(looks[at : at + LOOK_BYTES]) for at in range(0, len(looks), LOOK_BYTES)
    ]


def _poster(job: Job, source: Path, video: VideoStream, time: float) -> bytes:
    width, height = _even(display_size(video), POSTER_WIDTH)
    args = [*_frame_input(source, time), "-map", f"0:{video.index}", "-frames:v", "1"]
    args += ["-vf", f"scale={width}:{height}:flags=bicubic,setsar=1", *_WEBP]
    done = _run(job, args)
    return done.stdout if done.is_success else b""


def _run(job: Job, args: list[str], *sinks: Callable[[bytes], None]) -> Finished:
    ffmpeg: FFmpeg = job.tools.ffmpeg
    done = ffmpeg.run(args, sinks=sinks, cancelled=job.cancelled, timeout_s=120)
    job.check()
    return done


def _even(size: tuple[int, int], most: int) -> tuple[int, int]:
    width, height = size
    scale = min(1.0, most / width)
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def _folder(media: Media) -> str:
    return f"media/{media.uid[:2]}/{media.uid}/images"


def _store(job: Job, media: Media, name: str, image: bytes) -> str:
    tools: Tools = job.tools
    key = f"{_folder(media)}/{name}-{job.id}-{job.attempt}.webp"
    with tools.storage.create(key) as staged:
        staged.path.write_bytes(image)
        staged.commit()
    return key
