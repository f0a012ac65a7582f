"""A film as one plain MP4 file that is nowhere stored: its front is made, its data are where they are."""

from collections.abc import Iterator

from polyreel.core.delivery.media_view import Place
from polyreel.core.delivery.tracks import Film
from polyreel.infra.bmff import Malformed
from polyreel.infra.mp4 import Mp4Track, make_head
from polyreel.kit.errors import Unsupported

_SOUNDS = 1


class WholeMp4:
    """`size` bytes: the head, then the chunks of the film."""

    def __init__(self, film: Film) -> None:
        self._film = film
        self._head = _head_of(film)
        self.size = len(self._head) + (film.ends[-1] if film.ends else 0)

    @property
    def memory_bytes(self) -> int:
        """About what it takes to keep it."""
        return len(self._head) + 100 * len(self._film)

    def pieces(self, start: int, length: int) -> Iterator[bytes | Place]:
        """What `length` bytes from `start` consist of."""
        end = start + length
        base = len(self._head)
        if start < base and end > start:
            yield self._head[start:end]
            start = base
        position = self._film.find(start - base)
        while start < end:
            number, chunk = self._film.at(position)
            skip = start - base - (self._film.ends[position] - chunk.size)
            size = min(chunk.size - skip, end - start)
            if size:
                key = self._film.tracks[number].files[chunk.file]
                yield Place(key, chunk.place + skip, size)
            start += size
            position += 1


def _head_of(film: Film) -> bytes:
    sounds = [track for track in film.tracks if track.rendition.kind == "audio"]
    tracks = [
        Mp4Track(
            track.init,
            track.samples,
            language=track.rendition.language,
            title=track.rendition.title,
            # Of several sounds, the first is what a player begins with.
            is_enabled=track.rendition.kind == "video" or track is sounds[0],
            group=_SOUNDS if track.rendition.kind == "audio" and len(sounds) > 1 else 0,
        )
        for track in film.tracks
    ]
    try:
        return make_head(tracks, film.order)
    except Malformed as error:
        raise Unsupported("The stored film cannot be read; it has to be made anew.") from error
