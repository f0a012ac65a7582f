"""The ffmpeg arguments of each job: from planned renditions to a command line. Pure."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from polyreel.core.media.cutting import FRAGMENT_US
from polyreel.core.media.plan import encoded_sound_rate
from polyreel.infra.ffmpeg import input_args

# One fragment a keyframe, times as in the film (`frag_discont`), the first picture shown at its true
# time without an edit list (`negative_cts_offsets`), no index at the end.
_FLAGS = "empty_moov+default_base_moof+skip_trailer+negative_cts_offsets+frag_discont"
# Chapters would become a track of their own in every rendition: they go out beside the film.
_MP4 = ["-map_chapters", "-1", "-f", "mp4", "-flush_packets", "1"]
_VIDEO_MP4 = [*_MP4, "-movflags", _FLAGS + "+frag_keyframe"]
# Sound is gathered anew by our packager: a quarter of a second at a time comes quickly and is cheap.
_AUDIO_MP4 = [*_MP4, "-movflags", _FLAGS, "-frag_duration", "250000"]
# Encoders put priming before time zero; a fragment cannot start there, and a player drops it anyway.
_NO_PRIMING = ["-bsf:a", r"noise=drop=lt(pts\,0)"]
# Of the coders of ffmpeg's AAC encoder this one makes the whole command, decoding included, a third cheaper, and at
# our rates it sounds no worse (tests/bench/bench_sound.py). A newer ffmpeg may lack it.
QUICK_CODER = "fast"
# CRF is meant as x264's `medium` takes it: what panels show and people know. `veryfast` is several points
# of VMAF worse at the same number; a little lower, and with these of its ways as thorough as medium's, it
# is within a point and a tenth of the bytes, for less than half of the work (tests/bench/bench_quality.py).
# Frames of look-ahead cost no time that can be measured, and gain more than what they take in bytes. Blocks
# smaller than 8x8, and inter ones smaller than 16x16, cost about a fifth of the time and gain next to nothing.
_LIKE_MEDIUM = {"veryfast": (-0.25, "trellis=1:subme=3:me=dia:rc-lookahead=25:partitions=i8x8")}


@dataclass(frozen=True)
class Picture:
    """One picture track of a file. `is_plain`: 8 bit 4:2:0 of one even size throughout, as all is that
    can be copied. `tone`: the kind of HDR.
    """

    source: Path
    stream: int
    is_interlaced: bool = False
    is_plain: bool = False
    is_rgb: bool = False
    has_alpha: bool = False
    tone: Literal["pq", "hlg"] | None = None


@dataclass(frozen=True)
class Rung:
    """One encoded picture: even size, cap in bits per second, CRF as x264's `medium` takes it, frames
    per second or None for as is.
    """

    width: int
    height: int
    rate_bps: int
    crf: int
    fps: float | None


@dataclass(frozen=True)
class EncodeRules:
    """x264 preset, the threads of each encoder, and those of the decoder (0: as many as it likes)."""

    preset: str
    threads: int
    decoder_threads: int = 0


@dataclass(frozen=True)
class Stretch:
    """What to encode: keyframe times in it (none: every 4 s), its limits (`end_us` None: to the end),
    and the length of a frame. Microseconds.
    """

    cuts_us: Sequence[int]
    start_us: int = 0
    end_us: int | None = None
    frame_us: int = 40_000


def threads_each(wished: int, rungs: int) -> int:
    """Threads of each of `rungs` encoders: `wished` for each when set, else so many that together
    they fill the cores. More would cost a sixth more processor time and be no faster.
    """
    return wished or max(1, math.ceil((os.cpu_count() or 1) / max(1, rungs)))


def decoder_threads() -> int:
    """Threads that decode for a ladder: half the cores. Decoding is less than half of the work of any but a
    ladder of small rungs alone, and each thread more makes it dearer: a sixth with two instead of one.
    """
    return max(1, (os.cpu_count() or 1) // 2)


def copy_video_args(source: Path, stream: int, codec: str, sink: str) -> list[str]:
    """Copy one picture track into fragments; `codec` is libav's name of it."""
    args = [*input_args(source), "-map", f"0:{stream}", "-c:v", "copy"]
    # Apple's players take HEVC under this name only, with its parameter sets in the header.
    args += ["-tag:v", "hvc1"] if codec == "hevc" else []
    return [*args, *_VIDEO_MP4, sink]


def copy_sound_args(source: Path, stream: int, sink: str) -> list[str]:
    """Copy one audio track into fragments."""
    return [*_sound_of(source, stream), "-c:a", "copy", *_NO_PRIMING, *_AUDIO_MP4, sink]


def encode_sound_args(
    source: Path, stream: int, channels: int, sink: str, *, coder: str | None = None
) -> list[str]:
    """Encode one audio track once for the whole film, holes filled with silence; `coder` None: ffmpeg's
    usual one.
    """
    layout = {6: "5.1", 8: "7.1"}.get(channels, "stereo")
    filters = f"aresample=async=1:first_pts=0:osr=48000,aformat=channel_layouts={layout}"
    codec = ["-c:a", "aac", "-b:a", str(encoded_sound_rate(channels))]
    codec += ["-aac_coder", coder] if coder else []
    return [*_sound_of(source, stream), "-af", filters, *codec, *_NO_PRIMING, *_AUDIO_MP4, sink]


def _sound_of(source: Path, stream: int) -> list[str]:
    return [*input_args(source), "-map", f"0:{stream}"]


def ladder_args(
    picture: Picture, rungs: Sequence[Rung], rules: EncodeRules, stretch: Stretch
) -> list[str]:
    """Decode one stretch once and encode every rung of it, tallest first, to `{sink0}`, `{sink1}`...

    Half a frame is left before each limit, so that rounded time stamps fall on the right side.
    """
    half = stretch.frame_us // 2
    begin = max(0, stretch.start_us - half) / 1e6
    stop = None if stretch.end_us is None else (stretch.end_us - half) / 1e6
    read = partial(input_args, picture.source, threads=rules.decoder_threads)
    # The part keeps its place in the film; elsewhere ffmpeg mends jumps in time stamps.
    args = ["-start_at_zero", *read(start_s=begin, copyts=True)] if stretch.start_us else read()
    chain = [f"trim=start={begin:.6f}" + ("" if stop is None else f":end={stop:.6f}")]
    if picture.is_interlaced:
        chain.append("bwdif=mode=send_frame:deint=interlaced")
    if rungs[0].fps is not None:
        chain.append(f"fps={rungs[0].fps:g}")
    args += ["-filter_complex", _ladder_filter(picture, rungs, chain)]
    if stretch.cuts_us:
        early = [max(0, cut - stretch.frame_us // 4) for cut in stretch.cuts_us]
        times = ",".join(f"{cut / 1e6:.6f}" for cut in early)
    else:
        times = f"expr:gte(t,n_forced*{FRAGMENT_US / 1e6:g})"
    for number, rung in enumerate(rungs):
        args += ["-map", f"[v{number}]", *_x264(rung, rules), "-force_key_frames", times]
        args += ["-video_track_timescale", "90000", *_VIDEO_MP4, f"{{sink{number}}}"]
    return args


def _ladder_filter(picture: Picture, rungs: Sequence[Rung], chain: Sequence[str]) -> str:
    graph = [f"[0:{picture.stream}]" + ",".join(chain) + "[s0]"]
    for number, rung in enumerate(rungs):
        size = f"{rung.width}:{rung.height}"
        # zscale costs a third of scale, and takes less: planes of even size. Rungs are made of such.
        # As sharp as this, a small picture is as near to its source as what scale makes of it.
        scale = f"zscale={size}:filter=bicubic:param_a=0:param_b=0.7"
        if number == 0 and not picture.is_plain:
            scale = _first_scale(picture, size)
        scale += ",setsar=1"
        if number == len(rungs) - 1:
            graph.append(f"[s{number}]{scale}[v{number}]")
        else:
            # Each rung is scaled from the one above: less work than from the source every time.
            graph.append(f"[s{number}]{scale},split=2[v{number}][s{number + 1}]")
    return ";".join(graph)


def _first_scale(picture: Picture, size: str) -> str:
    """Any picture at the ladder's largest size, in the 8 bit 4:2:0 that every player takes."""
    if picture.tone:
        transfer = {"pq": "smpte2084", "hlg": "arib-std-b67"}[picture.tone]
        # Made smaller first: bringing the light down costs by the pixel, and is done in floats.
        return (
            f"scale={size}:flags=bicubic,format=yuv420p10,"
            f"zscale=tin={transfer}:pin=bt2020:min=bt2020nc:rin=tv:t=linear:npl=100,"
            "format=gbrpf32le,zscale=p=bt709,tonemap=tonemap=hable:desat=0,"
            "zscale=t=bt709:m=bt709:r=tv,format=yuv420p"
        )
    before = ""
    if picture.has_alpha:
        # What is transparent becomes black, not whatever the file has under it.
        before = ("format=gbrap," if picture.is_rgb else "") + "premultiply=inplace=1,"
    if picture.is_rgb:
        colours = "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
        scale = f"scale={size}:flags=bicubic:out_color_matrix=bt709:out_range=tv"
        return f"{before}{scale},format=yuv420p,{colours}"
    return f"{before}scale={size}:flags=bicubic,format=yuv420p"


def x264_args(preset: str, crf: int, rate_bps: int) -> list[str]:
    """One encoder of pictures: `crf` as `medium` takes it, capped at `rate_bps`, keyframes only where
    they are asked for.
    """
    shift, ways = _LIKE_MEDIUM.get(preset, (0, ""))
    params = "scenecut=0:open-gop=0:keyint=infinite:min-keyint=1" + (":" + ways if ways else "")
    args = ["-c:v", "libx264", "-preset", preset, "-crf", f"{crf + shift:g}"]
    # `vbv` keeps the promised peak true over any second.
    args += ["-maxrate", str(rate_bps), "-bufsize", str(rate_bps * 2)]
    return [*args, "-profile:v", "high", "-pix_fmt", "yuv420p", "-x264-params", params]


def _x264(rung: Rung, rules: EncodeRules) -> list[str]:
    args = x264_args(rules.preset, rung.crf, rung.rate_bps)
    args += ["-fps_mode", "passthrough", "-threads", str(rules.threads)]
    return args if rung.fps is not None else [*args, "-enc_time_base", "demux"]
