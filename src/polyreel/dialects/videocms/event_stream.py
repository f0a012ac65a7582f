"""GET /api/events/stream: the log of events as it grows, from any place in it. Ours, see docs/webhooks.md.

Source: HTML Living Standard, 9.2 "Server-sent events".
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from polyreel.core import webhooks
from polyreel.core.users import Actor, KeyAudit
from polyreel.core.webhooks import EVENT_TOPIC, EventPage, event_to_json
from polyreel.dialects.videocms.auth import authenticate
from polyreel.dialects.videocms.binder import Param, Sent, bind, most
from polyreel.dialects.videocms.errors import answer
from polyreel.dialects.videocms.events import CHAPTER, kinds_of
from polyreel.dialects.videocms.operations import errors_given
from polyreel.http.auth import header
from polyreel.http.face import kind_of, send_answer
from polyreel.http.live import HEARTBEAT_S, Ears, begin_stream, until_left
from polyreel.http.middleware import Receive, Scope, Send, ensure_exchange
from polyreel.http.operations import Given, Operation, Parameter, Route
from polyreel.infra.tools import Tools
from polyreel.infra.tx import DatabaseUnavailable
from polyreel.kit.errors import AppError, Busy, Invalid, Unauthenticated

__all__ = ["STREAM_ROUTES", "EventStreamRoute", "is_event_stream"]

PATH = "/api/events/stream"
MOST_PER_USER = 16
_AT_ONCE = 200
# News are gathered for so long, so that a crowd of them is one question to the database.
_EVERY_S = 0.2


def is_event_stream(method: str, path: str) -> bool:
    """Whether a request is for the stream."""
    return method == "GET" and path == PATH


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Where a reader begins (None: now), and what it wants, as GET /api/events takes it."""

    since: Annotated[int | None, Param("since")]
    types: Annotated[str, Param("types", most(500))]
    all: Annotated[bool, Param("all")]


class _Reader:
    """One open stream: whose it is, and how far it is."""

    def __init__(self, tools: Tools, scope: Scope) -> None:
        self._tools = tools
        self._scope = scope
        wish = bind(Wish, Sent(query=scope["query_string"]), query=True)
        self._kinds = kinds_of(wish.types)
        self._of_all = wish.all
        self.since = _last_id(scope, wish.since)

    def begin(self) -> Actor:
        """Who it is, and that all of the wish is possible. Raises AppError."""
        actor = self._actor()
        if self.since is None:
            with self._tools.db.read() as tx:
                self.since = webhooks.newest_sequence(tx)
        self._page(actor, limit=1)
        return actor

    def read(self) -> tuple[bytes, bool]:
        """What is to be sent next, and whether more is there. Raises Unauthenticated and Forbidden
        when the credentials are over.
        """
        before = self.since or 0
        page = self._page(self._actor(), limit=_AT_ONCE)
        self.since = page.next_since
        text = b'event: missed\ndata: {"since":%d}\n\n' % before if page.has_missed else b""
        for event in page.events:
            data = event_to_json(event)
            text += b"id: %d\nevent: %s\ndata: %s\n\n" % (event.sequence, event.kind.encode(), data)
        if self.since != before and (not page.events or page.events[-1].sequence < self.since):
            # What did not fit is not looked at again after a break.
            text += b"id: %d\n\n" % self.since
        return text, len(page.events) == _AT_ONCE

    def _actor(self) -> Actor:
        actor = authenticate(self._tools, self._scope)
        if actor is None:
            raise Unauthenticated
        return actor

    def _page(self, actor: Actor, *, limit: int) -> EventPage:
        with self._tools.db.read() as tx:
            return webhooks.list_events(
                tx,
                actor,
                since=self.since or 0,
                limit=limit,
                kinds=self._kinds,
                of_all=self._of_all,
            )


def _last_id(scope: Scope, since: int | None) -> int | None:
    """Where to go on: what the browser kept outweighs what the address says. Raises Invalid."""
    text = header(scope["headers"], "last-event-id")
    if not text:
        return since
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Invalid("The Last-Event-ID is not one of ours.")
    return int(text)


class EventStreamRoute:
    """ASGI app of everything that `is_event_stream`. A slow reader is read for at its own pace."""

    def __init__(
        self, tools: Tools, audit: KeyAudit | None = None, *, heartbeat_s: float = HEARTBEAT_S
    ) -> None:
        self._tools = tools
        self._audit = audit
        self._heartbeat_s = heartbeat_s
        self._open: Counter[int] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the credentials end, the server stops or the reader leaves."""
        try:
            reader, actor = await asyncio.to_thread(self._begin, scope)
            if self._open[actor.user_id] >= MOST_PER_USER:
                raise Busy("Too many streams are open.", retry_after_s=30)
        except Exception as error:  # noqa: BLE001 - every error has an answer
            await send_answer(send, answer(kind_of(error, scope, "videocms")))
            return
        exchange = ensure_exchange(scope)
        exchange.actor = actor
        if self._audit is not None:
            self._audit.record(actor, scope["method"], scope["path"], exchange.client.address)
        self._open[actor.user_id] += 1
        try:
            await self._stream(reader, receive, send)
        finally:
            self._open[actor.user_id] -= 1

    def _begin(self, scope: Scope) -> tuple[_Reader, Actor]:
        reader = _Reader(self._tools, scope)
        return reader, reader.begin()

    async def _stream(self, reader: _Reader, receive: Receive, send: Send) -> None:
        with Ears(self._tools.notifier, EVENT_TOPIC) as ears:
            leaving = asyncio.create_task(until_left(receive, ears))
            try:
                await begin_stream(send, last_id=reader.since)
                while not ears.has_ended:
                    text, has_more = await self._next(reader)
                    if text is None:
                        break
                    await _say(send, text or b":\n\n")
                    if not has_more:
                        await ears.wait(self._heartbeat_s, gather_s=_EVERY_S)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            finally:
                leaving.cancel()

    async def _next(self, reader: _Reader) -> tuple[bytes | None, bool]:
        """What to send (None: the stream is over), and whether to ask again at once."""
        try:
            return await asyncio.to_thread(reader.read)
        except DatabaseUnavailable:
            # Nothing is lost: it goes on where it was.
            return b"", False
        except AppError:
            return None, False


async def _say(send: Send, text: bytes) -> None:
    await send({"type": "http.response.body", "body": text, "more_body": True})


def _routes() -> Sequence[Route]:
    number = {"type": "string", "pattern": "^[0-9]{1,18}$"}
    parameters = [
        Parameter(name="since", place="query", schema={"type": "integer", "minimum": 0}),
        Parameter(name="types", place="query", note="A comma list; without it, every type."),
        Parameter(name="all", place="query", schema={"type": "boolean"}),
        Parameter(name="Last-Event-ID", place="header", schema=number, note="Outweighs `since`."),
    ]
    good = Given(note="The stream.", bodies={"text/event-stream": {"type": "string"}})
    says = "The same as they happen, as server-sent events; without `since`, from now on."
    operation = Operation(
        chapter=CHAPTER,
        who="known",
        parameters=parameters,
        answers={200: good, **errors_given({400, 403, 429, 503})},
        models=(Wish,),
    )
    return [Route(method="GET", path=PATH, says=says, operation=operation)]


STREAM_ROUTES = _routes()
"""The stream, as the API's document tells of it."""
