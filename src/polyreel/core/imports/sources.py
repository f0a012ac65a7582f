"""Where the bytes of a film are: its original, or the best picture that was made of it with all sounds
and subtitles. Contract: sections 4.4 and 21.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from polyreel.core.imports.errors import PieceMissing
from polyreel.core.imports.records import File, Track
from polyreel.core.imports.tree import Place, Tree
from polyreel.kit.ids import parse_uuid

__all__ = ["Media", "Pieces", "Source"]

_QUALITY = re.compile(r"[0-9]{3,4}p|h264", re.ASCII)
_PICTURE_SEGMENT = re.compile(r"out[0-9]{1,6}\.ts", re.ASCII)
_SOUND_SEGMENT = re.compile(r"audio[0-9]{1,6}\.ts", re.ASCII)
_LENGTH = re.compile(r"#EXTINF:([0-9]{1,9}(?:\.[0-9]{1,9})?)", re.ASCII)
_PLAYLIST_BYTES = 8 * 1024 * 1024
_SUBTITLE_BYTES = 16 * 1024 * 1024
_POSTER_BYTES = 10 * 1024 * 1024
_MOST_TRACKS = 30


@dataclass(frozen=True, kw_only=True)
class Pieces:
    """One track as it lies there: files that follow each other without a gap. `duration_s` by its
    `playlist`, 0 where it has none; `kind` is mpegts, file (whole, of any format), ass or webvtt.
    """

    track: Track
    kind: str
    places: Sequence[Place]
    playlist: Place | None = None
    size_bytes: int
    duration_s: float


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a film is made of here: `original`, or `picture` with what belongs to it. `notes` are
    sentences on what is not as good as it was; with `is_best` the picture is the best there ever was.
    """

    original: Place | None
    picture: Pieces | None
    others: Sequence[Pieces]
    size_bytes: int
    notes: Sequence[str]
    is_best: bool

    @property
    def places(self) -> list[Place]:
        """Every file it is taken from; of the tracks the picture last, and of it the playlist."""
        if self.original is not None:
            return [self.original]
        parts = [*self.others, self.picture] if self.picture else []
        found = [(*part.places, part.playlist) for part in parts]
        return [place for places in found for place in places if place is not None]


class Media:
    """The folders of a VideoCMS: what was made, and what was uploaded; close it."""

    def __init__(self, media: Path, uploads: Path | None = None) -> None:
        self.made = Tree(media)
        self.uploads = self.made
        try:
            self.uploads = Tree(uploads) if uploads else self.made
        except BaseException:
            self.made.close()
            raise
        # The folder itself was named, or the one above it.
        self._made_at: Place = ("qualitys",) if "qualitys" in self.made.names() else ()
        self._uploads_at: Place = () if uploads else ("uploads",)
        self._originals = {
            uuid: name
            for name in self.uploads.names(self._uploads_at)
            if (uuid := parse_uuid(name.partition(".")[0]))
        }

    def close(self) -> None:
        """Let go of the folders."""
        if self.uploads is not self.made:
            self.uploads.close()
        self.made.close()

    def find(self, file: File) -> Source:
        """Where a film is to be taken from. Raises PieceMissing."""
        for name in (self._originals.get(file.uuid, ""), PurePosixPath(file.path).name):
            place = (*self._uploads_at, name)
            size = self.uploads.size(place) if name else None
            if size:
                return Source(
                    original=place,
                    picture=None,
                    others=(),
                    size_bytes=size,
                    notes=(),
                    is_best=True,
                )
        return self._joined(file)

    def tree_of(self, source: Source) -> Tree:
        """The folder that the places of a source are in."""
        return self.made if source.original is None else self.uploads

    def poster(self, file_uuid: str, link_uuid: str) -> bytes | None:
        """The picture that somebody chose for a link, if there is one."""
        place = (*self._made_at, file_uuid, f"link-{link_uuid}.webp")
        if not self.made.size(place):
            return None
        return self.made.read(place, most_bytes=_POSTER_BYTES)

    def _joined(self, file: File) -> Source:
        folder = (*self._made_at, file.uuid)
        best, notes = None, []
        pictures = _pictures(file)
        for track in pictures:
            try:
                best = self._picture(folder, track)
                break
            except PieceMissing as error:
                notes.append(f"{track.name} cannot be used: {error}")
        if best is None:
            why = notes[0] if notes else "no quality of it is ready"
            raise PieceMissing(f"neither its original is there nor a whole picture: {why}")
        others = []
        for track in _others(file):
            try:
                others.append(self._other(folder, track))
            except PieceMissing as error:
                notes.append(f"{track.kind} {track.name!r} is left out: {error}")
        size = best.size_bytes + sum(each.size_bytes for each in others)
        return Source(
            original=None,
            picture=best,
            others=others,
            size_bytes=size,
            notes=notes,
            is_best=best.track is pictures[0],
        )

    def _picture(self, folder: Place, track: Track) -> Pieces:
        if not _QUALITY.fullmatch(track.place):
            raise PieceMissing("its name is none of a quality")
        for name in ("out.mp4", "out.webm"):
            place = (*folder, track.place, name)
            size = self.made.size(place)
            if size and self.made.size((*folder, track.place, "out.m3u8")) is None:
                return Pieces(
                    track=track, kind="file", places=[place], size_bytes=size, duration_s=0
                )
        return self._segments((*folder, track.place), "out.m3u8", _PICTURE_SEGMENT, track)

    def _other(self, folder: Place, track: Track) -> Pieces:
        name = parse_uuid(track.place)
        if name is None:
            raise PieceMissing("its UUID is none")
        if track.kind == "sound":
            return self._segments((*folder, name), "audio.m3u8", _SOUND_SEGMENT, track)
        kind = "ass" if track.type == "ass" else "webvtt"
        place = (*folder, name, "out.ass" if kind == "ass" else "out.vtt")
        size = self.made.size(place)
        if not size or size > _SUBTITLE_BYTES:
            raise PieceMissing("it is missing, empty or too large")
        return Pieces(track=track, kind=kind, places=[place], size_bytes=size, duration_s=0)

    def _segments(
        self, folder: Place, playlist: str, pattern: re.Pattern[str], track: Track
    ) -> Pieces:
        """What a playlist names, in its order, all of it there."""
        data = self.made.read((*folder, playlist), most_bytes=_PLAYLIST_BYTES)
        lines = [line.strip() for line in data.decode(errors="replace").splitlines()]
        if not lines or lines[0] != "#EXTM3U" or "#EXT-X-ENDLIST" not in lines:
            raise PieceMissing("its playlist is not whole")
        names = [line for line in lines if line and not line.startswith("#")]
        if not names or not all(map(pattern.fullmatch, names)) or len(set(names)) < len(names):
            raise PieceMissing("its playlist names something else than its segments")
        sizes = [self.made.size((*folder, name)) for name in names]
        missing = next((name for name, size in zip(names, sizes, strict=True) if not size), None)
        if missing is not None:
            raise PieceMissing(f"{missing} is missing")
        lengths = (_LENGTH.match(line) for line in lines)
        return Pieces(
            track=track,
            kind="mpegts",
            places=[(*folder, name) for name in names],
            playlist=(*folder, playlist),
            size_bytes=sum(size or 0 for size in sizes),
            duration_s=sum(float(length[1]) for length in lengths if length),
        )


def _pictures(file: File) -> list[Track]:
    """The best first."""
    ready = [each for each in file.tracks if each.kind == "picture" and each.is_ready]
    return sorted(ready, key=_height, reverse=True)


def _height(track: Track) -> int:
    digits = track.place.removesuffix("p")
    return int(digits) if digits.isascii() and digits.isdigit() else track.height


def _others(file: File) -> Iterator[Track]:
    """Sounds, then subtitles. Each of those was kept twice, as ASS and as WebVTT: ASS says more."""
    ready = [each for each in file.tracks if each.is_ready]
    yield from [each for each in ready if each.kind == "sound"][:_MOST_TRACKS]
    subtitles = [each for each in ready if each.kind == "subtitle"]
    styled = [each for each in subtitles if each.type == "ass"]
    named = {(each.name, each.language) for each in styled}
    plain = [
        each for each in subtitles if each.type != "ass" and (each.name, each.language) not in named
    ]
    yield from [*styled, *plain][:_MOST_TRACKS]
