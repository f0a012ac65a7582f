"""What may be fetched, by whom, and where it lies."""

from polyreel.core.delivery.media_view import (
    FragmentNotFound,
    Made,
    MediaView,
    Place,
    find_maker,
    hurry,
    is_current,
    load_view,
)
from polyreel.core.delivery.tickets import LIFE_S, Ticket, Tickets

__all__ = [
    "LIFE_S",
    "FragmentNotFound",
    "Made",
    "MediaView",
    "Place",
    "Ticket",
    "Tickets",
    "find_maker",
    "hurry",
    "is_current",
    "load_view",
]
