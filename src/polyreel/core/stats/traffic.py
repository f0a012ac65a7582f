"""Traffic: real bytes sent of each video."""

import logging
import threading

from sqlalchemy import func, select, update

from polyreel.core.stats.tables import TrafficRow
from polyreel.infra.db import insert_ignore
from polyreel.infra.tx import Database, Tx
from polyreel.kit import clock

_log = logging.getLogger("polyreel.stats")
_HOUR_S = 3600


class Traffic:
    """Counts in memory; writes what it has every `every_s` seconds and when closed, in one
    transaction. A crash loses at most the last few seconds of statistics.
    """

    def __init__(self, db: Database, *, every_s: float = 5.0) -> None:
        self._db = db
        self._every_s = every_s
        self._counts: dict[tuple[int, int, int], list[int]] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    def start(self) -> None:
        """Begin to write in a thread of its own."""
        self._thread.start()

    def record(self, owner_id: int, video_id: int, size_bytes: int) -> None:
        """Count one answer."""
        key = (clock.epoch_s() // _HOUR_S, owner_id, video_id)
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
                for key, (size, requests) in counts.items():
                    _add(tx, key, size, requests)
        except Exception:
            with self._lock:
                for key, (size, requests) in counts.items():
                    count = self._counts.setdefault(key, [0, 0])
                    count[0] += size
                    count[1] += requests
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
        except Exception:  # noqa: BLE001 - counted on, written with the next batch
            _log.exception("traffic could not be written")


def _add(tx: Tx, key: tuple[int, int, int], size: int, requests: int) -> None:
    hour, owner_id, video_id = key
    table = TrafficRow.metadata.tables[TrafficRow.__tablename__]
    fresh = insert_ignore(tx.database.dialect, table, index=["hour", "owner_id", "video_id"])
    values = {"hour": hour, "owner_id": owner_id, "video_id": video_id}
    tx.session.execute(fresh.values(**values, sent_bytes=0, requests=0))
    tx.session.execute(
        update(TrafficRow)
        .where(
            TrafficRow.hour == hour,
            TrafficRow.owner_id == owner_id,
            TrafficRow.video_id == video_id,
        )
        .values(sent_bytes=TrafficRow.sent_bytes + size, requests=TrafficRow.requests + requests)
    )


def sent_bytes(tx: Tx, video_id: int) -> int:
    """All media bytes ever sent of a video."""
    total = tx.session.scalar(
        select(func.coalesce(func.sum(TrafficRow.sent_bytes), 0)).where(
            TrafficRow.video_id == video_id
        )
    )
    return int(total or 0)
