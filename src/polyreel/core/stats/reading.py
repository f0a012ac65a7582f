"""Reading: curves over time and lists of the greatest, in time that goes with what is shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, func, literal_column, select

from polyreel.core.library.tables import MediaRow, VideoRow
from polyreel.core.stats.counting import EVERYBODY, Metric
from polyreel.core.stats.slots import Span, coarsest, slot_start
from polyreel.core.stats.tables import MachineRow, MediaSumRow, UserSumRow
from polyreel.core.users.tables import UserRow
from polyreel.infra.tx import Tx
from polyreel.kit import clock

__all__ = [
    "Point",
    "Top",
    "list_top_files",
    "list_top_labels",
    "list_top_storage_files",
    "list_top_storage_users",
    "list_top_users",
    "read_curve",
    "read_gauge",
    "total_of_media",
]

LONGEST_LIST = 10
# A list of the greatest reads at most about so many slots of time.
_SLOTS_OF_A_LIST = 100


@dataclass(frozen=True)
class Point:
    """One bucket: when it began, seconds from the epoch, and what it holds."""

    at_s: int
    value: float


@dataclass(frozen=True)
class Top:
    """A user or a media, its name (None: it is gone), and its sum."""

    id: int
    name: str | None
    amount: int


def read_curve(
    tx: Tx,
    metric: Metric,
    span: Span,
    *,
    user_id: int | None = None,
    media_id: int | None = None,
    label: str | None = None,
) -> list[Point]:
    """Sums by bucket, oldest first, empty buckets included; of one user, or of everybody."""
    if media_id is None and label is None:
        rows: Any = UserSumRow
        where = [rows.user_id == (EVERYBODY if user_id is None else user_id)]
    else:
        rows = MediaSumRow
        where = [] if user_id is None else [rows.user_id == user_id]
        where += [] if media_id is None else [rows.media_id == media_id]
        where += [] if label is None else [rows.label == label]
    where.append(rows.metric == metric)
    return _filled(span, _buckets(tx, rows, span, func.sum(rows.amount), where))


def read_gauge(tx: Tx, gauge: str, span: Span) -> list[Point]:
    """Averages of a machine's readings by bucket; nothing read is 0."""
    average = func.sum(MachineRow.total) / func.sum(MachineRow.readings)
    return _filled(span, _buckets(tx, MachineRow, span, average, [MachineRow.gauge == gauge]))


def _buckets(
    tx: Tx, rows: Any, span: Span, value: ColumnElement[Any], where: list[ColumnElement[bool]]
) -> Mapping[int, float]:
    slot_s = coarsest(span.step_s, span.start_s, clock.epoch_s())
    # A literal: PostgreSQL does not see that two parameters are the same expression to group by.
    bucket = rows.at // literal_column(str(span.step_s), BigInteger())
    query = (
        select(bucket, value)
        .where(rows.slot_s == slot_s, *where)
        .where(rows.at >= slot_start(span.start_s, slot_s), rows.at < span.end_s)
        .group_by(bucket)
    )
    return {int(number): float(found) for number, found in tx.session.execute(query)}


def _filled(span: Span, found: Mapping[int, float]) -> list[Point]:
    first = span.start_s // span.step_s
    return [
        Point(number * span.step_s, found.get(number, 0.0))
        for number in range(first, first + span.count)
    ]


def list_top_files(
    tx: Tx, metric: Metric, start_s: int, end_s: int, *, user_id: int | None = None
) -> list[Top]:
    """The media with the most of something between two moments; at most 10, greatest first."""
    where = [] if user_id is None else [MediaSumRow.user_id == user_id]
    found = _greatest(tx, MediaSumRow, MediaSumRow.media_id, metric, (start_s, end_s), where)
    return _named_files(tx, found, user_id)


def list_top_labels(
    tx: Tx, metric: Metric, start_s: int, end_s: int, *, user_id: int | None = None
) -> list[Top]:
    """The labels with the most of something between two moments, as names; at most 10."""
    where = [] if user_id is None else [MediaSumRow.user_id == user_id]
    found = _greatest(tx, MediaSumRow, MediaSumRow.label, metric, (start_s, end_s), where)
    return [Top(0, label, amount) for label, amount in found]


def list_top_users(
    tx: Tx, metric: Metric, start_s: int, end_s: int, *, user_id: int | None = None
) -> list[Top]:
    """The users with the most of something between two moments; at most 10, greatest first."""
    where = [UserSumRow.user_id != EVERYBODY]
    where += [] if user_id is None else [UserSumRow.user_id == user_id]
    found = _greatest(tx, UserSumRow, UserSumRow.user_id, metric, (start_s, end_s), where)
    return _named_users(tx, found)


def list_top_storage_files(tx: Tx, *, user_id: int | None = None) -> list[Top]:
    """The largest media (of those a user has videos of); at most 10, largest first."""
    query = select(MediaRow.id, MediaRow.size_bytes).order_by(
        MediaRow.size_bytes.desc(), MediaRow.id
    )
    if user_id is not None:
        mine = select(VideoRow.media_id).where(VideoRow.user_id == user_id)
        query = query.where(MediaRow.id.in_(mine))
    found = [(number, size) for number, size in tx.session.execute(query.limit(LONGEST_LIST))]
    return _named_files(tx, found, user_id)


def list_top_storage_users(tx: Tx, *, user_id: int | None = None) -> list[Top]:
    """The users whose videos take the most room; at most 10, most first."""
    used = func.sum(MediaRow.size_bytes)
    query = (
        select(VideoRow.user_id, used)
        .join(MediaRow, MediaRow.id == VideoRow.media_id)
        .group_by(VideoRow.user_id)
        .order_by(used.desc(), VideoRow.user_id)
        .limit(LONGEST_LIST)
    )
    if user_id is not None:
        query = query.where(VideoRow.user_id == user_id)
    return _named_users(tx, [(number, int(size)) for number, size in tx.session.execute(query)])


def total_of_media(tx: Tx, metric: Metric, media_id: int) -> int:
    """All that was ever counted for a media."""
    total = tx.session.scalar(
        select(func.coalesce(func.sum(MediaSumRow.amount), 0)).where(
            MediaSumRow.metric == metric,
            MediaSumRow.media_id == media_id,
            MediaSumRow.slot_s == 86_400,
        )
    )
    return int(total or 0)


def _greatest(
    tx: Tx,
    rows: Any,
    what: Any,
    metric: Metric,
    between: tuple[int, int],
    where: list[ColumnElement[bool]],
) -> list[tuple[Any, int]]:
    start_s, end_s = between
    slot_s = coarsest(max(1, (end_s - start_s) // _SLOTS_OF_A_LIST), start_s, clock.epoch_s())
    total = func.sum(rows.amount)
    query = (
        select(what, total)
        .where(rows.metric == metric, rows.slot_s == slot_s, *where)
        .where(rows.at >= slot_start(start_s, slot_s), rows.at <= end_s)
        .group_by(what)
        .having(total > 0)
        .order_by(total.desc(), what)
        .limit(LONGEST_LIST)
    )
    return [(key, int(found)) for key, found in tx.session.execute(query)]


def _named_files(tx: Tx, found: list[tuple[int, int]], user_id: int | None) -> list[Top]:
    names = (
        select(VideoRow.media_id, func.min(VideoRow.name))
        .where(VideoRow.media_id.in_([number for number, _ in found]))
        .group_by(VideoRow.media_id)
    )
    if user_id is not None:
        names = names.where(VideoRow.user_id == user_id)
    return _named(found, {row[0]: row[1] for row in tx.session.execute(names)})


def _named_users(tx: Tx, found: list[tuple[int, int]]) -> list[Top]:
    names = select(UserRow.id, UserRow.name).where(UserRow.id.in_([one for one, _ in found]))
    return _named(found, {row[0]: row[1] for row in tx.session.execute(names)})


def _named(found: list[tuple[int, int]], names: Mapping[int, str]) -> list[Top]:
    return [Top(number, names.get(number), amount) for number, amount in found]
