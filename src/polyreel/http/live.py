"""Server-sent events: one stream of named events to a page that stays open.

Source: HTML Living Standard, 9.2 "Server-sent events".
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from polyreel.http.middleware import Receive, Send

__all__ = ["EventStream", "send_events"]

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


async def send_events(
    stream: EventStream, receive: Receive, send: Send, *, heartbeat_s: float = HEARTBEAT_S
) -> None:
    """Answer with a stream until it ends or its reader leaves."""
    headers = [
        (b"content-type", b"text/event-stream"),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        # Proxies that gather answers would hold events back.
        (b"x-accel-buffering", b"no"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    first = b"retry: %d\n\n" % RETRY_MS
    await send({"type": "http.response.body", "body": first, "more_body": True})
    leaving = asyncio.create_task(_left(receive, stream))
    try:
        while not stream.has_ended:
            text = await stream.take(heartbeat_s)
            await send({"type": "http.response.body", "body": text, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        leaving.cancel()


async def _left(receive: Receive, stream: EventStream) -> None:
    """End the stream when its reader is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.end()
