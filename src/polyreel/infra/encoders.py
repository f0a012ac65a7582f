"""Which encoders really work here: a compiled-in name says nothing about the driver behind it."""

from polyreel.infra.ffmpeg import FFmpeg, last_words
from polyreel.infra.process import Limits

__all__ = ["ENCODERS", "check_encoder", "check_scaler"]

_PICTURE = ["-f", "lavfi", "-i", "testsrc2=size=256x256:rate=30:duration=0.1"]
_SOUND = ["-f", "lavfi", "-i", "sine=sample_rate=48000:duration=0.1"]
_VAAPI = ["-init_hw_device", "vaapi=/dev/dri/renderD128"]
_UPLOAD = ["-vf", "format=nv12,hwupload"]

# What is put around `-c:X NAME` to try it.
_TRIALS: dict[str, tuple[list[str], list[str]]] = {
    "libx264": (_PICTURE, ["-pix_fmt", "yuv420p", "-c:v"]),
    "libx265": (_PICTURE, ["-pix_fmt", "yuv420p", "-c:v"]),
    "libsvtav1": (_PICTURE, ["-pix_fmt", "yuv420p", "-preset", "10", "-c:v"]),
    "libwebp": (_PICTURE, ["-frames:v", "1", "-c:v"]),
    "aac": (_SOUND, ["-c:a"]),
    "libopus": (_SOUND, ["-c:a"]),
    "h264_nvenc": (_PICTURE, ["-pix_fmt", "yuv420p", "-c:v"]),
    "h264_vaapi": ([*_VAAPI, *_PICTURE], [*_UPLOAD, "-c:v"]),
    "h264_qsv": (_PICTURE, ["-pix_fmt", "nv12", "-c:v"]),
}
ENCODERS = tuple(_TRIALS)

# Hardware drivers reserve address space by the hundred gigabytes, so memory is not bound here; the
# input is ours.
_LIMITS = Limits(cpu_s=30, file_bytes=1 << 20)


def check_encoder(ffmpeg: FFmpeg, name: str) -> str | None:
    """None when `name` (one of ENCODERS) encodes 0.1 s; else why not, in one sentence."""
    source, options = _TRIALS[name]
    return _try(ffmpeg, [*source, *options, name])


def check_scaler(ffmpeg: FFmpeg) -> str | None:
    """None when the filter that scales a ladder is there; else why not, in one sentence."""
    return _try(ffmpeg, [*_PICTURE, "-vf", "zscale=128:128"])


def _try(ffmpeg: FFmpeg, args: list[str]) -> str | None:
    done = ffmpeg.run([*args, "-f", "null", "/dev/null"], timeout_s=20, limits=_LIMITS)
    return None if done.is_success else last_words(done.stderr_tail)
