"""Long films made of short real clips."""

import subprocess
from pathlib import Path


class Films:
    """Makes each film once; they lie in one folder until the session ends."""

    def __init__(self, clips: Path, folder: Path, ffmpeg_exe: str) -> None:
        self.clips = clips
        self.folder = folder
        self.ffmpeg_exe = ffmpeg_exe

    def run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """ffmpeg with these arguments; fails with what it said."""
        command = [self.ffmpeg_exe, "-nostdin", "-hide_banner", "-loglevel", "error", "-y"]
        ended = subprocess.run([*command, *arguments], capture_output=True, check=False)
        assert ended.returncode == 0, ended.stderr.decode(errors="replace")
        return ended

    def looped(self, clip: str, seconds: int) -> Path:
        """A real clip again and again, its packets copied."""
        path = self.folder / f"{Path(clip).stem}-{seconds}s{Path(clip).suffix}"
        if not path.exists():
            source = ["-stream_loop", "-1", "-i", str(self.clips / clip)]
            maps = ["-map", "0:v:0", "-map", "0:a:0?"]
            copy = ["-c", "copy", "-t", str(seconds)]
            index = ["-movflags", "+faststart"] if path.suffix == ".mp4" else []
            self.run(*source, *maps, *copy, *index, str(path))
        return path

    def repeated(self, film: Path, seconds: int) -> Path:
        """A film of this folder again and again, its packets copied."""
        path = film.with_name(f"{film.stem}-{seconds}s.mp4")
        if not path.exists():
            self.run("-stream_loop", "-1", "-i", str(film), "-c", "copy", "-t", str(seconds),
                     "-movflags", "+faststart", str(path))  # fmt: skip
        return path

    def with_opus(self, film: Path) -> Path:
        """The same film, its sound as stereo Opus."""
        path = film.with_name(f"{film.stem}-opus.mp4")
        if not path.exists():
            sound = ["-c:a", "libopus", "-ac", "2", "-b:a", "96k", "-compression_level", "0"]
            self.run("-i", str(film), "-c:v", "copy", *sound, "-movflags", "+faststart", str(path))
        return path

    def encoded(self, name: str, source: Path, *arguments: str) -> Path:
        """The film encoded anew with these arguments."""
        path = self.folder / name
        if not path.exists():
            self.run("-i", str(source), *arguments, "-movflags", "+faststart", str(path))
        return path
