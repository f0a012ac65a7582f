"""Curves and lists of the greatest, of one's own account and, for administrators, of all. Contract:
sections 11 (the end), 12 and 15.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from polyreel.core import stats
from polyreel.core.media import get_rendition
from polyreel.core.stats import Metric, Point, Top
from polyreel.core.users import Actor
from polyreel.dialects.videocms.answers import json_answer
from polyreel.dialects.videocms.auth import require_admin
from polyreel.dialects.videocms.binder import Param, bind, sent_of
from polyreel.dialects.videocms.operations import told
from polyreel.dialects.videocms.shapes_statistics import (
    Curve,
    CurvePoint,
    GaugePoint,
    Machine,
    TopEntry,
)
from polyreel.http.face import KnownActor, ServerTools
from polyreel.infra.tools import Tools
from polyreel.infra.tx import Tx
from polyreel.kit import clock
from polyreel.kit.errors import Invalid, NotFound

__all__ = ["STATISTICS"]

CHAPTER = "Statistics"

_DAY = timedelta(days=1)
_LEGACY = {"5min": timedelta(hours=4), "1h": _DAY, "7h": timedelta(days=7)}
# What is kept in milliseconds is told in seconds.
_SECONDS = ("encoding", "remote_time")
_GAUGES = {
    "Cpu": "cpu",
    "Mem": "memory",
    "NetOut": "net_out",
    "NetIn": "net_in",
    "DiskW": "disk_write",
    "DiskR": "disk_read",
    "ENCQualityQueue": "queue_quality",
    "ENCAudioQueue": "queue_audio",
    "ENCSubtitleQueue": "queue_subtitle",
}

Whose = Literal["account", "all"]


@dataclass(frozen=True)
class Wish:
    """What a curve or a list is wanted of; times as text, since an unreadable one is ignored."""

    start: Annotated[str, Param("from")]
    end: Annotated[str, Param("to")]
    points: Annotated[int, Param("points")]
    interval: Annotated[str, Param("interval")]
    mode: Annotated[str, Param("mode")]
    user_id: Annotated[int, Param("user_id")]
    file_id: Annotated[int, Param("file_id")]
    quality_id: Annotated[int, Param("quality_id")]


@dataclass(frozen=True)
class _Period:
    """From and to, where nothing else is said; `strict`: an unreadable time is refused."""

    before: timedelta = _DAY
    after: timedelta = timedelta()
    strict: bool = False


_REMOTE = _Period(timedelta(days=30), _DAY, strict=True)


def _curve_points(start: datetime, end: datetime) -> int:
    minutes = (end - start).total_seconds() / 60
    return min(200, max(50, int(minutes // 15))) if end - start <= _DAY else 100


def _hundred(start: datetime, end: datetime) -> int:
    return 100


def _twenty(start: datetime, end: datetime) -> int:
    return 20


def _times(wish: Wish, period: _Period) -> tuple[datetime, datetime]:
    end = _time(wish.end, strict=period.strict) or clock.now() + period.after
    start = _time(wish.start, strict=period.strict)
    if start is None:
        before = _LEGACY.get(wish.interval, period.before)
        start = end - before - (period.after if not wish.end else timedelta())
    return start, end


def _time(text: str, *, strict: bool) -> datetime | None:
    if not text:
        return None
    try:
        # A plus that came through a form is a space.
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        if strict:
            raise Invalid("from and to must be RFC 3339 times.")
        return None
    # Shifted to UTC, the first and last days of the calendar would fall off it.
    lowest, highest = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
    return min(max(moment, lowest), highest)


def _person(whose: Whose, actor: Actor, wish: Wish) -> int | None:
    """Whose numbers; None: everybody's. Raises Forbidden."""
    if whose == "account":
        return actor.user_id
    require_admin(actor)
    return wish.user_id or None


def _told(whose: Whose, gives: Any) -> dict[str, Any]:
    return told(CHAPTER, who="known" if whose == "account" else "admin", query=Wish, gives=gives)


def _make_curve(
    path: str,
    metric: Metric,
    whose: Whose,
    points: Callable[[datetime, datetime], int],
    period: _Period = _Period(),
) -> HTTPRouteHandler:
    @get(path, sync_to_thread=True, name=path, opt=_told(whose, Curve))
    def read(
        request: Request[Any, Any, Any], actor: KnownActor, tools: ServerTools
    ) -> Response[bytes]:
        """How much, from moment to moment; of the caller, or of anybody."""
        wish = bind(Wish, sent_of(request), query=True)
        user_id = _person(whose, actor, wish)
        start, end = _times(wish, period)
        span = stats.span_of(start.timestamp(), end.timestamp(), wish.points or points(start, end))
        found: Sequence[Point] = []
        if span is not None:
            with tools.db.read() as tx:
                media_id, label = _which(tx, wish) if metric == "traffic" else (None, None)
                found = stats.read_curve(
                    tx, metric, span, user_id=user_id, media_id=media_id, label=label
                )
        scale = 1000 if metric in _SECONDS else 1
        return json_answer(
            Curve(
                Traffic=[
                    CurvePoint(Timestamp=point.at_s * 1000, Bytes=round(point.value / scale))
                    for point in found
                ]
            )
        )

    return read


def _which(tx: Tx, wish: Wish) -> tuple[int | None, str | None]:
    """The media and the rendition a curve is wanted of."""
    media_id = wish.file_id or None
    if not wish.quality_id:
        return media_id, None
    try:
        rendition = get_rendition(tx, wish.quality_id)
    except NotFound:
        return _NOTHING
    return (
        (rendition.media_id, rendition.name) if media_id in (None, rendition.media_id) else _NOTHING
    )


# Of what there is not, nothing was ever sent.
_NOTHING = (0, "")
_List = Callable[[Tx, int, int, int | None], Sequence[Top]]


def _make_list(
    path: str, whose: Whose, modes: dict[str, _List], scales: dict[str, int], period: _Period
) -> HTTPRouteHandler:
    """`modes`: how each list is read, the first one where none is named."""

    @get(path, sync_to_thread=True, name=path, opt=_told(whose, list[TopEntry] | None))
    def read(
        request: Request[Any, Any, Any], actor: KnownActor, tools: ServerTools
    ) -> Response[bytes]:
        """The ten greatest; null for a mode that there is not."""
        wish = bind(Wish, sent_of(request), query=True)
        user_id = _person(whose, actor, wish)
        start, end = _times(wish, period)
        mode = wish.mode or next(iter(modes))
        if mode not in modes:
            return json_answer(None)
        with tools.db.read() as tx:
            found = modes[mode](tx, int(start.timestamp()), math.ceil(end.timestamp()), user_id)
        return json_answer([_top(mode, one, scales.get(mode, 1)) for one in found])

    return read


_NAMELESS = {"files": "Unknown File", "domains": "Unknown"}


def _top(mode: str, one: Top, scale: int) -> TopEntry:
    name = one.name or _NAMELESS.get(mode, "Deleted User")
    return TopEntry(ID=one.id, Name=name, value=one.amount // scale)


def _files(metric: Metric) -> _List:
    return lambda tx, start, end, user: stats.list_top_files(tx, metric, start, end, user_id=user)


def _users(metric: Metric) -> _List:
    return lambda tx, start, end, user: stats.list_top_users(tx, metric, start, end, user_id=user)


def _domains(tx: Tx, start: int, end: int, user_id: int | None) -> Sequence[Top]:
    return stats.list_top_labels(tx, "remote", start, end, user_id=user_id)


def _storage_files(tx: Tx, start: int, end: int, user_id: int | None) -> Sequence[Top]:
    return stats.list_top_storage_files(tx, user_id=user_id)


def _storage_users(tx: Tx, start: int, end: int, user_id: int | None) -> Sequence[Top]:
    return stats.list_top_storage_users(tx, user_id=user_id)


@get(
    "/api/stats",
    sync_to_thread=True,
    opt=told(CHAPTER, who="admin", query=Wish, gives=Machine),
)
def get_machine(
    request: Request[Any, Any, Any], actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """How busy the machine was, and how much waited."""
    wish = bind(Wish, sent_of(request), query=True)
    require_admin(actor)
    start, end = _times(wish, _Period())
    points = wish.points or _curve_points(start, end)
    span = stats.span_of(start.timestamp(), end.timestamp(), points)
    return json_answer(
        Machine(**{name: _gauge(tools, gauge, span) for name, gauge in _GAUGES.items()})
    )


def _gauge(tools: Tools, gauge: str, span: stats.Span | None) -> list[GaugePoint]:
    if span is None:
        return []
    with tools.db.read() as tx:
        found = stats.read_gauge(tx, gauge, span)
    return [GaugePoint(Timestamp=point.at_s * 1000, Value=point.value) for point in found]


def _make_all() -> list[HTTPRouteHandler]:
    made: list[HTTPRouteHandler] = [get_machine]
    bases: tuple[tuple[str, Whose], ...] = (("/api/account", "account"), ("/api/stats", "all"))
    for base, whose in bases:
        mine = whose == "account"
        made += [
            _make_curve(f"{base}/traffic", "traffic", whose, _curve_points),
            _make_curve(f"{base}/upload", "upload", whose, _hundred),
            _make_curve(f"{base}/encoding", "encoding", whose, _hundred),
            _make_curve(f"{base}/remote-download", "remote", whose, _twenty, _REMOTE),
            _make_curve(f"{base}/remote-download/duration", "remote_time", whose, _twenty, _REMOTE),
        ]
        both: tuple[tuple[str, Metric, int], ...] = (
            ("traffic", "traffic", 1), ("upload", "upload", 1), ("encoding", "encoding", 1000),
        )  # fmt: skip
        for name, metric, scale in both:
            files, people = {"files": _files(metric)}, {"users": _users(metric)}
            modes = (
                files | people if mine and name == "upload" else files if mine else people | files
            )
            scales = dict.fromkeys(modes, scale)
            made.append(_make_list(f"{base}/{name}/top", whose, modes, scales, _Period()))
        stored: dict[str, _List] = {"files": _storage_files}
        if not mine:
            stored = {"users": _storage_users} | stored
        made.append(_make_list(f"{base}/storage/top", whose, stored, {}, _Period()))
        remote = {"domains": _domains, "users": _users("remote"), "duration": _users("remote_time")}
        scales = {"duration": 1000}
        made.append(_make_list(f"{base}/remote-download/top", whose, remote, scales, _REMOTE))
    return made


STATISTICS: Sequence[HTTPRouteHandler] = _make_all()
"""Every route of this chapter."""
