"""What a promise about time is measured with on a machine that others use, too."""

import os
import time
from contextlib import suppress
from pathlib import Path

import psutil

__all__ = ["Stopwatch"]


class Stopwatch:
    """Seconds as a machine of one's own would have taken. While the processors work for others (another
    program, or the tests beside this one), time goes slower here: by the share that they had of all there
    is, since this stopwatch was made. Whatever this process and those below it do counts in full, waiting,
    too: on a machine that is one's own it is a clock.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._all, self._busy = _machine_s()
        self._own = _own_s()

    def read(self) -> float:
        """Seconds until now."""
        took_s = time.monotonic() - self._began
        every, busy = _machine_s()
        others_s = max(0.0, busy - self._busy - (_own_s() - self._own))
        return took_s * (1 - min(1.0, others_s / max(every - self._all, 0.01)))


def _machine_s() -> tuple[float, float]:
    """Seconds that all processors together had since the machine began, and were busy of them; where that
    is not told (elsewhere than on Linux), nobody else has any.
    """
    try:
        first = Path("/proc/stat").read_text().partition("\n")[0]
    except OSError:
        return 0.0, 0.0
    ticks = [int(field) / os.sysconf("SC_CLK_TCK") for field in first.split()[1:9]]
    # user, nice, system, idle, waiting for a disk, ...
    return sum(ticks), sum(ticks) - ticks[3] - ticks[4]


def _own_s() -> float:
    """Seconds that this process and all below it have worked, those included that have ended and been seen to."""
    own, total = psutil.Process(), 0.0
    for process in (own, *own.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total
