"""What a probe would say of a film that nobody made."""

from typing import Any

import msgspec

from polyreel.infra.probe import AudioStream, Probe, SubtitleStream, VideoStream

__all__ = ["make_audio", "make_probe", "make_subtitle", "make_video"]


def make_video(**given: Any) -> VideoStream:
    """A plain H.264 track of 1280x720 at 25 frames per second, a keyframe every 2 s for 60 s."""
    keyframes = given.pop("keyframes_us", [2_000_000 * number for number in range(30)])
    values = {
        "index": 0, "codec": "h264", "profile": "High", "level": 31, "width": 1280, "height": 720,
        "sar_num": 1, "sar_den": 1, "rotation": 0, "pix_fmt": "yuv420p", "bit_depth": 8,
        "chroma": "420", "fps": 25.0, "max_fps": 25.0, "is_vfr": False, "frames": None,
        "field_order": "progressive", "color_transfer": "bt709", "color_primaries": "bt709",
        "color_space": "bt709", "color_range": "tv", "dolby_vision_profile": None,
        "attached_picture": False, "default": True, "language": None, "title": None,
        "bit_rate_bps": 2_000_000, "start_us": 0, "duration_us": None, "has_b_frames": True,
        "parameter_sets": 1, "codec_string": "avc1.64001f", "keyframes_us": keyframes,
        "keyframe_bytes": [], "idr_checked": True, **given,
    }  # fmt: skip
    return VideoStream(**values)


def make_audio(**given: Any) -> AudioStream:
    """A stereo AAC track."""
    values = {
        "index": 1, "codec": "aac", "profile": "LC", "sample_rate": 48_000, "channels": 2,
        "layout": "stereo", "language": None, "title": None, "default": True,
        "bit_rate_bps": 128_000, "start_us": 0, "duration_us": None, "codec_string": "mp4a.40.2",
        **given,
    }  # fmt: skip
    return AudioStream(**values)


def make_subtitle(codec: str = "subrip", **given: Any) -> SubtitleStream:
    """A track of text, or of pictures by its codec."""
    values = {
        "index": 2, "codec": codec, "language": None, "title": None, "default": False,
        "forced": False, "is_text": codec in ("subrip", "ass", "webvtt", "mov_text"), **given,
    }  # fmt: skip
    return SubtitleStream(**values)


def make_probe(
    video: VideoStream | None = None, *audio: AudioStream, more: Any = None, **given: Any
) -> Probe:
    """An MP4 of a minute with these tracks; `more` are further pictures."""
    values = {
        "format": "mov,mp4,m4a,3gp,3g2,mj2", "duration_ms": 60_000, "size_bytes": 15_000_000,
        "bit_rate_bps": 2_000_000, "start_us": 0, "has_index": True, "is_truncated": False,
        "title": None, "chapters": [], "video": [*([video] if video else []), *(more or [])],
        "audio": list(audio), "subtitles": [], "attachments": 0, **given,
    }  # fmt: skip
    probe = Probe(**values)
    assert msgspec.json.decode(probe.to_json(), type=Probe) == probe
    return probe
