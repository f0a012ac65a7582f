"""Upkeep: files that no row names, rows whose file is gone, what has expired."""

from polyreel.core.upkeep.restart import end_what_died
from polyreel.core.upkeep.sweep import SweepReport, sweep_files
from polyreel.core.upkeep.tasks import KINDS, PERIODIC
from polyreel.core.upkeep.watch import make_watch

__all__ = ["KINDS", "PERIODIC", "SweepReport", "end_what_died", "make_watch", "sweep_files"]
