"""The views of videos that this process keeps, and waiting for one to change."""

import asyncio
import time
from collections import OrderedDict

from polyreel.core.delivery import MediaView, is_current, load_view
from polyreel.infra.notify import ANYTHING
from polyreel.infra.tools import Tools

__all__ = ["Views"]

KEPT = 512
# A notice drops a view at once; should one be lost, a view is looked at again after this long.
FRESH_S = 0.8


class Views:
    """Keeps the last used views; used from the event loop, told of changes from any thread."""

    def __init__(self, tools: Tools) -> None:
        self._db = tools.db
        self._kept: OrderedDict[str, tuple[float, MediaView]] = OrderedDict()
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        tools.notifier.subscribe(self._heard)

    async def get(self, uuid: str, *, fresh: bool = False) -> MediaView | None:
        """The view of a video, at most FRESH_S old, or None; `fresh` reads it anew."""
        self._loop = self._loop or asyncio.get_running_loop()
        kept = self._kept.get(uuid)
        if kept is not None and not fresh:
            if time.monotonic() - kept[0] < FRESH_S:
                return kept[1]
            if kept[1].is_settled and await asyncio.to_thread(self._confirm, kept[1]):
                self._keep(kept[1])
                return kept[1]
        view = await asyncio.to_thread(self._load, uuid)
        if view is None:
            self._kept.pop(uuid, None)
        else:
            self._keep(view)
        return view

    async def wait(self, view: MediaView, timeout_s: float) -> None:
        """Return when this video may have changed, or after `timeout_s` (1 s at most a time)."""
        event = asyncio.Event()
        waiting = self._waiting.setdefault(view.uuid, set())
        waiting.add(event)
        try:
            async with asyncio.timeout(min(1.0, timeout_s)):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            waiting.discard(event)
            if not waiting:
                self._waiting.pop(view.uuid, None)

    def _keep(self, view: MediaView) -> None:
        self._kept[view.uuid] = (time.monotonic(), view)
        self._kept.move_to_end(view.uuid)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def _load(self, uuid: str) -> MediaView | None:
        with self._db.read() as tx:
            return load_view(tx, uuid)

    def _confirm(self, view: MediaView) -> bool:
        with self._db.read() as tx:
            return is_current(tx, view)

    def _heard(self, topics: list[str]) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._drop, topics)

    def _drop(self, topics: list[str]) -> None:
        if ANYTHING in topics:
            touched = {*self._kept, *self._waiting}
        else:
            touched = {
                name
                for kind, _, name in (topic.partition(":") for topic in topics)
                if kind in ("video", "policy")
            }
        for uuid in touched:
            self._kept.pop(uuid, None)
            for event in self._waiting.get(uuid, ()):
                event.set()
