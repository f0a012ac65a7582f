"""What may be fetched of a video: everything a media request needs, in one value that can be kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from polyreel.core.library import find_video_by_uuid, get_media
from polyreel.core.media import (
    Font,
    Rendition,
    Storyboard,
    Subtitle,
    find_fragment,
    find_storyboard,
    iframe_playlist,
    is_growing,
    is_playable,
    list_fonts,
    list_renditions,
    list_subtitles,
    master_playlist,
    media_playlist,
    offered,
    promised,
    unpack_cuts,
)
from polyreel.infra.tx import Tx
from polyreel.kit.errors import NotFound


class FragmentNotFound(NotFound):
    """There is no such rendition or fragment, and there will be none."""

    default = "There is no such file."


@dataclass(frozen=True)
class Place:
    """Where bytes lie: `size` bytes from `offset` of the file under `key`."""

    key: str
    offset: int
    size: int


@dataclass(frozen=True)
class Made:
    """Bytes that are made when they are wanted: `size` of them by `make`, which reads files."""

    size: int
    make: Callable[[], bytes]


@dataclass(frozen=True)
class MediaView:
    """One video as its viewers see it, at one moment. `own_poster_key` is the picture chosen for it,
    if any; `poster_key` is what to show.
    """

    video_id: int
    uuid: str
    name: str
    owner_id: int
    visibility: str
    policy_version: int
    media_id: int
    media_uid: str
    revision: int
    state: str
    cuts_us: Sequence[int]
    poster_key: str | None
    own_poster_key: str | None
    mosaic_key: str | None
    changed_at_s: int
    renditions: dict[str, Rendition]
    duration_ms: int = 0
    storyboard: Storyboard | None = None
    subtitles: Sequence[Subtitle] = ()
    fonts: Sequence[Font] = ()

    @property
    def is_settled(self) -> bool:
        """True when nothing of it changes by itself any more."""
        return self.state in ("ready", "damaged", "failed")

    def rendition(self, name: str, kind: str) -> Rendition:
        """Raises FragmentNotFound for an unknown or failed one."""
        found = self.renditions.get(name)
        if found is None or found.kind != kind or found.state == "failed":
            raise FragmentNotFound
        return found

    def master(self, base: str, sounds: str | None) -> str | None:
        """The master playlist; None while a promised rendition has not begun.

        `sounds`: `multi` for all, `muted` for none, else the name of one (unknown: none).
        """
        renditions = list(self.renditions.values())
        # Also while an attempt begins anew: a master without the sound would stay without it.
        if not self.is_settled and not is_playable(renditions):
            return None
        pictures, audible = offered(renditions)
        if sounds != "multi":
            audible = [item for item in audible if item.name == sounds]
        if not pictures and not audible:
            raise FragmentNotFound
        return master_playlist(base, pictures, audible, self.texts, grows=self.is_growing)

    @property
    def is_growing(self) -> bool:
        """True while no playlist of it may end (see the playlists)."""
        return is_growing(list(self.renditions.values()), self.cuts_us)

    @property
    def texts(self) -> list[Subtitle]:
        """The subtitle tracks that can be shown; chapters are none."""
        return [
            item for item in self.subtitles if item.state == "ready" and item.kind == "subtitles"
        ]

    def subtitle(self, uid: str) -> Subtitle:
        """Raises FragmentNotFound for one that is not there, or not to be had."""
        for item in self.subtitles:
            if item.uid == uid and item.state == "ready":
                return item
        raise FragmentNotFound

    def playlist(self, rendition: Rendition) -> str:
        """The playlist of one rendition."""
        return media_playlist(rendition, self.cuts_us, grows=self.is_growing)

    def iframes(self, name: str) -> str:
        """The playlist of a picture's keyframes. Raises FragmentNotFound while there is none."""
        text = iframe_playlist(self.rendition(name, "video"))
        if text is None:
            raise FragmentNotFound
        return text

    def find_place(self, rendition: Rendition, number: int) -> Place | None:
        """Where fragment `number` lies; None when it is promised and not whole yet.

        Raises FragmentNotFound when it will never be.
        """
        found = find_fragment(rendition, number)
        if found is not None:
            key, fragment = found
            return Place(key, fragment.offset, fragment.size)
        if self.cuts_us:
            is_promised = number < len(promised(rendition, self.cuts_us))
        else:
            is_promised = number == self._next(rendition)
        if rendition.state == "ready" or not is_promised or self.state == "failed":
            raise FragmentNotFound
        return None

    def _next(self, rendition: Rendition) -> int:
        last = rendition.parts[-1]
        return last.first_fragment + len(last.fragments)


def load_view(tx: Tx, uuid: str) -> MediaView | None:
    """The view of a video, or None when there is none."""
    video = find_video_by_uuid(tx, uuid)
    if video is None:
        return None
    media = get_media(tx, video.media_id)
    return MediaView(
        video_id=video.id,
        uuid=video.uuid,
        name=video.name,
        owner_id=video.user_id,
        visibility=video.visibility,
        policy_version=video.policy_version,
        media_id=media.id,
        media_uid=media.uid,
        revision=media.revision,
        state=media.state,
        cuts_us=unpack_cuts(media.cuts),
        poster_key=video.poster_key or media.poster_key,
        own_poster_key=video.poster_key,
        mosaic_key=media.mosaic_key,
        changed_at_s=int(video.changed_at.timestamp()),
        renditions={item.name: item for item in list_renditions(tx, media.id)},
        duration_ms=media.duration_ms,
        storyboard=find_storyboard(tx, media.id),
        subtitles=list_subtitles(tx, media.id, video.id),
        fonts=list_fonts(tx, media.id),
    )


def is_current(tx: Tx, view: MediaView) -> bool:
    """True when a settled view still is what the database says; cheaper than loading it."""
    video = find_video_by_uuid(tx, view.uuid)
    return (
        video is not None
        and video.policy_version == view.policy_version
        and video.media_id == view.media_id
        and video.revision == view.revision
        and video.poster_key == view.own_poster_key
        and int(video.changed_at.timestamp()) == view.changed_at_s
        and video.name == view.name
    )
