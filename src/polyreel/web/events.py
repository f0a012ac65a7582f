"""GET /events: every change of a person's videos, as it happens, to all pages they have open."""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from polyreel.core.library import Video, find_video_by_uuid, list_recent_videos
from polyreel.core.media import Rendition, list_renditions
from polyreel.core.users import Actor, find_session
from polyreel.http.auth import session_token
from polyreel.http.live import HEARTBEAT_S, EventStream, send_events
from polyreel.http.middleware import Receive, Scope, Send, ensure_exchange
from polyreel.infra.notify import ANYTHING, STOPPING
from polyreel.infra.tools import Tools
from polyreel.infra.tx import DatabaseUnavailable
from polyreel.kit.errors import Busy, Unauthenticated
from polyreel.web.asking import client_of
from polyreel.web.cards import make_card

__all__ = ["EventsRoute"]

_log = logging.getLogger(__name__)

EVERY_S = 0.25
# Between two tries to read what changed while the database is away.
AGAIN_S = 1.0
MOST_PER_USER = 16
_RECENT = 100
# A session is looked at again before a change is sent, but not more often than this.
_TRUST_S = 1.0


@dataclass(eq=False)
class _Listener:
    """One open stream and whose it is; `actor` as of the last look at the session."""

    actor: Actor
    token: str
    stream: EventStream = field(default_factory=EventStream)
    checked_at: float = field(default_factory=time.monotonic)


class EventsRoute:
    """ASGI app. Changes are gathered for 250 ms, read once for all listeners, and sent."""

    def __init__(self, tools: Tools, *, heartbeat_s: float = HEARTBEAT_S) -> None:
        self._db = tools.db
        self._notifier = tools.notifier
        self._heartbeat_s = heartbeat_s
        self._listeners: set[_Listener] = set()
        self._changed: dict[str, int | None] = {}
        # What pages believe to be in the making, and whose it is. Where notices were missed, pages
        # are told so, and these are looked at again: what was missed may have been their end.
        self._unfinished: dict[str, int] = {}
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        tools.notifier.subscribe(self._heard)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the session ends or the reader leaves. Raises Unauthenticated, Busy."""
        token = session_token(scope["headers"], client_of(scope)) or ""
        actor = await asyncio.to_thread(self._find_actor, token)
        if actor is None:
            raise Unauthenticated
        ensure_exchange(scope).actor = actor
        open_now = Counter(each.actor.user_id for each in self._listeners)
        if open_now[actor.user_id] >= MOST_PER_USER:
            raise Busy("Too many pages are open.", retry_after_s=30)
        listener = _Listener(actor, token)
        self._start()
        self._listeners.add(listener)
        watch = asyncio.create_task(self._watch_session(listener))
        try:
            await self._send_unfinished(listener)
            await send_events(listener.stream, receive, send, heartbeat_s=self._heartbeat_s)
        finally:
            watch.cancel()
            self._listeners.discard(listener)

    def close(self) -> None:
        """End every stream; may be called from any thread."""
        self._notifier.unsubscribe(self._heard)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end_all)

    def _end_all(self) -> None:
        for listener in self._listeners:
            listener.stream.end()
        if self._task is not None:
            self._task.cancel()

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        if self._task is None or self._task.done() or self._loop is not loop:
            self._loop, self._wake = loop, asyncio.Event()
            self._task = loop.create_task(self._run())

    def _heard(self, topics: list[str]) -> None:
        """In the notifier's thread."""
        loop = self._loop
        if loop is None or not self._listeners or loop.is_closed():
            return
        if STOPPING in topics:
            loop.call_soon_threadsafe(self._end_all)
        else:
            loop.call_soon_threadsafe(self._note, topics)

    def _note(self, topics: list[str]) -> None:
        if ANYTHING in topics:
            self._changed.setdefault(ANYTHING, None)
        named = [topic.partition(":") for topic in topics]
        # A deletion tells whose library it was in the same notice; later nobody knows.
        owner = next((int(name) for kind, _, name in named if kind == "library"), None)
        for kind, _, uuid in named:
            if kind == "video":
                self._changed[uuid] = owner if owner is not None else self._changed.get(uuid)
        if self._changed:
            self._wake.set()

    async def _run(self) -> None:
        """Send what changed, at most every 250 ms; ends when nobody listens any more."""
        while self._listeners:
            try:
                async with asyncio.timeout(self._heartbeat_s):
                    await self._wake.wait()
            except TimeoutError:
                continue
            self._wake.clear()
            changed, self._changed = self._changed, {}
            try:
                await self._send_news(dict(changed))
            except DatabaseUnavailable:
                _log.warning("changes are told later: the database is away")
                await self._keep_for_later(changed)
            except Exception:  # noqa: BLE001 - it is in the log, and the streams go on
                _log.exception("changes could not be told")
            await asyncio.sleep(EVERY_S)
        self._changed.clear()
        self._unfinished.clear()

    async def _keep_for_later(self, changed: dict[str, int | None]) -> None:
        await asyncio.sleep(AGAIN_S)
        self._changed = {**changed, **self._changed}
        self._wake.set()

    async def _send_news(self, changed: dict[str, int | None]) -> None:
        if ANYTHING in changed:
            del changed[ANYTHING]
            changed |= self._unfinished
            for listener in list(self._listeners):
                listener.stream.put(ANYTHING, "missed", {})
                await self._send_unfinished(listener)
        await self._send_changes(changed)

    async def _send_changes(self, changed: dict[str, int | None]) -> None:
        listeners = list(self._listeners)
        await asyncio.to_thread(self._check_sessions, listeners)
        found = await asyncio.to_thread(self._read, list(changed))
        for listener in listeners:
            actor, stream = listener.actor, listener.stream
            for uuid, owner_id in changed.items():
                pair = found.get(uuid)
                owner_id = pair[0].user_id if pair else owner_id
                if not actor.is_admin and actor.user_id != owner_id:
                    continue
                if pair is None:
                    stream.put(uuid, "gone", {"uuid": uuid})
                else:
                    self._put(listener, *pair)
        for uuid in changed:
            if uuid not in found or found[uuid][0].has_ended:
                self._unfinished.pop(uuid, None)

    async def _send_unfinished(self, listener: _Listener) -> None:
        """The present state of the videos that are still being worked on."""
        for video, renditions in await asyncio.to_thread(self._read_unfinished, listener.actor):
            self._put(listener, video, renditions)

    def _put(self, listener: _Listener, video: Video, renditions: list[Rendition]) -> None:
        listener.stream.put(video.uuid, "video", make_card(video, listener.actor, renditions))
        if not video.has_ended:
            self._unfinished[video.uuid] = video.user_id

    async def _watch_session(self, listener: _Listener) -> None:
        while not listener.stream.has_ended:
            await asyncio.sleep(self._heartbeat_s)
            # While the database is away nobody's session ends.
            with contextlib.suppress(DatabaseUnavailable):
                await asyncio.to_thread(self._check_sessions, [listener])

    def _check_sessions(self, listeners: Iterable[_Listener]) -> None:
        """End the streams of sessions that are over; learn who became an administrator, or is none."""
        now = time.monotonic()
        for listener in listeners:
            if now - listener.checked_at < min(_TRUST_S, self._heartbeat_s):
                continue
            actor = self._find_actor(listener.token)
            listener.checked_at = now
            if actor is not None:
                listener.actor = actor
            elif self._loop is not None:
                self._loop.call_soon_threadsafe(listener.stream.end)

    def _find_actor(self, token: str) -> Actor | None:
        with self._db.read() as tx:
            return find_session(tx, token) if token else None

    def _read(self, uuids: Sequence[str]) -> dict[str, tuple[Video, list[Rendition]]]:
        found = {}
        with self._db.read() as tx:
            for uuid in uuids:
                video = find_video_by_uuid(tx, uuid)
                if video is not None:
                    found[uuid] = (video, list_renditions(tx, video.media_id))
        return found

    def _read_unfinished(self, actor: Actor) -> list[tuple[Video, list[Rendition]]]:
        with self._db.read() as tx:
            recent = list_recent_videos(tx, actor, limit=_RECENT)
            return [
                (video, list_renditions(tx, video.media_id))
                for video in recent
                if not video.has_ended
            ]
