"""The lifespan of a web process: what starts before the first request and ends after the last."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from polyreel.http.middleware import ASGIApp, Receive, Scope, Send
from polyreel.kit.garbage import begin_collecting

__all__ = ["with_lifespan"]

# Handlers wait for the database more than they compute; Python's own default is cores + 4.
THREADS = 24

_log = logging.getLogger(__name__)


def with_lifespan(app: ASGIApp, start: Callable[[], None], stop: Callable[[], None]) -> ASGIApp:
    """`app`, with `start` and `stop` run in a thread around its life (ASGI lifespan protocol)."""

    async def lively(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        asyncio.get_running_loop().set_default_executor(
            ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="handler")
        )
        while True:
            message = await receive()
            phase = message["type"].removeprefix("lifespan.")
            try:
                await asyncio.to_thread(start if phase == "startup" else stop)
            except Exception as error:  # noqa: BLE001 - told to the server, which ends
                _log.exception("%s failed", phase)
                await send({"type": f"lifespan.{phase}.failed", "message": str(error)})
                return
            if phase == "startup":
                begin_collecting()
            await send({"type": f"lifespan.{phase}.complete"})
            if phase == "shutdown":
                return

    return lively
