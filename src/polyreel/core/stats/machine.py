"""Readings of the machine, taken every few seconds and kept as averages by slot."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from polyreel.core.stats.slots import SLOTS_S, slot_start
from polyreel.core.stats.tables import MachineRow
from polyreel.infra.db import insert_adding
from polyreel.infra.tx import Database
from polyreel.kit import clock

__all__ = ["MachineWatch"]

EVERY_S = 12.0
_rows: Any = MachineRow.__table__
_log = logging.getLogger("polyreel.stats")


class MachineWatch:
    """Takes readings of gauges in a thread of its own and writes them once a minute.

    `read` gives the value of each gauge now; gauges it cannot tell are left out.
    """

    def __init__(
        self,
        db: Database,
        read: Callable[[], Mapping[str, float]],
        *,
        every_s: float = EVERY_S,
        write_every: int = 5,
    ) -> None:
        self._db = db
        self._read = read
        self._every_s = every_s
        self._write_every = write_every
        self._gathered: dict[tuple[str, int], list[float]] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="machine", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Write the rest and stop."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(2)
        self._try(self.flush)

    def take(self) -> None:
        """One reading of every gauge."""
        now_s = clock.epoch_s()
        for gauge, value in self._read().items():
            found = self._gathered.setdefault((gauge, slot_start(now_s, SLOTS_S[0])), [0.0, 0])
            found[0] += value
            found[1] += 1

    def flush(self) -> None:
        """Write what was read since the last time; what cannot be written is let go."""
        gathered, self._gathered = self._gathered, {}
        rows = [
            {"gauge": gauge, "slot_s": slot_s, "at": slot_start(at, slot_s)}
            | {"total": total, "readings": int(readings)}
            for (gauge, at), (total, readings) in sorted(gathered.items())
            for slot_s in SLOTS_S
        ]
        if not rows:
            return
        statement = insert_adding(
            self._db.dialect,
            _rows,
            index=("gauge", "slot_s", "at"),
            adding=("total", "readings"),
        )
        with self._db.write() as tx:
            tx.session.execute(statement, rows)

    def _run(self) -> None:
        taken = 0
        while not self._stopped.wait(self._every_s):
            self._try(self.take)
            taken += 1
            if taken % self._write_every == 0:
                self._try(self.flush)

    def _try(self, what: Callable[[], None]) -> None:
        try:
            what()
        except Exception as error:  # noqa: BLE001 - a reading less; the next one comes
            _log.warning("the machine could not be watched: %s", error)
