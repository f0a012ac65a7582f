"""What is watched of a machine that works: its own gauges, and how much work waits."""

from collections.abc import Mapping

from polyreel.core.media import count_unfinished
from polyreel.core.stats import MachineWatch
from polyreel.infra.machine import Machine
from polyreel.infra.tools import Tools

__all__ = ["make_watch"]


def make_watch(tools: Tools) -> MachineWatch:
    """A watch over this machine, to be started in a process that runs jobs."""
    machine = Machine()

    def read() -> Mapping[str, float]:
        with tools.db.read() as tx:
            waiting = count_unfinished(tx)
        return {
            **machine.read(),
            "queue_quality": waiting.get("video", 0),
            "queue_audio": waiting.get("audio", 0),
            "queue_subtitle": waiting.get("subtitle", 0),
        }

    return MachineWatch(tools.db, read)
