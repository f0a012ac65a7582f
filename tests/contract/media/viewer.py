"""A film half made, and someone who asks for it."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from polyreel.core.library import get_video_by_uuid, update_media, update_video
from polyreel.core.media.cutting import WHOLE
from polyreel.core.media.index import Fragment, pack_cuts
from polyreel.core.media.plan import PlannedRendition
from polyreel.core.media.renditions import (
    add_rendition,
    begin_part,
    list_renditions,
    publish_part,
)
from polyreel.core.media.states import settle
from polyreel.core.stats import Traffic
from polyreel.http.at_once import AtOnce
from polyreel.http.auth import Proxies
from polyreel.http.bytes import Stretch
from polyreel.http.heads import PlainHead
from polyreel.http.media import COOKIE, PREFIX, MediaApp
from polyreel.http.middleware import REQUEST_ID, Observer, Scope, dressed
from polyreel.infra.bmff import parse_init
from polyreel.kit.errors import (
    AppError,
    Busy,
    Forbidden,
    Invalid,
    NotFound,
    Unauthenticated,
)
from tests.factories.boxes import init_of_picture, init_of_sound
from tests.factories.library import make_media, make_video
from tests.factories.site import Site

__all__ = ["BODY", "Reply", "Stage", "Viewing", "answer"]

CUTS = (0, 2_000_000, 4_000_000, 8_000_000)
STATUS: dict[type[AppError], int] = {
    Unauthenticated: 401, Forbidden: 403, NotFound: 404, Invalid: 400, Busy: 503,
}  # fmt: skip
BODY = bytes(range(256)) * 40


def answer(error: AppError) -> tuple[int, dict[str, str], bytes]:
    """Errors in a voice of the test's own."""
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    headers = {"content-type": "text/plain"}
    if isinstance(error, Busy):
        headers["retry-after"] = str(error.retry_after_s)
    return status, headers, error.message.encode()


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes


def fields_of(found: Stretch) -> dict[str, str]:
    """The headers of an answer that was found at once."""
    lines = found.headers.decode("latin-1").splitlines()
    return dict(line.split(": ", 1) for line in lines)


def head_of(scope: Scope) -> PlainHead:
    """The head of such a request, where it needs no parser."""
    ranges = [value for name, value in scope["headers"] if name == b"range"]
    return PlainHead(scope["path"], scope["query_string"], ranges[0] if ranges else None, b"")


class Viewing:
    """A film, the app in front of it, and a ticket for it."""

    def __init__(self, site: Site, uuid: str) -> None:
        self.site = site
        self.tools = site.tools
        self.traffic = Traffic(self.tools.db)
        self.app = MediaApp(self.tools, self.traffic, answer, wait_s=0.4)
        self.observer = Observer(proxies=Proxies(""))
        self.at_once = AtOnce(
            self.app, self.tools.storage, self.traffic, self.observer, lambda client: True
        )
        self.was_at_once = False
        self.uuid = uuid
        with self.tools.db.read() as tx:
            self.video = get_video_by_uuid(tx, site.alice, uuid)
        self.cookie = self.ticket()

    def ticket(self, *, uuid: str = "", version: int = 0, life_s: int = 60) -> str:
        """A ticket's text; for this film as it is now unless told otherwise."""
        version = version or self.video.policy_version
        return self.app.tickets.issue(uuid or self.uuid, version, life_s=life_s)

    def get(self, path: str, *, cookie: str | None = None, method: str = "GET", **headers: Any):
        """Ask once, in a loop of its own; `path` begins after the film's address.

        What could have been answered at once is the same answer, or none; `was_at_once` tells which.
        """
        # The notices that came between two loops were heard by nobody.
        self.app._views._loop = None
        self.app._views._drop(["*"])

        async def both() -> Reply:
            reply = await self.ask(path, cookie=cookie, method=method, **headers)
            scope = self.scope(path, cookie=cookie, method=method, **headers)
            self._compare(reply, scope)
            return reply

        return asyncio.run(both())

    def _compare(self, reply: Reply, scope: Scope) -> None:
        self.was_at_once = False
        # What it found is known the second time.
        for _ in range(2):
            found = self.find_at_once({**scope})
            if found is None:
                continue
            self.was_at_once = True
            body = os.pread(found.file, found.length, found.offset)
            found.ended(0)
            fields, told = fields_of(found), dict(reply.headers)
            every = {name.decode() for name, _ in (*dressed([]), (REQUEST_ID, b""))}
            assert every <= fields.keys()
            for name in (*every, "last-modified"):
                fields.pop(name, None)
                told.pop(name, None)
            assert (found.status, fields, body) == (reply.status, told, reply.body)

    def find_at_once(self, scope: Scope) -> Stretch | None:
        """What is found where a request like this one comes in a head that needs no parser."""
        asker = self.at_once(scope)
        return asker(head_of(scope)) if asker else None

    async def ask(
        self,
        path: str,
        *,
        cookie: str | None = None,
        method: str = "GET",
        client: str = "192.0.2.1",
        before: Callable[[], Awaitable[object]] | None = None,
        **headers: str,
    ) -> Reply:
        """Ask within a running loop. `cookie` None: the film's own ticket; empty: none. `before` is
        waited for before each message is taken.
        """
        scope = self.scope(path, cookie=cookie, method=method, client=client, **headers)
        messages: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            if before is not None:
                await before()
            messages.append(message)

        await self.app(scope, receive, send)
        start, *bodies = messages
        assert not bodies[-1].get("more_body", False)
        fields = {k.decode(): v.decode("latin-1") for k, v in start["headers"]}
        body = b"".join(message["body"] for message in bodies)
        if method != "HEAD" and "content-length" in fields:
            assert int(fields["content-length"]) == len(body)
        return Reply(start["status"], fields, body)

    def scope(
        self,
        path: str,
        *,
        cookie: str | None = None,
        method: str = "GET",
        client: str = "192.0.2.1",
        **headers: str,
    ) -> Scope:
        """What a server makes of such a request (see `ask`)."""
        text = self.cookie if cookie is None else cookie
        path = path if path.startswith("/") else f"{PREFIX}/{self.uuid}/{path}"
        path, _, query = path.partition("?")
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if text:
            given["cookie"] = f'other={{"a":"b"}}; {COOKIE}={text}; c[]=1'
        return {
            "type": "http", "method": method, "path": path, "query_string": query.encode(),
            "client": (client, 1),
            "headers": [(k.encode(), v.encode("latin-1")) for k, v in given.items()],
        }  # fmt: skip


class Stage(Viewing):
    """A film half made, the app in front of it, and a ticket for it."""

    def __init__(self, site: Site) -> None:
        with site.tools.db.write() as tx:
            media = make_media(tx)
            video = make_video(tx, site.alice, media)
            update_media(tx, media.id, state="processing", cuts=pack_cuts(CUTS), duration_ms=10_000)
            for position, (kind, name) in enumerate((("video", "720p"), ("audio", ""))):
                planned = PlannedRendition(
                    kind, name, "encode", position, promised=True, width=1280, height=720,
                    peak_bps=1000, average_bps=900, duration_us=10_000_000,
                )  # fmt: skip
                add_rendition(tx, media.id, planned, WHOLE, position=position)
        super().__init__(site, video.uuid)
        self.media_id = media.id
        self.picture, self.sound = self._read()
        self.begin(self.picture.parts[0].id, "media/00/a")
        self.begin(self.sound.parts[0].id, "media/00/b")
        self.publish(0, 2)
        self.publish(1, 4, init=init_of_sound())

    def _read(self) -> Any:
        with self.tools.db.read() as tx:
            return list_renditions(tx, self.media_id)

    def begin(self, part_id: int, key: str) -> None:
        """A new attempt at a part, its file full of bytes."""
        path = self.tools.storage.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(BODY)
        with self.tools.db.write() as tx:
            begin_part(tx, part_id, key)

    def publish(
        self, which: int, count: int, *, whole: bool = False, init: bytes | None = None
    ) -> None:
        """The first `count` fragments of picture (0) or sound (1), of 1000 bytes each."""
        lengths = (2_000_000, 2_000_000, 4_000_000, 2_000_000)
        rows = [Fragment(CUTS[n], lengths[n], 1000 * n, 1000) for n in range(count)]
        with self.tools.db.write() as tx:
            part = list_renditions(tx, self.media_id)[which].parts[0]
            publish_part(tx, part.id, parse_init(init or init_of_picture()), rows, whole=whole)
            settle(tx, self.media_id)

    def choose(self, visibility: str) -> None:
        """Change who may see the film."""
        with self.tools.db.write() as tx:
            self.video = update_video(tx, self.site.alice, self.uuid, visibility=visibility)
