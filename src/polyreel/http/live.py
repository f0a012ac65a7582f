"""Server-sent events: one stream of named events to a page that stays open.

Source: HTML Living Standard, 9.2 "Server-sent events".
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, Protocol, Self

import msgspec

from polyreel.http.middleware import Receive, Send
from polyreel.infra.notify import ANYTHING, STOPPING, Notifier

__all__ = ["HEARTBEAT_S", "Ears", "EventStream", "begin_stream", "send_events", "until_left"]

HEARTBEAT_S = 15.0
RETRY_MS = 2000


class EventStream:
    """What waits to be sent on one stream: of each subject the newest event only, so that a slow
    reader costs no more memory than a quick one. Belongs to the event loop.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[str, Mapping[str, Any]]] = {}
        self._wake = asyncio.Event()
        self.has_ended = False

    def put(self, subject: str, name: str, data: Mapping[str, Any]) -> None:
        """Send an event as soon as can be; it takes the place of an unsent one about `subject`."""
        self._waiting.pop(subject, None)
        self._waiting[subject] = (name, data)
        self._wake.set()

    def end(self) -> None:
        """Close the stream; what still waits is not sent."""
        self.has_ended = True
        self._wake.set()

    async def take(self, timeout_s: float) -> bytes:
        """The text of what waits, after at most `timeout_s`; a comment when nothing does."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()
        except TimeoutError:
            return b":\n\n"
        if self.has_ended:
            return b""
        self._wake.clear()
        events, self._waiting = self._waiting, {}
        return b"".join(
            b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(data))
            for name, data in events.values()
        )


class Ears:
    """Wakes whoever sends on one stream when a notice names `topic`; `has_ended` when the server stops
    or the reader left. A context manager, made in the event loop.
    """

    def __init__(self, notifier: Notifier, topic: str) -> None:
        self._notifier = notifier
        self._topic = topic
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self.has_ended = False

    def __enter__(self) -> Self:
        self._notifier.subscribe(self._heard)
        return self

    def __exit__(self, *error: object) -> None:
        self._notifier.unsubscribe(self._heard)

    def end(self) -> None:
        """It is over."""
        self.has_ended = True
        self._wake.set()

    async def wait(self, timeout_s: float, *, gather_s: float) -> None:
        """Return after a notice, with what comes within `gather_s` of it, or after `timeout_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()
            if not self.has_ended:
                await asyncio.sleep(gather_s)
        # Before whoever waited looks: what comes while they look is not lost.
        self._wake.clear()

    def _heard(self, topics: list[str]) -> None:
        """In the notifier's thread."""
        if self._loop.is_closed():
            return
        if STOPPING in topics:
            self._loop.call_soon_threadsafe(self.end)
        elif self._topic in topics or ANYTHING in topics:
            self._loop.call_soon_threadsafe(self._wake.set)


async def begin_stream(send: Send, *, last_id: int | None = None) -> None:
    """Send what a stream begins with; `last_id` is where its reader goes on after a break."""
    headers = [
        (b"content-type", b"text/event-stream"),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        # Proxies that gather answers would hold events back.
        (b"x-accel-buffering", b"no"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    first = b"retry: %d\n" % RETRY_MS + (b"" if last_id is None else b"id: %d\n" % last_id)
    await send({"type": "http.response.body", "body": first + b"\n", "more_body": True})


async def send_events(
    stream: EventStream, receive: Receive, send: Send, *, heartbeat_s: float = HEARTBEAT_S
) -> None:
    """Answer with a stream until it ends or its reader leaves."""
    await begin_stream(send)
    leaving = asyncio.create_task(until_left(receive, stream))
    try:
        while not stream.has_ended:
            text = await stream.take(heartbeat_s)
            await send({"type": "http.response.body", "body": text, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        leaving.cancel()


class Ending(Protocol):
    """What can be told that it is over."""

    def end(self) -> None:
        """It is over."""


async def until_left(receive: Receive, stream: Ending) -> None:
    """End the stream when its reader is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.end()
