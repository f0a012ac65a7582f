"""Lists of videos: of a folder, the newest, those of a media, those whose name holds some text."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select

from polyreel.core.library.folders import FolderNotFound, listed_owner
from polyreel.core.library.names import fold_name
from polyreel.core.library.tables import FolderRow, VideoRow
from polyreel.core.library.videos import Video, video_query, videos_of
from polyreel.core.users import Actor
from polyreel.infra.db import rows_near
from polyreel.infra.tx import Tx

_FEW = 1000


def list_videos(
    tx: Tx, actor: Actor, folder_id: int | None, *, owner_id: int | None = None
) -> list[Video]:
    """What lies directly in a folder (None: the root), by name in code point order; of `owner_id`
    when an administrator asks. Raises FolderNotFound when the folder does not exist at all.
    """
    if folder_id is not None and tx.session.get(FolderRow, folder_id) is None:
        raise FolderNotFound
    query = video_query().where(_of(actor, owner_id), VideoRow.folder_id == folder_id)
    return videos_of(tx, query.order_by(VideoRow.name, VideoRow.id))


def search_videos(tx: Tx, actor: Actor, text: str, *, owner_id: int | None = None) -> list[Video]:
    """Videos in any folder whose name holds `text`, whatever its case, by name; of `owner_id` when
    an administrator asks.
    """
    if "\0" in text:
        # In no name, and not a question that every database takes.
        return []
    wanted = fold_name(text)
    owner = listed_owner(actor, owner_id)
    # The ids first: they come out of an index that holds all that is compared.
    holding = select(VideoRow.id).where(VideoRow.name_folded.contains(wanted, autoescape=True))
    near = rows_near(tx.session, VideoRow.name_folded, wanted) if _has_many(tx, owner) else None
    if near is None:
        holding = holding.where(VideoRow.user_id == owner)
    else:
        # Not by the index of people: it leads to every video of theirs.
        holding = holding.where(VideoRow.id.in_(near), VideoRow.user_id + 0 == owner)
    query = video_query().where(VideoRow.id.in_(holding))
    return videos_of(tx, query.order_by(VideoRow.name, VideoRow.id))


def list_newest_videos(
    tx: Tx,
    actor: Actor,
    folder_id: int | None,
    *,
    owner_id: int | None = None,
    before_id: int | None = None,
    limit: int = 60,
) -> list[Video]:
    """What lies directly in a folder, newest first; `before_id` goes on below that video."""
    query = video_query().where(_of(actor, owner_id), VideoRow.folder_id == folder_id)
    if before_id is not None:
        query = query.where(VideoRow.id < before_id)
    return videos_of(tx, query.order_by(VideoRow.id.desc()).limit(limit))


def list_recent_videos(
    tx: Tx, actor: Actor, *, limit: int = 50, source: str | None = None
) -> list[Video]:
    """The actor's own videos, newest first; of one way in where `source` is given."""
    query = video_query().where(VideoRow.user_id == actor.user_id)
    if source is not None:
        query = query.where(VideoRow.source == source)
    return videos_of(tx, query.order_by(VideoRow.id.desc()).limit(limit))


def list_videos_of_media(tx: Tx, media_id: int) -> list[Video]:
    """Every user's entry for one media."""
    query = video_query().where(VideoRow.media_id == media_id)
    return videos_of(tx, query.order_by(VideoRow.id))


def count_videos(tx: Tx, folder_ids: Sequence[int]) -> dict[int, int]:
    """How many videos lie directly in each of these folders, by folder; empty ones are left out."""
    rows = tx.session.execute(
        select(VideoRow.folder_id, func.count())
        .where(VideoRow.folder_id.in_(folder_ids))
        .group_by(VideoRow.folder_id)
    )
    return {folder_id: count for folder_id, count in rows if folder_id is not None}


def _has_many(tx: Tx, user_id: int) -> bool:
    """Whether a person has more videos than are looked through in no time."""
    some = select(VideoRow.id).where(VideoRow.user_id == user_id).limit(_FEW + 1)
    return int(tx.session.scalar(select(func.count()).select_from(some.subquery())) or 0) > _FEW


def _of(actor: Actor, owner_id: int | None) -> ColumnElement[bool]:
    return VideoRow.user_id == listed_owner(actor, owner_id)
