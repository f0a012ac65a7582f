"""The engine on PostgreSQL: procrastinate's workers fetch tickets, each drains its lane of due jobs.

What breaks with the database, procrastinate's workers and their connections, is built anew when it
answers again. Jobs are not part of that: they run in threads of our own, under leases of our own, and
a drain outlives the worker that fetched its ticket.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import psycopg
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from psycopg_pool import AsyncConnectionPool

from polyreel.infra.db.postgresql import CONNECTING, plain_url
from polyreel.infra.jobs import tickets
from polyreel.infra.jobs.schedule import Schedule
from polyreel.infra.jobs.trouble import Trouble
from polyreel.infra.tx import Database, DatabaseUnavailable

__all__ = ["ProcrastinateEngine"]

log = logging.getLogger("polyreel.jobs")

_RECONCILE_EVERY_S = 10.0
_TROUBLE_S = 1.0
"""Between two tries of ours at a database that is away."""
_PROBE_EVERY_S = 0.5
_PATIENCE_S = 1.0
"""How long procrastinate waits for a connection before it gives up its worker."""
_POLL_S = 1.0
"""How late a delayed ticket is fetched at most: only new ones are told of."""


class _NotDone(Exception):
    """The engine stops before this ticket's lane was seen empty: procrastinate keeps the ticket."""


class ProcrastinateEngine:
    """One thread with an event loop: a worker of procrastinate for each lane, and the schedule.

    `claim` starts the next due job of a lane and returns what is done when the job has ended, or
    None when there is none to start. It is called from several threads.
    """

    def __init__(
        self,
        db: Database,
        lanes: Mapping[str, int],
        claim: Callable[[str], Future[None] | None],
        schedule: Schedule,
    ) -> None:
        self._db = db
        self._url = plain_url(db.engines.writer.url)
        self._lanes = lanes
        self._claim = claim
        self._schedule = schedule
        self._next_reconcile = 0.0
        self._no_claims = Trouble("no job can be claimed")
        self._stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._main()), name="jobs-procrastinate", daemon=True
        )

    def start(self) -> None:
        """Begin to claim."""
        self._thread.start()

    def wake(self) -> None:
        """Nothing to do: tickets are told of by the database, and a drain sees the end of its job."""

    def stop(self, timeout_s: float) -> None:
        """Claim no more."""
        self._stopping = True
        if self._loop is not None:
            # A loop that is closed was stopped before.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stopped.set)
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    async def _main(self) -> None:
        self._stopped = asyncio.Event()
        self._due = asyncio.Event()
        self._drains: set[asyncio.Task[None]] = set()
        self._slots = {lane: asyncio.Semaphore(slots) for lane, slots in self._lanes.items()}
        self._loop = asyncio.get_running_loop()
        # Each drain may wait in a thread for its claim, and the schedule has to go on beside them.
        self._loop.set_default_executor(ThreadPoolExecutor(sum(self._lanes.values()) + 2))
        self._loop.set_exception_handler(_tell_unheard)
        keeper = asyncio.create_task(self._keep_time())
        trouble = Trouble("the queue of jobs is broken and will be built anew")
        while not self._stopping:
            try:
                # Asked first: a pool waits ever longer between its own tries.
                async with await psycopg.AsyncConnection.connect(self._url, **CONNECTING):
                    trouble.over()
                await self._serve()
            except Exception as error:  # noqa: BLE001 - whatever it is, jobs must go on
                trouble.met(_in_our_words(error))
            await self._pause(_PROBE_EVERY_S)
        keeper.cancel()

    async def _serve(self) -> None:
        """Fetch tickets until told to stop, or until a worker breaks: raises what broke it."""
        pool = AsyncConnectionPool(
            self._url,
            kwargs=CONNECTING,
            open=False,
            min_size=2,
            timeout=_PATIENCE_S,
            configure=_configure,
            check=AsyncConnectionPool.check_connection,
        )
        app = App(connector=PsycopgConnector(configure=_configure))
        app.task(name=tickets.TASK, pass_context=True, retry=True)(self._use)
        async with pool, app.open_async(pool):
            await pool.wait(_PATIENCE_S)
            stopped = asyncio.create_task(self._stopped.wait())
            workers = [
                asyncio.create_task(_work(app, lane, slots)) for lane, slots in self._lanes.items()
            ]
            # What came while nobody fetched.
            self._next_reconcile = 0.0
            self._due.set()
            await asyncio.wait([stopped, *workers], return_when=asyncio.FIRST_COMPLETED)
            broken = [worker for worker in workers if worker.done()]
            if broken:
                # Nobody shall wait for connections to a database that may be gone.
                await pool.close()
            for task in (stopped, *workers):
                task.cancel()
            await asyncio.gather(stopped, *workers, return_exceptions=True)
            for worker in broken:
                worker.result()

    async def _use(self, context: JobContext) -> None:
        """The task behind every ticket."""
        drain = asyncio.create_task(self._drain(str(context.job.queue)))
        self._drains.add(drain)
        drain.add_done_callback(self._drains.discard)
        await asyncio.shield(drain)
        if self._stopping:
            raise _NotDone

    async def _drain(self, lane: str) -> None:
        """Run due jobs of `lane`, one after the other, until there is none."""
        # Not procrastinate's own count: jobs of the time before a break may still have slots.
        async with self._slots[lane]:
            while not self._stopping:
                try:
                    ended = await asyncio.to_thread(self._claim, lane)
                except Exception as error:  # noqa: BLE001 - the ticket is ours until its lane is empty
                    self._no_claims.met(error)
                    await self._pause(_TROUBLE_S)
                    continue
                self._no_claims.over()
                if ended is None:
                    return
                await asyncio.wrap_future(ended)

    async def _keep_time(self) -> None:
        trouble = Trouble("the schedule of jobs cannot be kept")
        while True:
            self._due.clear()
            try:
                pause_s = await asyncio.to_thread(self._turn)
                trouble.over()
            except Exception as error:  # noqa: BLE001 - an absent database must not end the worker
                trouble.met(error)
                pause_s = _TROUBLE_S
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), pause_s)

    def _turn(self) -> float:
        pause_s = self._schedule.run_due()
        now = time.monotonic()
        if now >= self._next_reconcile:
            tickets.reconcile(self._db)
            self._next_reconcile = now + _RECONCILE_EVERY_S
        return max(0.0, min(pause_s, self._next_reconcile - now))

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)


async def _work(app: App, lane: str, slots: int) -> None:
    await app.run_worker_async(
        queues=[lane],
        name=lane,
        concurrency=slots,
        fetch_job_polling_interval=_POLL_S,
        # Drains outlive their worker: there is nothing to wait for.
        shutdown_graceful_timeout=0,
        stalled_worker_timeout=tickets.DEAD_AFTER_S,
        delete_jobs="always",
        install_signal_handlers=False,
    )


async def _configure(connection: psycopg.AsyncConnection[Any]) -> None:
    await connection.set_autocommit(True)
    # A ticket whose fetching a crash undoes is one too many: worth no wait for the disk.
    await connection.execute("SET synchronous_commit = off")


def _in_our_words(error: Exception) -> Exception:
    cause = error.__cause__ if isinstance(error, ConnectorException) else error
    return DatabaseUnavailable() if isinstance(cause, psycopg.OperationalError) else error


def _tell_unheard(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A ticket whose end could not be written, as after a break; it is removed as a stray one."""
    log.debug("in the queue of jobs: %s", context.get("message"), exc_info=context.get("exception"))
