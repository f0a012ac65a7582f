"""Run ffmpeg on foreign files: what it may read, argument builders, progress and last words.

Builders are pure: options in, argument list out. Each input carries every guard of its own, because
ffmpeg's options bind to the input that follows them. Exit code 0 is necessary and never sufficient:
compare what came out with the probe.
"""

import os
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import imageio_ffmpeg

from polyreel.infra import process
from polyreel.infra.process import Finished, Limits

__all__ = [
    "CODECS",
    "FORMATS",
    "GUARDS",
    "MAX_PIXELS",
    "MAX_STREAMS",
    "FFmpeg",
    "default_limits",
    "file_url",
    "input_args",
    "last_words",
]

# Containers that hold media and nothing else, by demuxer name. Never here: what names other files or
# hosts (hls, dash, concat, sdp, rtsp, imf), what is a program or a picture (lavfi, ffmetadata, image2,
# the *_pipe family), text (subtitle formats, tty), raw samples without a header.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,rm,dv,mxf,gxf,nut,"
    "wtv,nsv,ivf,obu,m4v,h264,hevc,"
    "wav,w64,aiff,caf,mp3,aac,flac,ac3,eac3,dts,dtshd,truehd,amr,ape,tta,wv,mpc,mpc8,tak"
)

# Decoders by their own names, which are not always the codec's: AV1 is libdav1d, DTS is dca, MS-MPEG4
# version 3 is msmpeg4. Hardware decoders are left out: they hand foreign bytes to a driver.
_PICTURE = (
    "h264,hevc,vvc,libdav1d,libaom-av1,av1,vp8,vp9,libvpx,libvpx-vp9,"
    "mpeg1video,mpeg2video,mpegvideo,mpeg4,msmpeg4v1,msmpeg4v2,msmpeg4,wmv1,wmv2,wmv3,vc1,"
    "h261,h263,h263i,h263p,flv,vp3,theora,vp5,vp6,vp6a,vp6f,vp7,"
    "prores,prores_raw,dnxhd,cfhd,ffv1,huffyuv,ffvhuff,utvideo,magicyuv,lagarith,hap,jpeg2000,"
    "dvvideo,rawvideo,v210,r210,mjpeg,mjpegb,"
    "rv10,rv20,rv30,rv40,svq1,svq3,cinepak,indeo2,indeo3,indeo4,indeo5,qtrle,rpza,msvideo1,msrle,"
    "camtasia,tscc2,zmbv,fraps,flashsv,flashsv2,g2m,dirac,cavs"
)
# Only ever attached pictures: cover art.
_COVER = "png,bmp,webp"
_SOUND = (
    "aac,aac_fixed,aac_latm,mp3float,mp3,mp3adufloat,mp3adu,mp2float,mp2,mp1float,mp1,ac3,ac3_fixed,"
    "eac3,dca,truehd,mlp,libopus,opus,libvorbis,vorbis,flac,alac,als,speex,"
    "wmav1,wmav2,wmapro,wmalossless,wmavoice,cook,sipr,ralf,real_144,real_288,atrac3,atrac3plus,"
    "amrnb,amrwb,libopencore_amrnb,libopencore_amrwb,qcelp,gsm,gsm_ms,ilbc,nellymoser,qdm2,qdmc,"
    "mace3,mace6,ape,tta,tak,wavpack,mpc7,mpc8,s302m,dvaudio,"
    "adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,adpcm_swf,adpcm_yamaha,g722,g726,g726le,truespeech,imc,"
    "pcm_alaw,pcm_mulaw,pcm_bluray,pcm_dvd,pcm_f32be,pcm_f32le,pcm_f64be,pcm_f64le,pcm_s8,pcm_u8,"
    "pcm_s16be,pcm_s16le,pcm_s16be_planar,pcm_s16le_planar,pcm_s24be,pcm_s24le,pcm_s24le_planar,"
    "pcm_s32be,pcm_s32le,pcm_s32le_planar,pcm_s64be,pcm_s64le,pcm_u16be,pcm_u16le,pcm_u24be,"
    "pcm_u24le,pcm_u32be,pcm_u32le"
)
_SUBTITLES = (
    "ass,ssa,subrip,srt,text,webvtt,mov_text,dvbsub,dvdsub,pgssub,xsub,cc_dec,libzvbi_teletextdec"
)
CODECS = ",".join((_PICTURE, _COVER, _SOUND, _SUBTITLES))

MAX_STREAMS = 64
# 8K in any shape, and square VR; a frame of that is 100 MB, and a decoder holds twenty.
MAX_PIXELS = 8192 * 8192

# For every input that comes from outside; `infra/probe_child.py` gives libav the same.
GUARDS: dict[str, str] = {
    "protocol_whitelist": "file",
    "format_whitelist": FORMATS,
    "codec_whitelist": CODECS,
    "max_streams": str(MAX_STREAMS),
    "max_pixels": str(MAX_PIXELS),
    "probesize": "20M",
    "analyzeduration": "10M",
}

# Neither time, nor frames, nor bytes came out for so long: it hangs.
STALL_S = 300.0
NICE = 10


def default_limits() -> Limits:
    """What one ffmpeg may use. Address space grows with the cores: each thread reserves some."""
    cores = os.cpu_count() or 1
    return Limits(
        memory_bytes=(8 + cores) << 30,
        cpu_s=7 * 24 * 3600,
        file_bytes=1 << 40,
        open_files=256,
    )


def file_url(path: Path) -> str:
    """`file:/absolute`: no name is ever read as an option, a protocol or a pattern."""
    return f"file:{path.absolute()}"


def input_args(
    path: Path,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    copyts: bool = False,
    threads: int = 0,
    options: Sequence[str] = (),
) -> list[str]:
    """The arguments of one foreign input, guards included, from `-copyts` to `-i file:...`.

    `start_s` seeks to the keyframe at or before it and drops what lies between when decoding;
    `end_s` stops reading. Both count from the start of the file's first stream without `copyts`,
    and are the file's own times with it. `options` go before `-i`; `threads` binds the decoders.
    """
    args = ["-copyts"] if copyts else []
    for name, value in GUARDS.items():
        args += [f"-{name}", value]
    if threads:
        args += ["-threads", str(threads)]
    if start_s is not None:
        args += ["-ss", f"{start_s:.6f}"]
    if end_s is not None:
        args += ["-to", f"{end_s:.6f}"]
    return [*args, *options, "-i", file_url(path)]


class FFmpeg:
    """One ffmpeg executable: `exe` from the settings, or the packaged one when empty."""

    def __init__(self, exe: str = "", threads: int = 0) -> None:
        self.exe = exe or imageio_ffmpeg.get_ffmpeg_exe()
        self.threads = threads
        self._version: str | None = None

    @property
    def version(self) -> str:
        """Such as `n9.0.2-17-g2a571b6068`. Raises Unavailable when it cannot be started."""
        if self._version is None:
            limits = Limits(cpu_s=10, file_bytes=0)
            done = process.run([self.exe, "-version"], limits=limits, timeout_s=20)
            words = done.stdout.decode(errors="replace").split()
            self._version = words[2] if words[:2] == ["ffmpeg", "version"] else "unknown"
        return self._version

    def run(  # noqa: PLR0913 - the one door to ffmpeg
        self,
        args: Sequence[str],
        *,
        sinks: Sequence[Callable[[bytes], None]] = (),
        duration_ms: int | None = None,
        progress: Callable[[float], None] | None = None,
        cancelled: threading.Event | None = None,
        timeout_s: float | None = None,
        limits: Limits | None = None,
    ) -> Finished:
        """Run it to its end, niced. `{sink0}`, ... in `args` are pipes read by `sinks`.

        `progress` gets 0..1 of `duration_ms`, the time that is to come out, about twice a second;
        count it from 0 when `-copyts` is on, too. Standard output is captured, one MiB at most.
        Raises what a sink or `progress` raises, and Unavailable when ffmpeg cannot be started.
        """
        meter = _Meter(duration_ms, progress)
        argv = [self.exe, "-nostdin", "-hide_banner", "-nostats", "-v", "warning"]
        return process.run(
            [*argv, "-progress", "{progress}", *args],
            limits=limits or default_limits(),
            timeout_s=timeout_s,
            stall_s=STALL_S,
            sinks=sinks,
            on_progress=meter.read,
            cancelled=cancelled,
            nice=NICE,
        )


class _Meter:
    """Reads `-progress`, whose lines come every half second whether anything moved or not."""

    def __init__(self, duration_ms: int | None, progress: Callable[[float], None] | None) -> None:
        self._duration_us = (duration_ms or 0) * 1000
        self._progress = progress or _ignore
        self._last: dict[bytes, bytes] = {}

    def read(self, line: bytes) -> bool:
        name, _, value = line.partition(b"=")
        if name not in (b"frame", b"out_time_us", b"total_size") or self._last.get(name) == value:
            return False
        self._last[name] = value
        if name == b"out_time_us" and value.isdigit() and self._duration_us:
            self._progress(min(1.0, int(value) / self._duration_us))
        return True


def _ignore(_done: float) -> None:
    """Nobody wants to know."""


# The first that is found in the tail decides; what people can do something about comes first.
_KNOWN = (
    ("No space left on device", "The disk is full."),
    ("Cannot allocate memory", "It needs more memory than it may use."),
    ("File too large", "The result is larger than a file may be."),
    ("moov atom not found", "The file is incomplete: its index is missing."),
    ("not on whitelist", "Its format or codec is not one this server reads."),
    ("Picture size", "The picture is larger than this server reads."),
    ("does not contain any stream", "There is no picture and no sound in it."),
    ("Unknown encoder", "This ffmpeg lacks the encoder."),
    ("Invalid data found", "The file is damaged, or not a video."),
)
# Lines that only say that something before them went wrong.
_ECHOES = (
    "Last message repeated",
    "Nothing was written into output",
    "Conversion failed",
    "Error opening",
    "Error while opening",
    "Task finished with error",
    "Terminating thread",
    "Could not open encoder before EOF",
)
_PREFIX = re.compile(r"^(\[[^\]]{1,80}\] ?){1,4}")
_PATH = re.compile(r"(file:)?/[^\s'\":]+")


def last_words(stderr_tail: bytes) -> str:
    """One short sentence for a person from what ffmpeg said last; without paths and addresses."""
    text = stderr_tail.decode(errors="replace")
    for sign, sentence in _KNOWN:
        if sign in text:
            return sentence
    lines = [_PREFIX.sub("", line.strip()).strip() for line in text.splitlines()]
    spoken = [line for line in lines if line and not line.startswith(_ECHOES)]
    if not spoken:
        return "It ended without saying why."
    words = _PATH.sub("the file", spoken[-1])
    words = "".join(char for char in words if char.isprintable())[:200].rstrip(" .:")
    return f"{words[:1].upper()}{words[1:]}."
