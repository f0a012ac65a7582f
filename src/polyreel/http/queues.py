"""Requests of one kind, served in the order in which their client sent them, as well as that can be told.

Those of one moment reach us in no certain order: each has a connection of its own. But a client opens
its connections one after the other, and operating systems count their ports up.
"""

import asyncio
from types import TracebackType
from typing import Self

__all__ = ["Place", "Queues"]

# What was sent at one moment has arrived then.
_MOMENT_S = 0.02


class Queues:
    """A queue for every name. Used by one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[Place]] = {}

    def join(self, name: str, port: int) -> "Place":
        """A place in a queue, by the client's port; ours until its context is left."""
        place = Place(self._waiting, name, port)
        self._waiting.setdefault(name, []).append(place)
        return place


class Place:
    """One place of a queue. Made by `Queues.join`."""

    def __init__(self, waiting: "dict[str, list[Place]]", name: str, port: int) -> None:
        self._waiting = waiting
        self._name = name
        self._port = port
        self._has_left = asyncio.Event()

    async def reach(self) -> None:
        """Return when whoever was before has left."""
        await asyncio.sleep(_MOMENT_S)
        while (first := min(self._waiting[self._name], key=lambda each: each._port)) is not self:
            await first._has_left.wait()

    def leave(self) -> None:
        """Let the next one have its turn; may be called again."""
        others = [each for each in self._waiting.get(self._name, ()) if each is not self]
        if others:
            self._waiting[self._name] = others
        else:
            self._waiting.pop(self._name, None)
        self._has_left.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.leave()
