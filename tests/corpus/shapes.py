"""Sizes, times and rates that nobody expects, but people have."""

from pathlib import Path

from tests.corpus.oddity import BAD, FINE, Maker, Oddity, encode
from tests.factories.clips import ClipMaker

__all__ = ["SHAPES"]

_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
_AAC = ("-c:a", "aac", "-b:a", "64k")


def _source(size: str, seconds: float = 2, fps: str = "25") -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", f"testsrc2=s={size}:r={fps}:d={seconds}")


def _tone(seconds: float = 2) -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", f"sine=sample_rate=48000:d={seconds}")


def _h264(size: str, *more: str, seconds: float = 2, fps: str = "25") -> Maker:
    return encode(*_source(size, seconds, fps), *_X264, *more, "-f", "mp4")


def _rotated(degrees: str) -> Maker:
    def make(ffmpeg: ClipMaker, path: Path) -> None:
        straight = path.with_suffix(".straight")
        _h264("426x240")(ffmpeg, straight)
        ffmpeg.run(
            "-display_rotation",
            degrees,
            "-i",
            f"file:{straight}",
            "-c",
            "copy",
            "-f",
            "mp4",
            f"file:{path}",
        )

    return make


def _disjoint(ffmpeg: ClipMaker, path: Path) -> None:
    """Two recordings in one transport stream: time jumps back in the middle."""
    halves = []
    for number, offset in enumerate(("4000", "20")):
        half = path.with_suffix(f".{number}")
        encode(*_source("426x240", 3), *_tone(3), "-c:v", "mpeg2video", "-flags", "+ildct+ilme",
               "-b:v", "1M", "-c:a", "mp2", "-output_ts_offset", offset, "-f", "mpegts")(
            ffmpeg, half
        )  # fmt: skip
        halves.append(half.read_bytes())
    path.write_bytes(b"".join(halves))


SHAPES = (
    Oddity(title="12000x12000", make=encode(*_source("12000x12000", 0.04), "-c:v", "mjpeg", "-f", "avi"),
           suffix="avi", state=BAD, says="larger"),
    Oddity(title="1x1", make=encode("-f", "lavfi", "-i", "color=c=red:s=1x1:d=1", "-pix_fmt", "gray", "-c:v",
           "ffv1", "-f", "matroska"),
           suffix="mkv", state=FINE, size=(2, 2)),
    Oddity(title="2x2", make=_h264("2x2", seconds=1), state=FINE, size=(2, 2)),
    Oddity(title="odd", make=encode(*_source("321x241"), "-c:v", "libvpx", "-cpu-used", "8", "-deadline",
           "realtime", "-f", "webm"), suffix="webm", pictures=("240p",), size=(320, 240)),
    Oddity(title="portrait", make=_h264("360x640"), pictures=("360p", "240p"), size=(360, 640)),
    Oddity(title="rotated by 90", make=_rotated("90"), pictures=("240p",), size=(240, 426)),
    Oddity(title="rotated by 180", make=_rotated("180"), pictures=("240p",), size=(426, 240)),
    Oddity(title="anamorphic", make=_h264("352x288", "-vf", "setsar=16/11"), size=(352, 288)),
    Oddity(title="very wide", make=_h264("4000x20"), size=(4000, 20)),
    Oddity(title="very tall", make=_h264("20x4000"), size=(20, 4000)),
    Oddity(title="above the ladder", make=_h264("2560x1440", seconds=0.5), pictures=(
           "1440p", "1080p", "720p", "480p", "360p", "240p")),
    Oddity(title="vfr", make=encode(*_source("426x240", 4), "-vf",
           "select='not(mod(n,3))+gt(mod(n,50),25)'", "-fps_mode", "vfr", *_X264, "-f", "matroska"),
           suffix="mkv", lasts_s=4.0),
    Oddity(title="1000 fps", make=_h264("426x240", seconds=1, fps="1000"), lasts_s=1.0),
    Oddity(title="slides", make=_h264("426x240", "-x264-params", "keyint=1", seconds=20, fps="1/5"),
           lasts_s=20.0),
    Oddity(title="one frame", make=_h264("426x240", "-frames:v", "1")),
    Oddity(title="two frames", make=_h264("426x240", "-frames:v", "2")),
    Oddity(title="long between keyframes", make=_h264("426x240", "-g", "9999", "-sc_threshold", "0",
           seconds=25), lasts_s=25.0),
    Oddity(title="open gops", make=_h264("426x240", "-x264-params",
           "open-gop=1:keyint=25:bframes=3", "-preset", "veryfast", seconds=6), lasts_s=6.0),
    Oddity(title="negative times", make=encode("-itsoffset", "-1", *_source("426x240", 4), "-itsoffset", "-1",
           *_tone(4), *_X264, *_AAC, "-avoid_negative_ts", "disabled", "-f", "matroska"), suffix="mkv"),
    Oddity(title="late sound", make=encode(*_source("426x240", 5), "-itsoffset", "2", *_tone(3),
           "-map", "0", "-map", "1", *_X264, *_AAC, "-f", "mp4"), lasts_s=5.0, sounds=1),
    Oddity(title="late picture", make=encode("-itsoffset", "2", *_source("426x240", 3), *_tone(5),
           *_X264, *_AAC, "-f", "mp4"), lasts_s=5.0, sounds=1),
    Oddity(title="sound outlasts picture", make=encode(*_source("426x240", 2), *_tone(6), *_X264, *_AAC,
           "-f", "mp4"), lasts_s=6.0, sounds=1),
    Oddity(title="picture outlasts sound", make=encode(*_source("426x240", 6), *_tone(2), *_X264, *_AAC,
           "-f", "mp4"), lasts_s=6.0, sounds=1),
    Oddity(title="starts at ten hours", make=encode(*_source("426x240", 4), *_tone(4), *_X264, *_AAC,
           "-output_ts_offset", "36000", "-f", "mpegts"), suffix="ts", sounds=1),
    Oddity(title="interlaced ts with a jump", make=_disjoint, suffix="ts", state="ready|damaged", sounds=1),
    Oddity(title="silent", make=_h264("426x240", seconds=4), sounds=0, lasts_s=4.0),
    Oddity(title="no duration", make=encode(*_source("426x240", 4), "-c:v", "libvpx", "-cpu-used", "8",
           "-deadline", "realtime", "-f", "webm", "-live", "1"), suffix="webm"),
    Oddity(title="fragmented mp4", make=_h264("426x240", "-g", "25", "-movflags",
           "frag_keyframe+empty_moov+default_base_moof", seconds=5)),
)  # fmt: skip
