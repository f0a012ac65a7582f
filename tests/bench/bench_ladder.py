"""What a ladder costs: CPU seconds of our jobs' ffmpeg against one ffmpeg for each height.

The product itself makes the film: its jobs, its plan, its command lines; the ffmpeg it is given notes
what each run cost. The reference encodes every height that came out, copied ones too, in a process
of its own with the same preset, CRF, rate cap, keyframes and threads.

The goals are for films of 720 lines and more when the top is copied, and of 1080 when nothing is:
below, decoding, which is all that heights can share, is a twentieth of the work, and x264 the rest.
What smaller films cost is printed, without a goal.
"""

import dataclasses
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from polyreel.app import make_worker
from polyreel.core.ingest import add_file
from polyreel.core.library import Video, get_media, get_video
from polyreel.core.media import Rendition, list_renditions, unpack_cuts
from polyreel.core.media.commands import x264_args
from polyreel.core.options import read_options
from polyreel.core.users import actor_of, find_user_by_name
from polyreel.infra.ffmpeg import FFmpeg
from polyreel.infra.process import Finished
from polyreel.infra.tools import Tools
from tests.bench.films import Films
from tests.bench.workbench import opened
from tests.client import NAME, PASSWORD
from tests.server import Server

pytestmark = pytest.mark.bench

SECONDS = 60
# How a careful person exports a film.
GOOD = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-c:a", "copy"]
GOAL_NOTHING_COPIED = 0.65
GOAL_TOP_COPIED = 0.40
BUNNY, CARS = "bigbuckbunny-720p.mp4", "car-detection.mp4"


class Noting(FFmpeg):
    """The product's ffmpeg; keeps what each run that made pictures was told, and how it went."""

    def __init__(self, exe: str) -> None:
        super().__init__(exe)
        self.runs: list[tuple[list[str], Finished]] = []

    def run(self, args: Sequence[str], **options: Any) -> Finished:
        """As the product's, noted."""
        done = super().run(args, **options)
        # Not those of sound, poster and mosaic.
        if "-c:v" in args and args[args.index("-c:v") + 1] in ("libx264", "copy"):
            self.runs.append((list(args), done))
        return done

    @property
    def cpu_s(self) -> float:
        """Of all runs together."""
        return sum(done.cpu_s for _, done in self.runs)


@pytest.mark.parametrize("clip", ["1080p", BUNNY, CARS])
def test_ladder_when_the_top_is_copied(films, table, tmp_path, clip):
    goal = GOAL_TOP_COPIED if clip != CARS else None
    compare(table, film_of(films, clip), tmp_path, goal, copied=1)


@pytest.mark.parametrize("clip", ["1080p", BUNNY, CARS])
def test_ladder_when_nothing_is_copied(films, table, tmp_path, clip):
    # The same picture and codec, but with keyframes too far apart to be streamed as it is.
    source = film_of(films, clip)
    rare = [*GOOD, "-x264-params", "keyint=infinite:scenecut=0"]
    film = films.encoded(f"{source.stem}-rare.mp4", source, *rare)
    goal = GOAL_NOTHING_COPIED if clip == "1080p" else None
    compare(table, film, tmp_path, goal, copied=0)


def film_of(films: Films, clip: str) -> Path:
    """A minute of a clip; `1080p` is the size most people upload, and no clip of ours has."""
    if clip != "1080p":
        return films.looped(clip, SECONDS)
    large = ["-vf", "scale=1920:1080", *GOOD, "-g", "50"]
    return films.encoded("bigbuckbunny-1080p.mp4", films.looped(BUNNY, SECONDS), *large)


def compare(table, film: Path, folder: Path, goal: float | None, *, copied: int) -> None:
    """Let the product make the film, then every height alone, then the product again: a machine that
    others use too becomes a tenth slower or faster within minutes. Print the ratio.
    """
    with product(folder / "before") as (tools, ffmpeg):
        video = make_ready(tools, film)
        with tools.db.read() as tx:
            made = [one for one in list_renditions(tx, video.media_id) if one.kind == "video"]
            cuts = unpack_cuts(get_media(tx, video.media_id).cuts)
        assert sum(one.mode == "copy" for one in made) == copied, made
        before = ffmpeg.cpu_s
        alone = [encode_alone(tools, film, one, cuts, folder) for one in made]
    with product(folder / "after") as (tools, ffmpeg):
        make_ready(tools, film)
        after = ffmpeg.cpu_s
    heights = ", ".join(f"{one.height}" for one in made)
    table.note(
        f"{film.name}: {heights} ({copied} copied); alone "
        + " ".join(f"{cpu:.1f}" for cpu in alone)
    )
    ours = (before + after) / 2
    ratio = ours / sum(alone)
    table.row(
        "CPU seconds of the ladder",
        f"{before:.1f} and {after:.1f}",
        f"one ffmpeg a height: {sum(alone):.1f}, ratio {ratio:.2f}",
        goal=f"<= {goal:.2f}" if goal else "",
        met=goal is None or ratio <= goal,
    )


@contextmanager
def product(folder: Path) -> Iterator[tuple[Tools, Noting]]:
    """The tools of a server of its own, and the ffmpeg among them."""
    server = Server(folder)
    server.add_user(NAME, PASSWORD)
    with opened(server) as tools:
        ffmpeg = Noting(tools.ffmpeg.exe)
        yield dataclasses.replace(tools, ffmpeg=ffmpeg), ffmpeg


def make_ready(tools: Tools, film: Path) -> Video:
    """Add a film and run a worker until every rendition is there."""
    with tools.db.read() as tx:
        user = find_user_by_name(tx, NAME)
    assert user is not None
    actor = actor_of(user)
    tools.notifier.start()
    worker = make_worker(tools)
    worker.start()
    try:
        video = add_file(tools.db, tools.storage, actor, film)
        deadline = time.monotonic() + 600
        while not video.has_ended:
            assert time.monotonic() < deadline, video
            time.sleep(0.2)
            with tools.db.read() as tx:
                video = get_video(tx, actor, video.id)
    finally:
        worker.stop(5)
    assert video.state == "ready", video
    return video


def encode_alone(
    tools: Tools, film: Path, rendition: Rendition, cuts: Sequence[int], folder: Path
) -> float:
    """CPU seconds of an ffmpeg that makes this height and nothing else."""
    with tools.db.read() as tx:
        options = read_options(tx)
    short = min(rendition.width, rendition.height)
    rung = min(options.rungs, key=lambda one: abs(one.height - short))
    times = ",".join(f"{cut / 1e6 - 0.01:.6f}" for cut in cuts if cut)
    scale = f"scale={rendition.width}:{rendition.height}:flags=bicubic,setsar=1,format=yuv420p"
    encoder = x264_args(options.encoder_preset, rung.crf, rung.max_bitrate_bps)
    encoder += ["-force_key_frames", f"0,{times}", "-fps_mode", "passthrough"]
    encoder += ["-threads", str(tools.settings.encode_threads)]
    output = ["-f", "mp4", "-y", str(folder / f"alone-{rendition.height}.mp4")]
    done = FFmpeg(tools.ffmpeg.exe).run(
        ["-i", f"file:{film}", "-map", "0:v:0", "-vf", scale, *encoder, *output], folder=folder
    )
    assert done.is_success, done.stderr_tail
    return done.cpu_s
