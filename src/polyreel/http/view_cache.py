"""The views of videos that this process keeps, and waiting for one to change."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from polyreel.core.delivery import MediaView, is_current, load_view
from polyreel.infra.notify import ANYTHING
from polyreel.infra.tools import Tools
from polyreel.infra.tx import DatabaseUnavailable

__all__ = ["Views"]

KEPT = 512
# A notice drops a view at once; should one be lost, a view is looked at again after this long.
FRESH_S = 0.8
# While the database is away nothing changes there: who watches goes on watching for so long.
STALE_S = 60.0
# A database that hangs is as good as away: who watches does not wait longer than this for it.
PATIENCE_S = 1.0

_Loading = asyncio.Task[MediaView | None]


class Views:
    """Keeps the last used views; used from the event loop, told of changes from any thread.

    However many ask for one video at once, it is read once; and what was read before a notice came
    is not kept after it.
    """

    def __init__(self, tools: Tools) -> None:
        self._db = tools.db
        self._kept: OrderedDict[str, tuple[float, MediaView]] = OrderedDict()
        self._loading: dict[str, _Loading] = {}
        self._watching: dict[str, set[asyncio.Event]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        tools.notifier.subscribe(self._heard)

    def fresh(self, uuid: str) -> MediaView | None:
        """The view of a video where no look at the database is needed for it, else None."""
        kept = self._kept.get(uuid)
        is_fresh = kept is not None and time.monotonic() - kept[0] < FRESH_S
        return kept[1] if kept is not None and is_fresh else None

    async def get(self, uuid: str, *, newest: bool = False) -> MediaView | None:
        """The view of a video, at most FRESH_S old, or None; never older than the last notice. `newest`:
        the database is asked, whatever is kept (who asks it already does so for all).

        Raises DatabaseUnavailable when it is away and the view is not known, or too old.
        """
        self._loop = self._loop or asyncio.get_running_loop()
        fresh = self.fresh(uuid)
        if fresh is not None and not newest:
            return fresh
        kept = self._kept.get(uuid)
        loading = self._loading.get(uuid)
        if loading is None:
            known = kept[1] if kept else None
            loading = asyncio.create_task(asyncio.to_thread(self._read, uuid, known))
            self._loading[uuid] = loading
            loading.add_done_callback(lambda done: self._loaded(uuid, done))
        if kept is None or time.monotonic() - kept[0] > STALE_S:
            # Who goes away does not take it from those who stay.
            return await asyncio.shield(loading)
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await asyncio.shield(loading)
        except (DatabaseUnavailable, TimeoutError):
            if self._kept.get(uuid) is not kept:
                # A notice came meanwhile: it may tell that this viewer shall see no more.
                raise DatabaseUnavailable from None
            return kept[1]

    @contextmanager
    def watching(self, uuid: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever this video may have changed."""
        event = asyncio.Event()
        events = self._watching.setdefault(uuid, set())
        events.add(event)
        try:
            yield event
        finally:
            events.discard(event)
            if not events:
                self._watching.pop(uuid, None)

    def _read(self, uuid: str, known: MediaView | None) -> MediaView | None:
        with self._db.read() as tx:
            if known is not None and known.is_settled and is_current(tx, known):
                return known
            return load_view(tx, uuid)

    def _loaded(self, uuid: str, done: _Loading) -> None:
        is_latest = self._loading.get(uuid) is done
        if is_latest:
            del self._loading[uuid]
        if done.cancelled() or done.exception() is not None or not is_latest:
            return
        view = done.result()
        self._kept.pop(uuid, None)
        if view is not None:
            self._kept[uuid] = (time.monotonic(), view)
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        """A notice that a film was deleted may have been lost: its files stay open as long as its view is kept."""
        late = time.monotonic() - STALE_S
        while len(self._kept) > KEPT or next(iter(self._kept.values()))[0] < late:
            self._kept.popitem(last=False)

    def _heard(self, topics: list[str]) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._drop, topics)

    def _drop(self, topics: list[str]) -> None:
        if ANYTHING in topics:
            touched = {*self._kept, *self._loading, *self._watching}
        else:
            touched = {
                name
                for kind, _, name in (topic.partition(":") for topic in topics)
                if kind in ("video", "policy")
            }
        for uuid in touched:
            self._kept.pop(uuid, None)
            self._loading.pop(uuid, None)
            for event in self._watching.get(uuid, ()):
                event.set()
