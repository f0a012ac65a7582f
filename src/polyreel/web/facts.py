"""What is known of a file, in words for people."""

from polyreel.core.library import Video
from polyreel.infra.probe import AudioStream, Probe, VideoStream

__all__ = ["codec_name", "list_facts"]

_CODECS = {
    "aac": "AAC", "ac3": "Dolby Digital", "av1": "AV1", "eac3": "Dolby Digital Plus",
    "flac": "FLAC", "h264": "H.264", "hevc": "H.265", "mp3": "MP3", "mpeg2video": "MPEG-2",
    "mpeg4": "MPEG-4", "opus": "Opus", "prores": "ProRes", "vorbis": "Vorbis", "vp8": "VP8",
    "vp9": "VP9",
}  # fmt: skip
_CHANNELS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


def list_facts(video: Video, probe: str | None) -> list[dict[str, str]]:
    """Label and value of each, the file's name last; `probe` as core keeps it."""
    facts = []
    if probe is not None:
        found = Probe.from_json(probe)
        pictures = [stream for stream in found.video if not stream.attached_picture]
        facts += [("Video", _picture(stream)) for stream in pictures[:1]]
        facts += [("Sound", _sound(stream, len(found.audio))) for stream in found.audio[:1]]
    facts.append(("File", video.filename))
    return [{"label": label, "value": value} for label, value in facts]


def codec_name(codec: str) -> str:
    """What people call a codec; `codec` is libav's name."""
    return _CODECS.get(codec, codec.upper())


def _picture(stream: VideoStream) -> str:
    name = codec_name(stream.codec)
    return f"{name}, {stream.fps:.4g} frames/s" if stream.fps else name


def _sound(stream: AudioStream, count: int) -> str:
    channels = _CHANNELS.get(stream.channels, f"{stream.channels} channels")
    more = f", {count} tracks" if count > 1 else ""
    return f"{codec_name(stream.codec)}, {channels}{more}"
