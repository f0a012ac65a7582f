"""Encoded sound against ffmpeg's usual AAC coder at the same rate: CPU seconds of the whole command, and how
far each is from what went in, as Zimtohrli hears it (0: the same; 0.001: 4.8 of 5).

Zimtohrli is none of our tools: `pip install zimtohrli` into the environment, or its rows are left out.
"""

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Encoded:
    """A track as one coder made it; `cpu_s` of its decoder, too."""

    path: Path
    cpu_s: float


@pytest.mark.parametrize("clip", [BUNNY, "rabbit.mp4"])
def test_sound(films: Films, table: Table, tmp_path: Path, clip: str) -> None:
    film = films.with_opus(films.looped(clip, SECONDS))
    ours = encode(film, tmp_path / "ours.mp4", QUICK_CODER)
    usual = encode(film, tmp_path / "usual.mp4", None)
    ratio = ours.cpu_s / usual.cpu_s
    table.row(
        f"CPU seconds of {SECONDS} s",
        f"{ours.cpu_s:.2f}",
        f"usual coder: {usual.cpu_s:.2f}, ratio {ratio:.2f}",
        goal=f"<= {CPU_SHARE}",
        met=ratio <= CPU_SHARE,
    )
    if find_spec("zimtohrli") is None:
        table.row("Zimtohrli distance", "left out", "it is not installed")
        return
    wanted = decode(films, film, tmp_path)
    heard, beside = (distance(wanted, decode(films, one.path, tmp_path)) for one in (ours, usual))
    table.row(
        "Zimtohrli distance",
        f"{heard:.5f}",
        f"usual coder: {beside:.5f}",
        goal=f"at most {FURTHER} more",
        met=heard <= beside + FURTHER,
    )


def encode(film: Path, path: Path, coder: str | None) -> Encoded:
    """The film's sound by the product's command."""
    args = encode_sound_args(film, 1, 2, "{sink0}", coder=coder)
    made = bytearray()
    done = FFmpeg().run(args, sinks=[made.extend], nice=0)
    assert done.is_success, done.stderr_tail
    path.write_bytes(made)
    return Encoded(path, done.cpu_s)


def decode(films: Films, path: Path, folder: Path) -> bytes:
    """Its left channel, as 32-bit floats."""
    raw = folder / f"{path.stem}.f32"
    films.run("-i", str(path), "-map", "0:a:0", "-af", "pan=mono|c0=c0", "-ar", str(RATE_HZ),
              "-f", "f32le", str(raw))  # fmt: skip
    return raw.read_bytes()


def distance(one: bytes, other: bytes) -> float:
    """How far one sound is from another, over the length of the shorter."""
    numpy, zimtohrli = import_module("numpy"), import_module("zimtohrli")
    length = min(len(one), len(other)) // 4
    signals = [numpy.frombuffer(each, dtype=numpy.float32)[:length] for each in (one, other)]
    return float(zimtohrli.Pyohrli().distance(*signals))
