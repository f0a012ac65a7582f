"""The media app: every byte of playlists, fragments and images, behind one gate. Raw ASGI.

    <uuid>/stream/multi/master.m3u8       all sounds          <uuid>/<quality>/out.m3u8, out.mp4, outN.mp4
    <uuid>/stream/muted/master.m3u8       none                <uuid>/<audio>/audio/audio.m3u8, audio.mp4, audioN.mp4
    <uuid>/<audio>/stream/master.m3u8     one                 <uuid>/image/thumb/<file>.webp
    <uuid>/<subtitle>/subtitle/out.vtt    a text track        <uuid>/font/<n>, a font of the film
    <uuid>/<quality>/iframes/out.m3u8     keyframes alone

and films as one file (http/downloads.py), below `/videos/qualitys/` and at the root. Source: contracts of the VideoCMS API, 4.2 to 4.4.
"""

import asyncio
import contextlib
import hashlib
import logging
import re
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from polyreel.core.delivery import (
    FragmentNotFound,
    MediaView,
    Ticket,
    Tickets,
    Wish,
)
from polyreel.core.media import Rendition, seek
from polyreel.core.options import OptionsCache
from polyreel.core.stats import Traffic
from polyreel.http.auth import cookie
from polyreel.http.downloads import QUALITY, Downloads, read_wish
from polyreel.http.face import Answer
from polyreel.http.images import find_sheet, find_thumbnail, make_track
from polyreel.http.media_routes import COOKIE, M3U8, PREFIX, find_media_route
from polyreel.http.middleware import Receive, Scope, Send
from polyreel.http.representation import Representation, send_representation, start_answer
from polyreel.http.texts import find_font, find_text, list_texts
from polyreel.http.view_cache import Views
from polyreel.infra.tools import Tools
from polyreel.infra.tx import DatabaseUnavailable
from polyreel.kit import clock
from polyreel.kit.errors import AppError, Busy, Forbidden, Invalid, NotFound, Unauthenticated
from polyreel.kit.ids import parse_uuid

__all__ = ["COOKIE", "PREFIX", "MediaApp", "ticket_of"]

WAIT_S = 12.0
# Notices may be lost: who waits looks again after this long.
LOOK_AGAIN_S = 1.0
MOST_WAITING = 2_000
# One fragment is sought once in so long, however many wait for it.
SEEK_AGAIN_S = 10.0
MOST_SOUGHT = 10_000
_VIDEO_FILE = re.compile(r"out([0-9]{0,4})\.(m3u8|ts|webm|mp4)")
_AUDIO_FILE = re.compile(r"audio([0-9]{0,4})\.(m3u8|ts|wav|mp3|ogg|mp4)")

T = TypeVar("T")

_log = logging.getLogger(__name__)


class MediaApp:
    """ASGI app for all media addresses; `answer` writes an error in the dialect's own form, `wait_s`
    is how long a promised fragment is waited for.
    """

    def __init__(
        self,
        tools: Tools,
        traffic: Traffic,
        answer: Answer,
        *,
        options: OptionsCache | None = None,
        wait_s: float = WAIT_S,
    ) -> None:
        self._tools = tools
        self._traffic = traffic
        self._answer = answer
        self._views = Views(tools)
        self._downloads = Downloads(tools.storage, options or OptionsCache(tools.db))
        self.tickets = Tickets(tools.secrets.key("media tickets"))
        self._wait_s = wait_s
        self._waiting = 0
        self._sought: dict[tuple[int, int], float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        base, parts = _split(scope["path"])
        head = scope["method"] == "HEAD"
        try:
            view, answer = await self._find(parts, base, scope)
            count = partial(self._traffic.record, view.owner_id, view.media_id, answer.quality)
            # Sending may take hours, in which the film may become another: nothing is to keep this one.
            del view
            await send_representation(scope, send, self._tools.storage, answer, count=count)
        except AppError as error:
            status, extra, body = self._answer(error)
            fields = {**extra, "cache-control": "no-store", "content-length": str(len(body))}
            await start_answer(send, status, fields)
            await send({"type": "http.response.body", "body": b"" if head else body})

    def admits(self, ticket: str | None, view: MediaView) -> bool:
        """Whether this view is the one of this moment, and the ticket, as text, is one for it."""
        if self._views.fresh(view.uuid) is not view:
            return False
        try:
            _admit(self._check_ticket(ticket, view.uuid), view)
        except AppError:
            return False
        return True

    def find_at_hand(
        self, path: str, query: bytes, ticket: str | None
    ) -> tuple[MediaView, Representation] | None:
        """A piece of a stream, for who may have it, where nothing has to be waited for.

        None: asked as usual, the app has it later, or says why not.
        """
        _, (uuid, *steps) = _split(path)
        try:
            route, given = find_media_route(steps)
            if route not in ("video", "audio"):
                return None
            view = self._views.fresh(_checked_uuid(uuid))
            if view is None or not self.admits(ticket, view):
                return None
            number, suffix = _read_file(route, given[1])
            if suffix != "mp4":
                return None
            rendition = view.rendition(given[0], route)
            piece = _piece(view, rendition, number, query)
        except AppError:
            return None
        return (view, piece) if piece else None

    async def _find(
        self, parts: list[str], base: str, scope: Scope
    ) -> tuple[MediaView, Representation]:
        uuid = _checked_uuid(parts[0])
        if scope["method"] not in ("GET", "HEAD"):
            raise NotFound
        if parts[1:3] == ["image", "thumb"] and len(parts) == 4:
            return await self._image(uuid, parts[3], scope)
        # Who holds no ticket costs no look at the database.
        ticket = self._ticket(scope, uuid)
        route = find_media_route(parts[1:])
        if route[0] in ("mkv", "mp4"):
            return await self._download(ticket, read_wish(*route, scope), scope)
        view = _admit(ticket, await self._views.get(uuid))
        extra = self._extra(view, route, scope["query_string"])
        return (view, extra) if extra else await self._stream(view, f"{base}/{uuid}", route, scope)

    def _extra(
        self, view: MediaView, route: tuple[str, list[str]], query: bytes
    ) -> Representation | None:
        """What lies whole beside the streams, if the address is of such."""
        storage = self._tools.storage
        match route:
            case ("board", []):
                return make_track(view)
            case ("sheet", []):
                return find_sheet(storage, view, query)
            case ("subtitle", [uid, file]):
                return find_text(storage, view, _checked_uuid(uid), file, query)
            case ("texts", []):
                return list_texts(view)
            case ("font", [number]):
                return find_font(storage, view, number)
            case _:
                return None

    async def _stream(
        self, view: MediaView, address: str, route: tuple[str, list[str]], scope: Scope
    ) -> tuple[MediaView, Representation]:
        match route:
            case ("multi" | "muted" as sounds, []):
                return await self._master(view, address, sounds)
            case ("one", [audio]):
                return await self._master(view, address, _checked_uuid(audio))
            case ("audio", [audio, file]):
                return await self._track(view, _checked_uuid(audio), "audio", file, scope)
            case ("iframes", [quality]):
                return view, _playlist(view, view.iframes(_checked_quality(quality)))
            case ("video", [quality, file]):
                return await self._track(view, _checked_quality(quality), "video", file, scope)
            case _:
                raise NotFound("There is no such file.")

    def _ticket(self, scope: Scope, uuid: str) -> Ticket:
        return self._check_ticket(ticket_of(scope), uuid)

    def _check_ticket(self, text: str | None, uuid: str) -> Ticket:
        """The first half of the gate: a valid ticket for this video."""
        ticket = self.tickets.check(text) if text else None
        if ticket is None:
            raise Unauthenticated("Open the player page first.")
        if ticket.video_uuid != uuid:
            raise Forbidden("This ticket is for another video.")
        return ticket

    async def _download(
        self, ticket: Ticket, wish: Wish, scope: Scope
    ) -> tuple[MediaView, Representation]:
        found = await self._views.get(ticket.video_uuid)
        if found is None:
            raise Invalid("The video does not exist.")
        view = _admit(ticket, found)
        return view, await self._downloads.find(view, wish, scope)

    async def _image(self, uuid: str, name: str, scope: Scope) -> tuple[MediaView, Representation]:
        known = self._views.fresh(uuid)
        try:
            return self._thumbnail(known or await self._views.get(uuid), uuid, name, scope)
        except NotFound:
            if known is None:
                raise
            # A page may tell of an image before the notice of it comes here.
            return self._thumbnail(await self._views.get(uuid, newest=True), uuid, name, scope)

    def _thumbnail(
        self, view: MediaView | None, uuid: str, name: str, scope: Scope
    ) -> tuple[MediaView, Representation]:
        if view is None:
            raise NotFound("")
        if view.visibility == "private":
            _admit(self._ticket(scope, uuid), view)
        return view, find_thumbnail(self._tools.storage, view, name)

    async def _master(
        self, view: MediaView, address: str, sounds: str
    ) -> tuple[MediaView, Representation]:
        view, text = await self._wait(view, lambda now: now.master(address, sounds))
        return view, _playlist(view, text)

    async def _track(
        self, view: MediaView, name: str, kind: str, file: str, scope: Scope
    ) -> tuple[MediaView, Representation]:
        number, suffix = _read_file(kind, file)
        rendition = view.rendition(name, kind)
        if suffix == "m3u8" and not number:
            view, _ = await self._wait(view, lambda now: now.rendition(name, kind).init)
            return view, _playlist(view, view.playlist(view.rendition(name, kind)))
        if suffix != "mp4":
            raise FragmentNotFound
        query = scope["query_string"]
        piece = _piece(view, rendition, number, query)
        if piece is not None:
            return view, piece
        if number and rendition.mode == "encode" and kind == "video":
            await self._seek(view, rendition, int(number))
        return await self._wait(
            view, lambda now: _piece(now, now.rendition(name, kind), number, query)
        )

    async def _seek(self, view: MediaView, rendition: Rendition, number: int) -> None:
        """Have it made now where it has to wait for its turn."""
        wish, now = (rendition.id, number), time.monotonic()
        if now - self._sought.get(wish, -SEEK_AGAIN_S) < SEEK_AGAIN_S:
            return
        if len(self._sought) >= MOST_SOUGHT:
            self._sought.clear()
        self._sought[wish] = now
        try:
            await asyncio.to_thread(self._seek_to, view.media_id, *wish)
        except DatabaseUnavailable:
            _log.warning("fragment %d is not made before others: the database is away", number)
        except Exception:  # noqa: BLE001 - it comes without, only later
            _log.exception("fragment %d could not be made before others", number)

    def _seek_to(self, media_id: int, rendition_id: int, fragment: int) -> None:
        seek(self._tools.db, media_id, rendition_id, fragment)

    async def _wait(
        self, view: MediaView, find: Callable[[MediaView], T | None]
    ) -> tuple[MediaView, T]:
        """What `find` finds, as soon as it is there. Raises Busy after some seconds."""
        found = find(view)
        if found is not None:
            return view, found
        if self._waiting >= MOST_WAITING:
            raise Busy("Too many viewers wait for this; please try again.", retry_after_s=5)
        deadline = time.monotonic() + self._wait_s
        self._waiting += 1
        try:
            with self._views.watching(view.uuid) as changed:
                while (left_s := deadline - time.monotonic()) > 0:
                    # Before looking, so that nothing that comes meanwhile is missed.
                    changed.clear()
                    current = await self._views.get(view.uuid)
                    if current is None:
                        raise NotFound("The video has been deleted.")
                    found = find(current)
                    if found is not None:
                        return current, found
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(min(LOOK_AGAIN_S, left_s)):
                            await changed.wait()
        finally:
            self._waiting -= 1
        raise Busy("This part is still being made.", retry_after_s=2)


def ticket_of(scope: Scope) -> str | None:
    """The ticket that comes with a request, as text, good or not."""
    return cookie(scope["headers"], COOKIE)


def _split(path: str) -> tuple[str, list[str]]:
    """An address's base, and its steps from the UUID on."""
    base = PREFIX if path.startswith(PREFIX + "/") else ""
    return base, path[len(base) + 1 :].split("/")


def _checked_uuid(text: str) -> str:
    uuid = parse_uuid(text)
    if uuid is None:
        raise Invalid("The address holds no valid id.")
    return uuid


def _checked_quality(text: str) -> str:
    if not QUALITY.fullmatch(text):
        raise Invalid("There is no such quality.")
    return text


def _admit(ticket: Ticket, view: MediaView | None) -> MediaView:
    """The second half of the gate: the ticket is for who may see the video now."""
    if view is None:
        raise NotFound("The video does not exist.")
    if ticket.policy_version != view.policy_version:
        raise Unauthenticated("Open the player page again.")
    return view


def _read_file(kind: str, file: str) -> tuple[str, str]:
    """The number, which may be empty, and the suffix in the name of a file. Raises Invalid."""
    match = (_VIDEO_FILE if kind == "video" else _AUDIO_FILE).fullmatch(file)
    if match is None:
        raise Invalid("There is no such file.")
    return match[1], match[2]


def _piece(
    view: MediaView, rendition: Rendition, number: str, query: bytes
) -> Representation | None:
    """A fragment, without a `number` the init; None while it is promised.

    Raises FragmentNotFound when it will never be.
    """
    body = view.find_place(rendition, int(number)) if number else rendition.init
    if body is None:
        return None
    # Only addresses that name the revision never mean other bytes later.
    is_pinned = query == f"r={rendition.revision}".encode()
    cache = "private, max-age=31536000, immutable" if is_pinned else "private, no-cache"
    etag = f'"{rendition.id}-{rendition.revision}-{number or "init"}"'
    kind = "audio/mp4" if rendition.kind == "audio" else "video/mp4"
    return Representation(kind, etag, _modified_s(view), cache, body, rendition.name)


def _modified_s(view: MediaView) -> int:
    # While fragments come, each moment's answer is newer than the last.
    return view.changed_at_s if view.is_settled else clock.to_us(clock.now()) // 1_000_000


def _playlist(view: MediaView, text: str) -> Representation:
    body = text.encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    return Representation(M3U8, etag, _modified_s(view), "private, no-cache", body)
