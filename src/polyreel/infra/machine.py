"""How busy this machine is, as the kernel tells it (Linux; elsewhere nothing is told)."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

__all__ = ["Machine"]

_SECTOR_BYTES = 512
# Parts and layers of disks: what goes through them is counted at the disk below already.
_NO_DISKS = ("loop", "ram", "zram", "dm-", "md", "sr", "fd")


class Machine:
    """Reads gauges: shares in percent, rates in bytes per second since the reading before."""

    def __init__(
        self, proc: Path = Path("/proc"), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._proc = proc
        self._clock = clock
        self._before: tuple[float, dict[str, float]] | None = None

    def read(self) -> Mapping[str, float]:
        """`cpu` and `memory` in percent; `net_in`, `net_out`, `disk_read`, `disk_write` in bytes per
        second. The first reading has nothing to compare with and tells `memory` alone.
        """
        try:
            totals = {**self._cpu(), **self._network(), **self._disks()}
            memory = self._memory()
        except (OSError, ValueError, IndexError, KeyError):
            return {}
        now = self._clock()
        before, self._before = self._before, (now, totals)
        if before is None or now <= before[0]:
            return {"memory": memory}
        gone = {
            name: max(0.0, value - before[1].get(name, value)) for name, value in totals.items()
        }
        rates = {
            name: amount / (now - before[0])
            for name, amount in gone.items()
            if not name.startswith("cpu")
        }
        share = 100 * gone["cpu_busy"] / gone["cpu_all"] if gone["cpu_all"] else 0.0
        return {"cpu": share, "memory": memory, **rates}

    def _cpu(self) -> dict[str, float]:
        fields = (self._proc / "stat").read_text().splitlines()[0].split()[1:9]
        ticks = [int(field) for field in fields]
        # user, nice, system, idle, waiting for a disk, ...
        return {"cpu_all": sum(ticks), "cpu_busy": sum(ticks) - ticks[3] - ticks[4]}

    def _memory(self) -> float:
        rows = (line.split() for line in (self._proc / "meminfo").read_text().splitlines())
        sizes = {row[0].rstrip(":"): int(row[1]) for row in rows if len(row) > 1}
        return 100 * (1 - sizes["MemAvailable"] / sizes["MemTotal"])

    def _network(self) -> dict[str, float]:
        received = sent = 0
        for line in (self._proc / "net" / "dev").read_text().splitlines()[2:]:
            name, _, numbers = line.partition(":")
            if name.strip() != "lo":
                fields = numbers.split()
                received, sent = received + int(fields[0]), sent + int(fields[8])
        return {"net_in": received, "net_out": sent}

    def _disks(self) -> dict[str, float]:
        read = written = 0
        names: list[str] = []
        for line in (self._proc / "diskstats").read_text().splitlines():
            fields = line.split()
            name = fields[2]
            # A partition follows its disk and is named after it.
            if name.startswith(_NO_DISKS) or any(name.startswith(disk) for disk in names):
                continue
            names.append(name)
            read, written = read + int(fields[5]), written + int(fields[9])
        return {"disk_read": read * _SECTOR_BYTES, "disk_write": written * _SECTOR_BYTES}
