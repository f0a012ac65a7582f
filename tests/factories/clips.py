"""Small clips with known contents, made by ffmpeg when a test first asks for them."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

USUAL_SUFFIX = {"h264": "mp4", "hevc": "mp4", "vp8": "webm", "vp9": "webm", None: "m4a"}

PICTURE = {
    "h264": [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p",
        "-sc_threshold",
        "0",
    ],
    "hevc": ["-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-pix_fmt", "yuv420p"],
    "vp8": ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "500k"],
    "vp9": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "500k"],
}
SOUND = {
    "aac": ["-c:a", "aac", "-b:a", "96k"],
    "opus": ["-c:a", "libopus", "-b:a", "64k"],
    "vorbis": ["-c:a", "libvorbis"],
    "mp3": ["-c:a", "libmp3lame"],
    "flac": ["-c:a", "flac"],
}


@dataclass(frozen=True, kw_only=True)
class Clip:
    """What a clip is made of; one with neither picture nor sound cannot be."""

    picture: Literal["h264", "hevc", "vp8", "vp9"] | None = "h264"
    sound: Literal["aac", "opus", "vorbis", "mp3", "flac"] | None = "aac"
    seconds: float = 2.0
    width: int = 320
    height: int = 180
    fps: int = 25
    keyframe_every_s: float = 1.0
    suffix: str = ""
    """File type, such as `mkv`, `mov`, `ts`; empty: what is usual for the picture."""
    faststart: bool = True
    """False: the moov box comes after the media, as cameras write it."""
    extra: tuple[str, ...] = ()
    """More arguments for ffmpeg, before the file's name."""


class ClipMaker:
    """Calling it gives the path of a clip; the same wish twice gives the same file: do not change it."""

    def __init__(self, folder: Path, ffmpeg_exe: str) -> None:
        self.folder = folder
        self.ffmpeg_exe = ffmpeg_exe
        self.made: dict[Clip, Path] = {}

    def __call__(self, **wishes: object) -> Path:
        """`make_clip(picture="vp8", sound=None, seconds=5)`: fields of Clip."""
        clip = Clip(**wishes)  # type: ignore[arg-type]
        if clip not in self.made:
            suffix = clip.suffix or ("mkv" if clip.sound == "flac" else USUAL_SUFFIX[clip.picture])
            path = self.folder / f"clip{len(self.made)}.{suffix}"
            self.run(*plan_clip(clip, path))
            self.made[clip] = path
        return self.made[clip]

    def run(self, *arguments: str) -> None:
        """ffmpeg with these arguments; fails with what it said."""
        command = [self.ffmpeg_exe, "-nostdin", "-hide_banner", "-loglevel", "error", "-y"]
        ended = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr

    def text_named_mp4(self) -> Path:
        """A text file whose name says it is a film."""
        path = self.folder / "letter.mp4"
        path.write_text("Dear reader, this is not a film.\n" * 200)
        return path

    def cut_short(self, clip: Path, keep: float = 0.6) -> Path:
        """The first part of a file, as a broken transfer leaves it."""
        whole = clip.read_bytes()
        path = clip.with_name(f"{clip.stem}-cut{clip.suffix}")
        path.write_bytes(whole[: int(len(whole) * keep)])
        return path


def plan_clip(clip: Clip, path: Path) -> list[str]:
    """The arguments for ffmpeg: a moving test picture and a tone, the same bytes every time."""
    inputs, outputs = [], []
    if clip.picture:
        size = f"{clip.width}x{clip.height}"
        inputs += ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={clip.fps}"]
        every = str(max(1, round(clip.keyframe_every_s * clip.fps)))
        outputs += [*PICTURE[clip.picture], "-g", every, "-keyint_min", every]
    if clip.sound:
        inputs += ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]
        outputs += SOUND[clip.sound]
    if clip.faststart and path.suffix in {".mp4", ".mov", ".m4a"}:
        outputs += ["-movflags", "+faststart"]
    whole = [*inputs, *outputs, *clip.extra, "-t", str(clip.seconds)]
    return [*whole, "-map_metadata", "-1", "-fflags", "+bitexact", f"file:{path}"]
