"""The options, for code in the event loop."""

from litestar.concurrency import sync_to_thread

from polyreel.core.options import Options, OptionsCache
from polyreel.kit.errors import Unavailable

__all__ = ["options_now"]


async def options_now(cache: OptionsCache) -> Options:
    """The options of this moment; while the database is away, as they were last known."""
    held = cache.fresh()
    if held is not None:
        return held
    try:
        return await sync_to_thread(cache.current)
    except Unavailable:
        return cache.last_known
