"""Bytes on their way to a file: gathered in the event loop, written and hashed by a few threads.

Blocks of 2 MiB, one at a time for each file, while the next one is gathered; who sends faster waits.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["BlockWriter", "in_thread"]

BLOCK_BYTES = 2 * 1024 * 1024
# Slow clients fill a block in minutes: what is there is written after so long, which also says
# that the upload lives.
FLUSH_S = 10.0

T = TypeVar("T")

_pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="upload")


class BlockWriter:
    """Hands what is added to `write`, in blocks, in order. What `write` raises comes out of every call
    after it, and nothing more is written; nothing is lost when the caller is cancelled in between.
    """

    def __init__(self, write: Callable[..., None]) -> None:
        self._write = write
        self._block: list[bytes] = []
        self._bytes = 0
        self._under_way: asyncio.Future[None] | None = None
        self._failure: Exception | None = None
        self._flushed_at = asyncio.get_running_loop().time()

    async def add(self, data: bytes) -> None:
        """Take these; waits while there is a whole block, and the one before it is not written."""
        self._block.append(data)
        self._bytes += len(data)
        if self._bytes >= BLOCK_BYTES:
            await self.flush()

    async def flush(self) -> None:
        """Hand over what there is, once the block before it is written."""
        await self.settle()
        if self._block:
            block, self._block, self._bytes = self._block, [], 0
            self._under_way = asyncio.wrap_future(_pool.submit(self._write, *block))
        self._flushed_at = asyncio.get_running_loop().time()

    async def flush_if_late(self) -> None:
        """Hand over what has waited for long; to be called now and then."""
        if self._block and asyncio.get_running_loop().time() - self._flushed_at > FLUSH_S:
            await self.flush()

    async def settle(self) -> None:
        """Return when nothing is being written."""
        if self._failure is not None:
            raise self._failure
        under_way = self._under_way
        if under_way is None:
            return
        try:
            await asyncio.shield(under_way)
        except Exception as error:
            self._failure = error
            raise
        finally:
            if under_way.done():
                self._under_way = None


async def in_thread(action: Callable[..., T], *arguments: object) -> T:
    """Call it in one of the threads that write; it goes on also when the caller is cancelled."""
    return await asyncio.shield(asyncio.wrap_future(_pool.submit(action, *arguments)))
