"""The options, for code in the event loop."""

from litestar.concurrency import sync_to_thread

from polyreel.core.options import Options, OptionsCache
from polyreel.kit.errors import Unavailable
from polyreel.settings import Settings

__all__ = ["options_now", "public_urls"]


async def options_now(cache: OptionsCache) -> Options:
    """The options of this moment; while the database is away, as they were last known."""
    held = cache.fresh()
    if held is not None:
        return held
    try:
        return await sync_to_thread(cache.current)
    except Unavailable:
        return cache.last_known


def public_urls(cache: OptionsCache, settings: Settings) -> list[str]:
    """The addresses under which this server is known, as they were last read; the first one counts
    where one has to be told.
    """
    return [url for url in (cache.last_known.public_url, settings.base_url) if url]
