"""Each rendition against VideoCMS's: x264 `medium`, CRF 23, one ffmpeg a height, the same heights, caps and
keyframes. VMAF of both against the source at their height, bytes, and the CPU seconds of the whole ladder.

Every film is made twice: as it is, where the top is copied, and as a transport stream of the same packets,
which has no index, so that nothing can be copied.
"""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from polyreel.core.library import get_media
from polyreel.core.media import Rendition, list_renditions, unpack_cuts
from polyreel.core.options import read_options
from polyreel.infra.ffmpeg import FFmpeg
from polyreel.infra.tools import Tools
from tests.bench.bench_ladder import BUNNY, CARS, make_ready, product
from tests.bench.films import Films
from tests.bench.table import Table

pytestmark = pytest.mark.bench

SECONDS = 20
VMAF_LOWER, BYTES_MORE, CPU_SHARE = 1.0, 1.1, 0.5
PERSON = "one-by-one-person-detection.mp4"


@dataclass(frozen=True)
class Encoded:
    """One height as somebody made it."""

    path: Path
    vmaf: float
    cpu_s: float = 0.0

    @property
    def size(self) -> int:
        """Bytes, of the picture alone."""
        return self.path.stat().st_size


@pytest.mark.parametrize("way", ["as it is", "nothing copied"])
@pytest.mark.parametrize("clip", [BUNNY, CARS, "rabbit.mp4", PERSON])
def test_quality(films: Films, table: Table, tmp_path: Path, clip: str, way: str) -> None:
    film = source_of(films, clip)
    if way == "nothing copied":
        stream = film.with_suffix(".ts")
        films.run("-i", str(film), "-map", "0:v:0", "-c", "copy", str(stream))
        film = stream
    with product(tmp_path / "data") as (tools, ffmpeg):
        video = make_ready(tools, film)
        with tools.db.read() as tx:
            made = [one for one in list_renditions(tx, video.media_id) if one.kind == "video"]
            cuts = unpack_cuts(get_media(tx, video.media_id).cuts)
        assert any(one.mode == "copy" for one in made) == (way == "as it is")
        theirs_s = 0.0
        for one in made:
            theirs = encode_as_videocms(tools, film, one, cuts, tmp_path)
            theirs_s += theirs.cpu_s
            compare(table, one, ours_of(tools, film, one, tmp_path), theirs)
    ours_s = ffmpeg.cpu_s
    table.row(
        "CPU seconds of all heights",
        f"{ours_s:.1f}",
        f"medium: {theirs_s:.1f}, ratio {ours_s / theirs_s:.2f}",
        goal=f"<= {CPU_SHARE}",
        met=ours_s <= CPU_SHARE * theirs_s,
    )


def source_of(films: Films, clip: str) -> Path:
    """At most 20 s of a clip, its packets copied."""
    path = films.folder / f"quality-{clip}"
    if not path.exists():
        cut = ["-i", str(films.clips / clip), "-map", "0:v:0", "-map", "0:a:0?", "-t", str(SECONDS)]
        films.run(*cut, "-c", "copy", "-movflags", "+faststart", str(path))
    return path


def compare(table: Table, one: Rendition, ours: Encoded, theirs: Encoded) -> None:
    """Two rows of one height; a copy is the source's own, however large."""
    is_encoded = one.mode == "encode"
    lower = theirs.vmaf - ours.vmaf
    table.row(
        f"{one.name} {one.mode}: VMAF",
        f"{ours.vmaf:.2f}",
        f"medium: {theirs.vmaf:.2f}, {-lower:+.2f}",
        goal=f">= -{VMAF_LOWER:g}",
        met=lower <= VMAF_LOWER,
    )
    more = ours.size / theirs.size
    table.row(
        f"{one.name} {one.mode}: bytes",
        f"{ours.size:,}",
        f"medium: {theirs.size:,}, ratio {more:.2f}",
        goal=f"<= {BYTES_MORE}" if is_encoded else "",
        met=not is_encoded or more <= BYTES_MORE,
    )


def ours_of(tools: Tools, film: Path, one: Rendition, folder: Path) -> Encoded:
    """A rendition as the product made it."""
    path = folder / f"ours-{one.name}.mp4"
    with path.open("wb") as file:
        file.write(one.init or b"")
        for part in one.parts:
            assert part.key is not None
            whole = tools.storage.path(part.key).read_bytes()
            for item in part.fragments:
                file.write(whole[item.offset : item.offset + item.size])
    return Encoded(path, vmaf_of(tools, film, one, path))


def encode_as_videocms(
    tools: Tools, film: Path, one: Rendition, cuts: Sequence[int], folder: Path
) -> Encoded:
    """The same height by an ffmpeg of its own with VideoCMS's settings."""
    with tools.db.read() as tx:
        rungs = read_options(tx).rungs
    short = min(one.width, one.height)
    rate = min(rungs, key=lambda rung: abs(rung.height - short)).max_bitrate_bps
    times = ",".join(f"{cut / 1e6 - 0.01:.6f}" for cut in cuts if cut)
    path = folder / f"theirs-{one.name}.mp4"
    scale = f"scale={one.width}:{one.height}:flags=bicubic,setsar=1,format=yuv420p"
    encoder = ["-c:v", "libx264", "-preset", "medium", "-crf", "23"]
    encoder += ["-maxrate", str(rate), "-bufsize", str(2 * rate)]
    encoder += ["-x264-params", "scenecut=0:open-gop=0:keyint=infinite:min-keyint=1"]
    encoder += ["-force_key_frames", f"0,{times}" if times else "expr:gte(t,n_forced*4)"]
    encoder += ["-fps_mode", "passthrough", "-threads", str(tools.settings.encode_threads)]
    output = ["-movflags", "empty_moov+frag_keyframe", "-f", "mp4", "-y", str(path)]
    done = FFmpeg(tools.ffmpeg.exe).run(
        ["-i", f"file:{film}", "-map", "0:v:0", "-vf", scale, *encoder, *output], folder=folder
    )
    assert done.is_success, done.stderr_tail
    return Encoded(path, vmaf_of(tools, film, one, path), done.cpu_s)


def vmaf_of(tools: Tools, film: Path, one: Rendition, path: Path) -> float:
    """VMAF of every third picture, picture by picture whatever their time stamps."""
    same = "settb=1/1000,setpts=N*40"
    graph = (
        f"[1:v]{same},scale={one.width}:{one.height}:flags=bicubic,setsar=1,format=yuv420p[b];"
        f"[0:v]{same},setsar=1[a];[a][b]libvmaf=n_threads=2:n_subsample=3"
    )
    command = [tools.ffmpeg.exe, "-nostdin", "-i", f"file:{path}", "-i", f"file:{film}"]
    command += ["-filter_complex", graph, "-fps_mode", "passthrough", "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    found = re.search(r"VMAF score: ([0-9.]+)", done.stderr)
    assert found, done.stderr
    return float(found[1])
