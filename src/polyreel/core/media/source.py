"""Questions about a source: which picture is the film, what of it can be passed on as it is. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from polyreel.infra.probe import AudioStream, Probe, VideoStream
from polyreel.kit.errors import Unsupported
from polyreel.kit.units import format_bytes, format_duration

# A copy is cut at the source's own keyframes: further apart than this, seeking gets slow.
LONGEST_GOP_US = 10_000_000
COPYABLE_AUDIO_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
# Other codecs that players of today may take as they are, beside the H.264 that all of them take.
NATIVE = ("hevc", "av1", "vp9")
# The transfer functions of HDR, as libav names them.
_TONES: dict[str, Literal["pq", "hlg"]] = {"smpte2084": "pq", "arib-std-b67": "hlg"}
_ALPHA = ("yuva", "gbrap", "rgba", "bgra", "argb", "abgr", "ya", "ayuv", "pal8")


@dataclass(frozen=True)
class SourceLimits:
    """What is taken at most; 0: no limit. Bit rate in bits per second over the whole file."""

    duration_s: int = 36_000
    side_px: int = 8192
    tracks: int = 64
    bitrate_bps: int = 0
    size_bytes: int = 0


def check_limits(probe: Probe, limits: SourceLimits) -> None:
    """Raises Unsupported, with a sentence for the uploader, for what lies outside."""
    tracks = len(probe.video) + len(probe.audio) + len(probe.subtitles)
    rate = probe.size_bytes * 8000 // probe.duration_ms if probe.duration_ms else 0
    if limits.duration_s and (probe.duration_ms or 0) > limits.duration_s * 1000:
        length = format_duration(limits.duration_s * 1000)
        raise Unsupported(f"The film is longer than {length}, the most this server takes.")
    if limits.size_bytes and probe.size_bytes > limits.size_bytes:
        size = format_bytes(limits.size_bytes)
        raise Unsupported(f"The file is larger than {size}, the most this server takes.")
    if limits.tracks and tracks > limits.tracks:
        raise Unsupported(f"The file has more than {limits.tracks} tracks.")
    if limits.bitrate_bps and rate > limits.bitrate_bps:
        most = limits.bitrate_bps / 1e6
        raise Unsupported(f"The film has more than {most:g} Mbit/s, the most this server takes.")
    video = main_picture(probe)
    if video is None:
        return
    if min(video.width, video.height) < 1:
        raise Unsupported("The picture has no size.")
    if limits.side_px and max(video.width, video.height) > limits.side_px:
        raise Unsupported(f"The picture is larger than {limits.side_px} pixels on one side.")
    if limits.side_px and max(display_size(video)) > limits.side_px:
        # Pixels a hundred times as wide as high: nobody's camera, and no encoder's size.
        raise Unsupported("The shape of the picture makes no sense.")


def main_picture(probe: Probe) -> VideoStream | None:
    """The film's picture track: the default one, else the first; never a cover image."""
    tracks = [stream for stream in probe.video if not stream.attached_picture]
    return next((stream for stream in tracks if stream.default), tracks[0] if tracks else None)


def track_end_us(stream: VideoStream | AudioStream, duration_us: int) -> int:
    """When a track ends, in a film of that length."""
    if not stream.duration_us:
        return duration_us
    return min(duration_us, max(0, stream.start_us or 0) + stream.duration_us)


def display_size(video: VideoStream) -> tuple[int, int]:
    """Width and height as shown: pixel shape and rotation applied."""
    width = video.width
    if video.sar_num > 0 and video.sar_den > 0:
        width = round(width * video.sar_num / video.sar_den)
    size = (max(1, width), video.height)
    return (size[1], size[0]) if video.rotation in (90, 270) else size


def tone_of(video: VideoStream) -> Literal["pq", "hlg"] | None:
    """Which HDR it is, None for SDR."""
    return _TONES.get(video.color_transfer)


def has_alpha(video: VideoStream) -> bool:
    """True when the picture may be transparent somewhere."""
    return video.pix_fmt.startswith(_ALPHA)


def is_copyable(video: VideoStream, probe: Probe, *, max_fps: float) -> bool:
    """True when every player takes the picture as it is: see design, "publish at once"."""
    return (
        video.codec == "h264"
        and _has_good_keyframes(video, probe)
        and video.bit_depth == 8
        and video.chroma == "420"
        and video.parameter_sets <= 1
        and tone_of(video) is None
        # Twice what is asked for is what a fast display shows; a thousand is no film for anybody.
        and (video.fps or 0) <= 2 * max_fps
    )


def native_codec(video: VideoStream, probe: Probe, *, max_fps: float) -> str | None:
    """`hevc`, `av1` or `vp9` when the picture can be offered as it is to those who take that codec."""
    fits = (
        video.codec in NATIVE
        and video.chroma in ("420", "400")
        and _has_good_keyframes(video, probe)
        and (video.fps or 0) <= 2 * max_fps
    )
    return video.codec if fits else None


def _has_good_keyframes(video: VideoStream, probe: Probe) -> bool:
    """Known, near enough to each other, and a film can begin at each; nothing else to be mended."""
    keyframes = video.keyframes_us
    duration_us = (probe.duration_ms or 0) * 1000
    if not (probe.has_index and keyframes and duration_us and video.idr_checked):
        return False
    # A first picture before time zero is hidden by an edit list, which a copy cannot keep.
    if not -20_000 <= keyframes[0] <= 500_000 or video.width % 2 or video.height % 2:
        return False
    if video.is_interlaced or video.rotation:
        return False
    return _longest_gap(keyframes, duration_us) <= LONGEST_GOP_US


def _longest_gap(keyframes_us: Sequence[int], duration_us: int) -> int:
    ends = [*keyframes_us[1:], max(duration_us, keyframes_us[-1])]
    return max(end - start for start, end in zip(keyframes_us, ends, strict=True))
