"""Every address of the media app and what it says about itself. The app finds its way by this table, and
the API document is made of it. Source: contracts of the VideoCMS API, 4.2 to 4.4.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from polyreel.http.operations import Api, Given, Operation, Parameter, Route, Who
from polyreel.kit.errors import NotFound
from polyreel.kit.ids import is_uuid

__all__ = ["COOKIE", "M3U8", "MEDIA_API", "PREFIX", "find_media_route", "is_media"]

PREFIX = "/videos/qualitys"
COOKIE = "vc_media"
M3U8 = "application/vnd.apple.mpegurl"

_UUID = {"type": "string", "format": "uuid"}
_IN_PATH: Mapping[str, Any] = {
    "uuid": _UUID,
    "audio": _UUID,
    "quality": {"type": "string", "pattern": "^([0-9]{3,4}p(-hevc|-av1|-vp9)?|h264)$"},
    "track": {"type": "string", "pattern": "^([0-9]{3,4}p(-hevc|-av1|-vp9)?|h264|[0-9a-f-]{36})$"},
    "is_mp4": {"type": "string", "enum": ["1", "t", "true", "0", "f", "false"]},
    "video_file": {"type": "string", "pattern": r"^out[0-9]{0,4}\.(m3u8|ts|webm|mp4)$"},
    "audio_file": {"type": "string", "pattern": r"^audio[0-9]{0,4}\.(m3u8|ts|wav|mp3|ogg|mp4)$"},
    "subtitle": _UUID,
    "text_file": {"type": "string", "enum": ["out.vtt", "out.ass", "out.m3u8"]},
    "number": {"type": "string", "pattern": "^[0-9]{1,3}$"},
    "image_file": {"type": "string", "pattern": r"^[a-z0-9-]+\.webp$"},
}
_TEXT = {"text/plain": {"type": "string"}}
_BYTES = {"type": "string", "format": "binary"}
_OBJECTS = {"type": "array", "items": {"type": "object"}}
_SHAPES: Mapping[str, Any] = {
    "application/json": {
        "type": "object",
        "properties": {"texts": _OBJECTS, "fonts": _OBJECTS},
        "required": ["texts", "fonts"],
    }
}
_RANGE = (
    Parameter(name="Range", place="header", note="One stretch of bytes (RFC 9110, 14.2)."),
    Parameter(name="If-None-Match", place="header", note="The ETag of what one has."),
)


@dataclass(frozen=True)
class _Address:
    """One form of address below a video's UUID: `says` what is there, `kinds` its media types."""

    name: str
    below: str
    says: str
    kinds: Sequence[str]
    who: Who = "viewer"
    query: Sequence[Parameter] = ()

    @property
    def steps(self) -> tuple[str, ...]:
        """The segments below the UUID; one in braces may be anything."""
        return tuple(self.below.split("/"))


_ADDRESSES = (
    _Address("multi", "stream/multi/master.m3u8", "The master playlist with every sound.", [M3U8]),
    _Address("muted", "stream/muted/master.m3u8", "The master playlist without sound.", [M3U8]),
    _Address("one", "{audio}/stream/master.m3u8", "The master playlist with one sound.", [M3U8]),
    _Address(
        "audio",
        "{audio}/audio/{audio_file}",
        "A playlist or a piece of sound.",
        [M3U8, "audio/mp4"],
    ),
    _Address(
        "subtitle",
        "{subtitle}/subtitle/{text_file}",
        "A text track: WebVTT, SubStation, or its playlist. Chapters are one, too.",
        ["text/vtt", "text/x-ssa", M3U8],
    ),
    _Address(
        "texts",
        "texts.json",
        "Subtitles, chapters and fonts, as our own player wants to know them.",
        ["application/json"],
    ),
    _Address("font", "font/{number}", "A font that came with the film.", ["font/sfnt"]),
    _Address(
        "thumb",
        "image/thumb/{image_file}",
        "A picture of a video, for whoever may see that there is one.",
        ["image/webp"],
        who="anyone",
    ),
    _Address(
        "board",
        "image/storyboard.vtt",
        "WebVTT: which tile of the storyboard shows what moment; no cue while there is none.",
        ["text/vtt"],
    ),
    _Address("sheet", "image/storyboard.webp", "The tiles of the storyboard.", ["image/webp"]),
    _Address(
        "mkv",
        "{track}/download/video.mkv",
        "The film as one Matroska file with every sound; of a sound's id, that sound alone.",
        ["video/x-matroska", "audio/x-matroska"],
    ),
    _Address(
        "mp4",
        "{track}/{is_mp4}/stream/video.mp4",
        "The film as one MP4 file with its first sound; where `is_mp4` is false, as Matroska.",
        ["video/mp4", "audio/mp4", "video/x-matroska", "audio/x-matroska"],
        query=[Parameter(name="audio", place="query", note="`all`: every sound is in it.")],
    ),
    _Address(
        "iframes",
        "{quality}/iframes/out.m3u8",
        "The playlist of a picture's keyframes alone, once the picture is whole.",
        [M3U8],
    ),
    _Address(
        "video",
        "{quality}/{video_file}",
        "A playlist or a piece of the picture.",
        [M3U8, "video/mp4"],
    ),
)


def is_media(path: str) -> bool:
    """Whether this is an address of the media app, right or wrong."""
    if path.startswith(PREFIX + "/"):
        return True
    first, _, rest = path[1:].partition("/")
    return bool(rest) and is_uuid(first)


def find_media_route(steps: Sequence[str]) -> tuple[str, list[str]]:
    """The name of an address below a video's UUID, and what stands where the table has braces.

    Raises NotFound.
    """
    for name, fixed, free in _FORMS.get(len(steps), ()):
        for place, word in fixed:
            if steps[place] != word:
                break
        else:
            return name, [steps[place] for place in free]
    raise NotFound("There is no such file.")


def _forms() -> dict[int, list[tuple[str, list[tuple[int, str]], list[int]]]]:
    """By the number of steps: the name, the words that are fixed, and where the others stand."""
    found: dict[int, list[tuple[str, list[tuple[int, str]], list[int]]]] = {}
    for address in _ADDRESSES:
        places = list(enumerate(address.steps))
        fixed = [(place, word) for place, word in places if word[0] != "{"]
        free = [place for place, word in places if word[0] == "{"]
        found.setdefault(len(places), []).append((address.name, fixed, free))
    return found


_FORMS = _forms()


def _routes() -> list[Route]:
    return [
        Route(
            method="GET",
            path=f"{base}/{{uuid}}/{address.below}",
            says=address.says if base else f"{address.says} The same at the root.",
            operation=_operation(address, base),
        )
        for base in (PREFIX, "")
        for address in _ADDRESSES
    ]


def _operation(address: _Address, base: str) -> Operation:
    names = ["uuid", *(step[1:-1] for step in address.steps if step[0] == "{")]
    whole = Given(
        note="The bytes.",
        bodies={kind: _SHAPES.get(kind, _BYTES) for kind in address.kinds},
        headers={"ETag": "Names these bytes.", "Accept-Ranges": "bytes"},
    )
    part = Given(
        note="The stretch asked for.",
        bodies=whole.bodies,
        headers={**whole.headers, "Content-Range": "Which stretch of how many bytes."},
    )
    said = {
        400: "An id or a name of a file that cannot be.",
        404: "There is no such video, or no such file of it.",
        429: "Too fast.",
        503: "It is being made: Retry-After says when to ask again.",
    }
    # At the root, what does not begin with a UUID is none of ours: there the pages say that.
    nothing = _TEXT if base else {**_TEXT, "text/html": {"type": "string"}}
    gate = {401: "Open the player page first: it gives the cookie.", 403: "Of another video."}
    return Operation(
        chapter="Player and media",
        who=address.who,
        parameters=[
            *(Parameter(name=name, place="path", schema=_IN_PATH[name]) for name in names),
            *address.query,
            *_RANGE,
        ],
        answers={
            200: whole,
            206: part,
            304: Given(note="What one has is what there is."),
            **{status: Given(note=note, bodies=_TEXT) for status, note in (said | gate).items()},
            404: Given(note=said[404], bodies=nothing),
            416: Given(note="There are not so many bytes."),
        },
    )


MEDIA_API = Api(
    name="media",
    title="VideoCMS",
    says="The API of VideoCMS, as its panel, its player and scripts use it.",
    routes=_routes(),
    schemes={
        "mediaTicket": {
            "type": "apiKey",
            "in": "cookie",
            "name": COOKIE,
            "description": "Set by the player page, `/v/{uuid}`, for one video and some hours.",
        }
    },
    security={"anyone": [], "viewer": ["mediaTicket"]},
)
"""What the media app serves."""
