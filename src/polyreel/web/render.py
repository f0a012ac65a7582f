"""Templates: one environment, and how times and sizes are written (as in static/js/format.js)."""

import functools
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from polyreel.core.users import Actor
from polyreel.http.auth import Client
from polyreel.kit import clock as kit_clock
from polyreel.web.asking import is_insecure, now_asked
from polyreel.web.static import load_static_files

__all__ = ["render"]

_AGES = (
    (60, "minute"), (3600, "hour"), (86400, "day"), (604800, "week"), (2629800, "month"),
    (31557600, "year"),
)  # fmt: skip


def render(
    template: str,
    actor: Actor | None = None,
    client: Client | None = None,
    **context: Any,
) -> bytes:
    """A page's HTML. Everything put in is escaped; a name the template misses is an error."""
    user = {"name": actor.username, "is_admin": actor.is_admin} if actor else None
    given = {
        "app_name": now_asked().app_name(),
        "home": now_asked().home,
        "user": user,
        "insecure": client is not None and is_insecure(client),
        **context,
    }
    return _environment().get_template(template).render(given).encode()


@functools.cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
    )
    made.globals["static"] = load_static_files().address
    made.filters["clock"] = clock
    made.filters["age"] = age
    made.filters["bytes"] = size
    return made


def clock(duration_ms: int) -> str:
    """`4:05` or `1:02:03`."""
    seconds = max(0, (duration_ms + 500) // 1000)
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def size(size_bytes: int) -> str:
    """`1.2 GB`: powers of 1000, as people see them in their file manager."""
    value, units = float(size_bytes), ["B", "KB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return (
        f"{value:.0f} {units[0]}" if units[0] == "B" or value >= 100 else f"{value:.1f} {units[0]}"
    )


def age(moment: str) -> str:
    """`3 hours ago` of an ISO time."""
    seconds = (kit_clock.now() - datetime.fromisoformat(moment)).total_seconds()
    if seconds < 45:
        return "just now"
    length, word = max((step for step in _AGES if seconds >= step[0]), default=_AGES[0])
    count = max(1, int(seconds // length))
    return f"{count} {word}{'' if count == 1 else 's'} ago"
