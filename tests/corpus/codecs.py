"""Codecs, colours and containers; and names that are no names."""

from tests.corpus.oddity import Maker, Oddity, encode

__all__ = ["CODECS", "NAMES"]

_SOURCE = ("-f", "lavfi", "-i", "testsrc2=s=426x240:r=25:d=3")
_TONE = ("-f", "lavfi", "-i", "sine=sample_rate=48000:d=3")
_PQ = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
_HLG = "colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc"


def _picture(container: str, *codec: str) -> Maker:
    return encode(*_SOURCE, *codec, "-f", container)


def _both(container: str, sound: str, *codec: str) -> Maker:
    return encode(*_SOURCE, *_TONE, *codec, "-c:a", sound, "-f", container)


def _x264(pix_fmt: str, *more: str) -> tuple[str, ...]:
    return ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", pix_fmt, *more)


def _x265(pix_fmt: str, params: str) -> tuple[str, ...]:
    return ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", pix_fmt, "-tag:v", "hvc1",
            "-x265-params", f"log-level=error:keyint=25:{params}")  # fmt: skip


_VPX = ("-deadline", "realtime", "-cpu-used", "8", "-b:v", "300k", "-g", "25")
_FIELDS = ("-vf", "interlace", "-flags", "+ildct+ilme")

CODECS = (
    Oddity(title="hdr10", make=_picture("mp4", *_x265("yuv420p10le", _PQ + ":hdr10=1"))),
    Oddity(title="hlg", make=_picture("mp4", *_x265("yuv420p10le", _HLG))),
    Oddity(title="10 bit", make=_picture("mp4", *_x264("yuv420p10le")), pictures=("240p",)),
    Oddity(title="4-2-2", make=_picture("mp4", *_x264("yuv422p")), pictures=("240p",)),
    Oddity(title="4-4-4", make=_picture("mp4", *_x264("yuv444p")), pictures=("240p",)),
    Oddity(title="full range", make=_picture("mp4", *_x264("yuvj420p")), pictures=("240p",)),
    Oddity(title="gray", make=_picture("matroska", *_x264("gray")), suffix="mkv", pictures=("240p",)),
    Oddity(title="rgb", make=_picture("matroska", "-c:v", "libx264rgb", "-preset", "ultrafast"),
           suffix="mkv", pictures=("240p",)),
    Oddity(title="prores with alpha", make=encode("-f", "lavfi", "-i",
           "testsrc2=s=426x240:r=25:d=2:alpha=128,format=yuva444p10le", "-c:v", "prores_ks", "-profile:v",
           "4444", "-pix_fmt", "yuva444p10le", "-f", "mov"), suffix="mov", pictures=("240p",)),
    Oddity(title="vp8", make=_both("webm", "libvorbis", "-c:v", "libvpx", *_VPX), suffix="webm",
           pictures=("240p",), sounds=1),
    Oddity(title="vp9", make=_both("webm", "libopus", "-c:v", "libvpx-vp9", *_VPX), suffix="webm", sounds=1),
    Oddity(title="av1", make=_both("mp4", "libopus", "-c:v", "libsvtav1", "-preset", "12", "-g", "25"),
           sounds=1),
    Oddity(title="hevc", make=_both("mp4", "aac", *_x265("yuv420p", "open-gop=0")), sounds=1),
    Oddity(title="interlaced mpeg-2 ts", make=_both("mpegts", "mp2", "-c:v", "mpeg2video", "-b:v", "2M",
           *_FIELDS), suffix="ts", sounds=1),
    Oddity(title="interlaced h264", make=_both("mp4", "aac", *_x264("yuv420p", *_FIELDS)), sounds=1),
    Oddity(title="mpeg-ps", make=_both("vob", "mp2", "-c:v", "mpeg2video", "-b:v", "1M"), suffix="vob"),
    Oddity(title="xvid", make=_both("avi", "libmp3lame", "-c:v", "mpeg4", "-vtag", "xvid"), suffix="avi"),
    Oddity(title="motion jpeg", make=_both("avi", "pcm_s16le", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p"),
           suffix="avi"),
    Oddity(title="windows media", make=_both("asf", "wmav2", "-c:v", "wmv2"), suffix="wmv"),
    Oddity(title="theora", make=_both("ogg", "libvorbis", "-c:v", "libtheora"), suffix="ogv"),
    Oddity(title="flash", make=encode(*_SOURCE, "-f", "lavfi", "-i", "sine=sample_rate=44100:d=3", "-c:v",
           "flv1", "-c:a", "libmp3lame", "-f", "flv"), suffix="flv"),
    Oddity(title="dv", make=encode("-f", "lavfi", "-i", "testsrc2=s=720x576:r=25:d=1,setsar=16/15", "-c:v",
           "dvvideo", "-pix_fmt", "yuv420p", "-f", "dv"), suffix="dv"),
    Oddity(title="mxf", make=_both("mxf", "pcm_s16le", "-c:v", "mpeg2video", "-b:v", "2M"), suffix="mxf"),
    Oddity(title="ffv1", make=_both("matroska", "flac", "-c:v", "ffv1"), suffix="mkv"),
    Oddity(title="raw h264", make=_picture("h264", *_x264("yuv420p")), suffix="h264"),
)  # fmt: skip

_PLAIN = _picture("mp4", *_x264("yuv420p"))
NAMES = tuple(
    Oddity(title=f"name {number}", name=name, make=_PLAIN, pictures=("240p",))
    for number, name in enumerate(
        (
            "a" * 251 + ".mp4", "two\nlines.mp4", "-i", "$(id).mp4", "\u202e4pm.exe", "../../etc/x.mp4",
            "<script>alert(1)</script>.mp4", "'; DROP TABLE videos; --.mp4", "日本語の映画.mp4", "CON.mp4",
        )
    )
)  # fmt: skip
