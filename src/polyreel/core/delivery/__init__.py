"""What may be fetched, by whom, and where it lies."""

from polyreel.core.delivery.downloads import (
    Contents,
    QualityNotFound,
    Wish,
    choose_contents,
    file_names,
    make_whole,
    tag_of,
)
from polyreel.core.delivery.media_view import (
    FragmentNotFound,
    Made,
    MediaView,
    Place,
    is_current,
    load_view,
)
from polyreel.core.delivery.tickets import LIFE_S, Ticket, Tickets
from polyreel.core.delivery.whole_mkv import WholeMkv
from polyreel.core.delivery.whole_mp4 import WholeMp4

__all__ = [
    "LIFE_S",
    "Contents",
    "FragmentNotFound",
    "Made",
    "MediaView",
    "Place",
    "QualityNotFound",
    "Ticket",
    "Tickets",
    "WholeMkv",
    "WholeMp4",
    "Wish",
    "choose_contents",
    "file_names",
    "is_current",
    "load_view",
    "make_whole",
    "tag_of",
]
