"""The ffmpeg arguments for images: frames of a film onto sheets, or one of them alone. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from polyreel.core.media.looks import LOOK_HEIGHT, LOOK_WIDTH
from polyreel.core.media.source import display_size
from polyreel.core.media.storyboard import TILE_SIDE, plan_grid
from polyreel.infra.ffmpeg import input_args
from polyreel.infra.probe import VideoStream

MOSAIC_GRID = 4
CELL_SIDE = 480
POSTER_SIDE = 1280

_TURNS = {90: ["transpose=clock"], 180: ["hflip", "vflip"], 270: ["transpose=cclock"]}
_HDR = ("smpte2084", "arib-std-b67")
# From the light of the scene to that of an SDR screen; white at 203 cd/m² (ITU-R BT.2408).
_TO_SDR = [
    "zscale=t=linear:npl=203",
    "format=gbrpf32le",
    "zscale=p=bt709",
    "tonemap=mobius:desat=0",
    "zscale=t=bt709:m=bt709:r=tv",
]


@dataclass(frozen=True)
class Frames:
    """Where the frames of a film are: `count` of them, `fps` a second, in a track of a file.

    They are all there is in the file (keyframes that were picked), or are taken from a short film.
    """

    path: Path
    stream: int
    count: int
    fps: float
    starts_us: Sequence[int]

    def time_of(self, number: int) -> float:
        """Where in the file a frame is, in seconds; a little earlier, so that rounding does no harm."""
        return max(0.0, (number - 0.25) / self.fps)


def fit(video: VideoStream, side: int) -> tuple[int, int]:
    """Even width and height as shown that fit a square of `side` pixels; never enlarged."""
    width, height = display_size(video)
    scale = min(1.0, side / max(width, height))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def mosaic_picks(count: int) -> list[int]:
    """Which frames make the mosaic: sixteen, or the largest square there is, evenly spaced."""
    cells = min(MOSAIC_GRID, math.isqrt(count)) ** 2
    return [(2 * number + 1) * count // (2 * cells) for number in range(cells)]


def sheet_args(frames: Frames, video: VideoStream) -> list[str]:
    """One decode of all frames: the mosaic to `{sink0}`, the storyboard's sheet to `{sink1}`, both as
    WebP, and the looks as raw gray pixels to `{sink2}`.
    """
    picks = mosaic_picks(frames.count)
    grid = math.isqrt(len(picks))
    columns, rows = plan_grid(frames.count)
    width, height = fit(video, TILE_SIDE)
    wanted = "+".join(rf"eq(n\,{number})" for number in picks)
    # A frame that cannot be decoded is replaced by the one before: the others keep their numbers.
    first = f"fps={frames.fps:.6f}:start_time=0,trim=end_frame={frames.count},"
    graph = [
        f"[0:{frames.stream}]{first}{_scaled(video, CELL_SIDE)},split=3[a][b][c]",
        f"[a]select={wanted},tile={grid}x{grid}[mosaic]",
        f"[b]scale={width}:{height}:flags=area,tile={columns}x{rows}[sheet]",
        f"[c]scale={LOOK_WIDTH}:{LOOK_HEIGHT}:flags=area,format=gray[looks]",
    ]
    return [
        *_input(frames.path),
        *("-filter_complex", ";".join(graph)),
        *("-map", "[mosaic]", *_webp(78), "{sink0}"),
        *("-map", "[sheet]", *_webp(60), "{sink1}"),
        *("-map", "[looks]", "-fps_mode", "passthrough", "-f", "rawvideo", "{sink2}"),
    ]


def poster_args(frames: Frames, number: int, video: VideoStream) -> list[str]:
    """One of the frames, large, as WebP to `{sink0}`."""
    source = _input(frames.path, start_s=frames.time_of(number))
    picture = ["-map", f"0:{frames.stream}", "-vf", _scaled(video, POSTER_SIDE)]
    return [*source, *picture, *_webp(78), "{sink0}"]


def seek_args(source: Path, video: VideoStream, start_s: float | None) -> list[str]:
    """The keyframe before a moment of any file, or a cover, large, as WebP to `{sink0}`."""
    options = ["-noaccurate_seek"] if start_s is not None else []
    picture = ["-map", f"0:{video.index}", "-vf", _scaled(video, POSTER_SIDE)]
    return [*_input(source, *options, start_s=start_s), *picture, *_webp(78), "{sink0}"]


def _input(path: Path, *options: str, start_s: float | None = None) -> list[str]:
    # Turned by us: what was picked may have lost that it is to be.
    more = [*options, "-noautorotate", "-an", "-sn", "-dn"]
    return input_args(path, start_s=start_s, threads=2, options=more)


def _scaled(video: VideoStream, side: int) -> str:
    """Filters to a plain picture, as it is to be seen."""
    width, height = fit(video, side)
    chain = []
    if video.is_interlaced:
        # Of one frame alone: its neighbours are other scenes.
        chain.append("estdif=mode=frame:deint=all")
    chain += _TURNS.get(video.rotation, [])
    chain.append(f"scale={width}:{height}:flags=bicubic")
    if video.color_transfer in _HDR:
        chain += _TO_SDR
    return ",".join([*chain, "format=yuv420p", "setsar=1"])


def _webp(quality: int) -> list[str]:
    return ["-frames:v", "1", "-c:v", "libwebp", "-quality", str(quality), "-f", "webp"]
