"""One file of the corpus: how it is made, and how a sensible person expects it to end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.factories.clips import ClipMaker

__all__ = ["BAD", "FINE", "HURT", "Oddity", "encode"]

FINE, HURT, BAD = "ready", "damaged", "failed"

Maker = Callable[[ClipMaker, Path], None]


@dataclass(frozen=True, kw_only=True)
class Oddity:
    """`make` writes the file. `state` is how it ends (`ready|damaged`: either), `says` words of the
    sentence. `pictures` are the names of its picture renditions, tallest first, and `size` that of
    the first; `sounds` and `subtitles` count tracks. None: not looked at. `name` is what the file is
    called when it is sent; empty: the title with its `suffix`.
    """

    title: str
    make: Maker
    state: str = FINE
    says: str = ""
    suffix: str = "mp4"
    name: str = ""
    pictures: Sequence[str] | None = None
    size: tuple[int, int] | None = None
    sounds: int | None = None
    subtitles: int | None = None
    lasts_s: float | None = None

    @property
    def sent_as(self) -> str:
        """The name it is sent under."""
        return self.name or f"{self.title.replace(' ', '-')}.{self.suffix}"


def encode(*arguments: str) -> Maker:
    """ffmpeg with these arguments, and the file at their end."""

    def make(ffmpeg: ClipMaker, path: Path) -> None:
        ffmpeg.run(*arguments, "-fflags", "+bitexact", f"file:{path}")

    return make
