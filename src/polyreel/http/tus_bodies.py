"""Bodies on their way into resumable uploads: one at a time for each, whoever else wants it.

Who comes later asks who is at work to stop, in whatever process; what arrived until then counts.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from polyreel.core import ingest
from polyreel.core.ingest import (
    Appending,
    BodyTooLong,
    Hold,
    Resumable,
    ResumableLimits,
    UploadInterrupted,
    UploadLocked,
)
from polyreel.core.users import Actor
from polyreel.http.blocks import BlockWriter, in_thread
from polyreel.http.middleware import Receive
from polyreel.http.uploads import ClientGone
from polyreel.infra.tools import Tools

__all__ = ["Bodies", "unbroken"]

_SILENCE_S = 120.0
_PATIENCE_S = 10.0
_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 0.1

T = TypeVar("T")


class Bodies:
    """Takes the bodies of all requests of one process."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._digests = ingest.Digests()
        self._running: dict[str, Callable[[], None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        tools.notifier.subscribe(self._heard)

    async def take(
        self,
        receive: Receive,
        actor: Actor,
        uid: str,
        limits: ResumableLimits,
        begin: Callable[[Appending], None],
    ) -> Resumable:
        """Append a body to an upload; what it is then. `begin` calls `Appending.begin`, in a thread.

        Raises ClientGone and UploadInterrupted (what arrived counts), and whatever Appending does.
        """
        hold = await self.hold(actor, uid, to_append=True)
        tools = self._tools
        appending = Appending(tools.db, tools.storage, hold, limits, self._digests)
        ending = _Ending(appending)
        try:
            await unbroken(in_thread(begin, appending))
            ending.blocks = BlockWriter(appending.write)
            await self._receive(receive, uid, ending)
        finally:
            try:
                await unbroken(ending.end())
            finally:
                hold.release()
        return replace(hold.upload, offset_bytes=appending.kept)

    async def _receive(self, receive: Receive, uid: str, ending: "_Ending") -> None:
        """Take the whole body. Whoever else wants the upload makes it end early."""
        loop = asyncio.get_running_loop()
        blocks, heard_at, is_wanted = ending.blocks, loop.time(), False
        assert blocks is not None  # noqa: S101
        try:
            async with asyncio.timeout(_SILENCE_S) as silence:

                def stop() -> None:
                    nonlocal is_wanted
                    is_wanted = True
                    with suppress(RuntimeError):
                        silence.reschedule(loop.time())

                self._running[uid] = stop
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientGone
                    if chunk := message.get("body"):
                        await blocks.add(chunk)
                    if not message.get("more_body", False):
                        break
                    if loop.time() - heard_at > 1 and not is_wanted:
                        heard_at = loop.time()
                        silence.reschedule(heard_at + _SILENCE_S)
                        await blocks.flush_if_late()
            ending.is_whole = True
        except TimeoutError:
            raise (UploadInterrupted if is_wanted else ClientGone) from None
        finally:
            self._running.pop(uid, None)

    async def hold(self, actor: Actor, uid: str, *, to_append: bool = False) -> Hold:
        """An upload, ours alone; whoever has it is asked to stop.

        Raises UploadLocked when they do not, and what `ingest.hold_resumable` does.
        """
        loop = self._loop = asyncio.get_running_loop()
        deadline, pause, tools = loop.time() + _PATIENCE_S, _PAUSE_S, self._tools
        is_asked = False
        while True:
            try:
                hold = partial(ingest.hold_resumable, to_append=to_append)
                return await _held(in_thread(hold, tools.db, tools.storage, actor, uid))
            except UploadLocked:
                if loop.time() > deadline:
                    raise
            if (stop := self._running.get(uid)) is not None:
                stop()
            elif not is_asked:
                await asyncio.to_thread(ingest.ask_to_let_go, tools.db, uid)
                is_asked = True
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE_S, pause * 2)

    def _heard(self, topics: list[str]) -> None:
        loop = self._loop
        wanted = ingest.asked_to_let_go(topics)
        if wanted and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._stop, wanted)

    def _stop(self, uids: list[str]) -> None:
        for uid in uids:
            if (stop := self._running.get(uid)) is not None:
                stop()


@dataclass
class _Ending:
    """How a body ends: what arrived counts, unless it was refused or cannot be checked."""

    appending: Appending
    blocks: BlockWriter | None = None
    is_whole: bool = False

    async def end(self) -> None:
        """Write what is left, and make it count."""
        if self.blocks is None:
            return
        appending = self.appending
        try:
            await self.blocks.flush()
            await self.blocks.settle()
        except BodyTooLong:
            await in_thread(appending.drop)
            raise
        except Exception:
            self.is_whole = False
            await in_thread(self._keep_or_drop)
            raise
        await in_thread(self._keep_or_drop)

    def _keep_or_drop(self) -> None:
        if self.is_whole or not self.appending.is_checked:
            self.appending.keep()
        else:
            self.appending.drop()


async def unbroken(work: Coroutine[Any, Any, T]) -> T:
    """Do all of it, also when the caller is cancelled meanwhile: then it is told afterwards."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError, Exception):
                await asyncio.shield(task)
        raise


async def _held(taking: Coroutine[Any, Any, Hold]) -> Hold:
    """A hold, released when nobody is there any more to have it."""
    task = asyncio.ensure_future(taking)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_let_go)
        raise


def _let_go(task: "asyncio.Future[Hold]") -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().release()
