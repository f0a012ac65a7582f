"""What happened: sums by five minutes, hour and day of what was sent, received and made."""

from polyreel.core.stats.counting import Count, Metric, Traffic, add_counts, trim_statistics
from polyreel.core.stats.machine import MachineWatch
from polyreel.core.stats.reading import (
    Point,
    Top,
    list_top_files,
    list_top_labels,
    list_top_storage_files,
    list_top_storage_users,
    list_top_users,
    read_curve,
    read_gauge,
    total_of_media,
)
from polyreel.core.stats.slots import Span, span_of

__all__ = [
    "Count",
    "MachineWatch",
    "Metric",
    "Point",
    "Span",
    "Top",
    "Traffic",
    "add_counts",
    "list_top_files",
    "list_top_labels",
    "list_top_storage_files",
    "list_top_storage_users",
    "list_top_users",
    "read_curve",
    "read_gauge",
    "span_of",
    "total_of_media",
    "trim_statistics",
]
