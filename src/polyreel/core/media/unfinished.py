"""What is still being made, and for whom."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Row, select

from polyreel.core.library.tables import VideoRow
from polyreel.core.library.tree import in_batches
from polyreel.core.media.renditions import share_made
from polyreel.core.media.tables import PartRow, RenditionRow, SubtitleRow
from polyreel.core.users import Actor, require_admin
from polyreel.core.users.tables import UserRow
from polyreel.infra.tx import Tx


@dataclass(frozen=True)
class Unfinished:
    """One track of one video that is not made yet; `progress` 0 to 1.

    `number` counts the sounds of the media, the first is 1; pictures have 0.
    """

    video_id: int
    video_name: str
    owner_id: int
    owner_name: str
    kind: str
    name: str
    title: str | None
    number: int
    progress: float


def list_unfinished(tx: Tx, actor: Actor) -> list[Unfinished]:
    """What is being made, or waits for it, of the actor's own videos: texts, then sounds, then
    pictures, each by media, small ones first.
    """
    return _list(tx, actor.user_id)


def list_all_unfinished(tx: Tx, actor: Actor) -> list[Unfinished]:
    """The same of everyone's. Raises Forbidden unless an administrator asks."""
    require_admin(actor)
    return _list(tx, None)


def _list(tx: Tx, owner_id: int | None) -> list[Unfinished]:
    query = (
        select(
            RenditionRow.id,
            RenditionRow.media_id,
            RenditionRow.kind,
            RenditionRow.name,
            RenditionRow.title,
            RenditionRow.position,
            RenditionRow.width,
            RenditionRow.height,
            RenditionRow.duration_us,
            VideoRow.id.label("video_id"),
            VideoRow.name.label("video_name"),
            VideoRow.user_id,
            UserRow.name.label("owner_name"),
        )
        .join(VideoRow, VideoRow.media_id == RenditionRow.media_id)
        .join(UserRow, UserRow.id == VideoRow.user_id)
        .where(RenditionRow.state.in_(("planned", "running")))
    )
    if owner_id is not None:
        query = query.where(VideoRow.user_id == owner_id)
    rows = sorted(tx.session.execute(query), key=_place)
    texts = _unread(tx, owner_id)
    shares = _shares(tx, {row.id: row.duration_us for row in rows})
    numbers = _numbers(tx, {row.media_id for row in rows if row.kind == "audio"})
    return texts + [
        Unfinished(
            video_id=row.video_id,
            video_name=row.video_name,
            owner_id=row.user_id,
            owner_name=row.owner_name,
            kind=row.kind,
            name=row.name,
            title=row.title,
            number=numbers.get(row.id, 0),
            progress=shares[row.id],
        )
        for row in rows
    ]


def _unread(tx: Tx, owner_id: int | None) -> list[Unfinished]:
    """The text tracks that are still in their files."""
    query = (
        select(
            SubtitleRow.title,
            SubtitleRow.position,
            VideoRow.id.label("video_id"),
            VideoRow.name.label("video_name"),
            VideoRow.user_id,
            UserRow.name.label("owner_name"),
        )
        .join(VideoRow, VideoRow.media_id == SubtitleRow.media_id)
        .join(UserRow, UserRow.id == VideoRow.user_id)
        .where(SubtitleRow.state == "planned", SubtitleRow.kind == "subtitles")
        .order_by(SubtitleRow.media_id, SubtitleRow.position, VideoRow.id)
    )
    if owner_id is not None:
        query = query.where(VideoRow.user_id == owner_id)
    return [
        Unfinished(
            video_id=row.video_id,
            video_name=row.video_name,
            owner_id=row.user_id,
            owner_name=row.owner_name,
            kind="subtitle",
            name=row.title,
            title=row.title,
            number=row.position + 1,
            progress=0.0,
        )
        for row in tx.session.execute(query)
    ]


def _place(row: Row[*tuple[object, ...]]) -> tuple[bool, int, int, int, int]:
    size = min(row.width, row.height)
    return row.kind != "audio", row.media_id, size, row.position, row.video_id


def _shares(tx: Tx, durations_us: dict[int, int]) -> dict[int, float]:
    parts = defaultdict(list)
    columns = (PartRow.start_us, PartRow.end_us, PartRow.state, PartRow.progress)
    for some in in_batches(durations_us):
        query = select(PartRow.rendition_id, *columns).where(PartRow.rendition_id.in_(some))
        for row in tx.session.execute(query):
            parts[row.rendition_id].append(row)
    return {number: share_made(length, parts[number]) for number, length in durations_us.items()}


def _numbers(tx: Tx, media_ids: Collection[int]) -> dict[int, int]:
    """Of every sound of these media, the how manieth it is."""
    numbers: dict[int, int] = {}
    for some in in_batches(media_ids):
        query = select(RenditionRow.media_id, RenditionRow.id).where(
            RenditionRow.media_id.in_(some), RenditionRow.kind == "audio"
        )
        counted: dict[int, int] = defaultdict(int)
        for media_id, rendition_id in tx.session.execute(query.order_by(RenditionRow.position)):
            counted[media_id] += 1
            numbers[rendition_id] = counted[media_id]
    return numbers
