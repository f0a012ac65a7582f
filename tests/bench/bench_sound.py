"""Encoded sound against ffmpeg's usual AAC coder at the same rate: CPU seconds of the whole command, and how
far each is from what went in, as Zimtohrli hears it (0: the same; 0.001: 4.8 of 5).

Zimtohrli is none of our tools: `pip install zimtohrli` into the environment, or its rows are left out.
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from polyreel.core.media.commands import QUICK_CODER, encode_sound_args
from polyreel.infra.ffmpeg import FFmpeg
from tests.bench.bench_ladder import BUNNY
from tests.bench.films import Films
from tests.bench.table import Table

pytestmark = pytest.mark.bench

SECONDS = 120
RATE_HZ = 48_000
CPU_SHARE, FURTHER = 0.75, 0.0005


@pytest.mark.parametrize("clip", [BUNNY, "rabbit.mp4"])
def test_sound(films: Films, table: Table, tmp_path: Path, clip: str) -> None:
    film = films.with_opus(films.looped(clip, SECONDS))
    ours, usual = tmp_path / "ours.mp4", tmp_path / "usual.mp4"
    ours_s, usual_s = encode(film, ours, QUICK_CODER), encode(film, usual, None)
    ratio = ours_s / usual_s
    table.row(
        f"CPU seconds of {SECONDS} s",
        f"{ours_s:.2f}",
        f"usual coder: {usual_s:.2f}, ratio {ratio:.2f}",
        goal=f"<= {CPU_SHARE}",
        met=ratio <= CPU_SHARE,
    )
    if find_spec("zimtohrli") is None:
        table.row("Zimtohrli distance", "left out", "it is not installed")
        return
    wanted = decode(films, film)
    heard, beside = (distance(wanted, decode(films, path)) for path in (ours, usual))
    table.row(
        "Zimtohrli distance",
        f"{heard:.5f}",
        f"usual coder: {beside:.5f}",
        goal=f"at most {FURTHER} more",
        met=heard <= beside + FURTHER,
    )


def encode(film: Path, path: Path, coder: str | None) -> float:
    """Write the film's sound by the product's command; its CPU seconds."""
    made = bytearray()
    args = encode_sound_args(film, 1, 2, "{sink0}", coder=coder)
    done = FFmpeg().run(args, sinks=[made.extend], nice=0)
    assert done.is_success, done.stderr_tail
    path.write_bytes(made)
    return done.cpu_s


def decode(films: Films, path: Path) -> bytes:
    """Its left channel, as 32-bit floats."""
    left = ["-map", "0:a:0", "-af", "pan=mono|c0=c0", "-ar", str(RATE_HZ), "-f", "f32le", "-"]
    return films.run("-i", str(path), *left).stdout


def distance(one: bytes, other: bytes) -> float:
    """How far one sound is from another, over the length of the shorter."""
    numpy, zimtohrli = import_module("numpy"), import_module("zimtohrli")
    length = min(len(one), len(other)) // 4
    signals = [numpy.frombuffer(each, dtype=numpy.float32)[:length] for each in (one, other)]
    return float(zimtohrli.Pyohrli().distance(*signals))
