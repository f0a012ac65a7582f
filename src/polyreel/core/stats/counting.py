"""Counting: what happens is added to sums of five minutes, an hour and a day.

Rare things (an upload, an encoded part) are added in the transaction that makes them true. What
happens on every request is gathered in memory and written in batches.
"""

import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import delete

from polyreel.core.stats.slots import KEPT_S, SLOTS_S, slot_start
from polyreel.core.stats.tables import MachineRow, MediaSumRow, UserSumRow
from polyreel.infra.db import insert_adding
from polyreel.infra.tx import Database, Tx
from polyreel.kit import clock

__all__ = ["EVERYBODY", "Count", "Metric", "Traffic", "add_counts", "trim_statistics"]

Metric = Literal["traffic", "upload", "encoding", "remote", "remote_time"]
"""Bytes sent, bytes received, milliseconds encoded, bytes fetched, milliseconds of fetching."""

EVERYBODY = 0
LONGEST_LABEL = 120
_users: Any = UserSumRow.__table__
_media: Any = MediaSumRow.__table__
_log = logging.getLogger("polyreel.stats")


@dataclass(frozen=True)
class Count:
    """`amount` of something for a user, and for a media of theirs where it has to do with one."""

    metric: Metric
    user_id: int
    amount: int
    media_id: int | None = None
    label: str = ""
    """A rendition, or the host that was fetched from."""
    events: int = 1
    at_s: int | None = None
    """Seconds from the epoch; None: now."""


def add_counts(tx: Tx, counts: Iterable[Count]) -> None:
    """Add to the sums, in this transaction."""
    now_s = clock.epoch_s()
    users: dict[tuple[Any, ...], list[int]] = {}
    media: dict[tuple[Any, ...], list[int]] = {}
    for one in counts:
        for slot_s in SLOTS_S:
            at = slot_start(now_s if one.at_s is None else one.at_s, slot_s)
            for user_id in (one.user_id, EVERYBODY):
                _sum(users, (one.metric, slot_s, user_id, at), one)
            if one.media_id is not None or one.label:
                label = one.label[:LONGEST_LABEL]
                key = (one.metric, slot_s, one.media_id or 0, at, one.user_id, label)
                _sum(media, key, one)
    _write(tx, _users, ("metric", "slot_s", "user_id", "at"), users)
    _write(tx, _media, ("metric", "slot_s", "media_id", "at", "user_id", "label"), media)


def _sum(sums: dict[tuple[Any, ...], list[int]], key: tuple[Any, ...], one: Count) -> None:
    found = sums.setdefault(key, [0, 0])
    found[0] += one.amount
    found[1] += one.events


def _write(
    tx: Tx, table: Any, names: tuple[str, ...], sums: Mapping[tuple[Any, ...], list[int]]
) -> None:
    if not sums:
        return
    # In one order always, so that two who add to the same rows cannot wait for each other.
    rows = [
        {**dict(zip(names, key, strict=True)), "amount": amount, "events": events}
        for key, (amount, events) in sorted(sums.items())
    ]
    statement = insert_adding(tx.database.dialect, table, index=names, adding=("amount", "events"))
    tx.session.execute(statement, rows)


def trim_statistics(tx: Tx) -> None:
    """Delete sums of short slots that have been kept long enough."""
    now_s = clock.epoch_s()
    for table in (UserSumRow, MediaSumRow, MachineRow):
        for slot_s, kept_s in KEPT_S.items():
            tx.session.execute(
                delete(table)
                .where(table.slot_s == slot_s, table.at < now_s - kept_s)
                .execution_options(synchronize_session=False)
            )


class Traffic:
    """Media bytes sent: counted in memory, written every `every_s` seconds and when closed, in one
    transaction. A crash loses at most the last few seconds of statistics.
    """

    def __init__(self, db: Database, *, every_s: float = 5.0) -> None:
        self._db = db
        self._every_s = every_s
        self._counts: dict[tuple[int, int, str, int], list[int]] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    def start(self) -> None:
        """Begin to write in a thread of its own."""
        self._thread.start()

    def record(self, owner_id: int, media_id: int, quality: str, size_bytes: int) -> None:
        """Count one answer."""
        key = (owner_id, media_id, quality, slot_start(clock.epoch_s(), SLOTS_S[0]))
        with self._lock:
            count = self._counts.setdefault(key, [0, 0])
            count[0] += size_bytes
            count[1] += 1

    def flush(self) -> None:
        """Write what was counted since the last time."""
        with self._lock:
            counts, self._counts = self._counts, {}
        if not counts:
            return
        try:
            with self._db.write() as tx:
                add_counts(
                    tx,
                    [
                        Count("traffic", owner, amount, media, quality, events, at)
                        for (owner, media, quality, at), (amount, events) in counts.items()
                    ],
                )
        except Exception:
            with self._lock:
                for key, (amount, events) in counts.items():
                    count = self._counts.setdefault(key, [0, 0])
                    count[0] += amount
                    count[1] += events
            raise

    def close(self) -> None:
        """Write the rest and stop."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(5)
        self._try_flush()

    def _run(self) -> None:
        while not self._stopped.wait(self._every_s):
            self._try_flush()

    def _try_flush(self) -> None:
        try:
            self.flush()
        except Exception as error:  # noqa: BLE001 - counted on, written with the next batch
            _log.warning("traffic could not be written yet: %s", error)
