"""Deleting videos and folders: rows at once, files with the next sweep."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, select, update

from polyreel.core.library.folders import writable_folder
from polyreel.core.library.media import delete_media_if_unused
from polyreel.core.library.tables import FolderRow, MediaRow, VideoRow
from polyreel.core.library.telling import tell_deleted
from polyreel.core.library.tree import depths_below, in_batches, quietly
from polyreel.core.library.videos import VideoNotFound, writable_video
from polyreel.core.users import Actor, allow
from polyreel.infra.tx import Tx
from polyreel.kit.errors import Invalid, NotFound
from polyreel.kit.ids import parse_uuid


def delete_video(tx: Tx, actor: Actor, uuid: str) -> int | None:
    """Delete an entry; answers the id of its media when that died with it. Raises VideoNotFound."""
    row = writable_video(tx, actor, VideoRow.uuid == parse_uuid(uuid))
    media_id = row.media_id
    tx.session.delete(row)
    tx.session.flush()
    _tell(tx, row.uuid, row.user_id)
    tell_deleted(tx, row.uuid, row.name, row.user_id)
    return media_id if delete_media_if_unused(tx, media_id) else None


def delete_videos(tx: Tx, actor: Actor, video_ids: Collection[int]) -> None:
    """Delete all of these entries, or none. Raises VideoNotFound."""
    wanted = set(video_ids)
    doomed = [each for some in in_batches(wanted) for each in _find(tx, VideoRow.id.in_(some))]
    if len(doomed) != len(wanted):
        raise VideoNotFound
    for owner_id in {each.user_id for each in doomed}:
        try:
            allow(actor, "write", owner_id=owner_id)
        except NotFound:
            raise VideoNotFound from None
    _delete(tx, doomed)


def delete_folders(
    tx: Tx, actor: Actor, folder_ids: Collection[int], *, most_videos: int | None = None
) -> None:
    """Delete all of these folders, of one parent, with everything below them, or none.

    What others put into them goes back to those people's roots. Raises FolderNotFound; Invalid for
    folders of different parents and for more than `most_videos` videos below.
    """
    rows = [writable_folder(tx, actor, each) for each in set(folder_ids)]
    if len({(row.user_id, row.parent_id) for row in rows}) > 1:
        raise Invalid("These folders do not lie in one folder.")
    if not rows:
        return
    owner_id = rows[0].user_id
    depths = depths_below(tx, [row.id for row in rows])
    # What hangs on another goes first: no database has to follow a tree of any depth.
    deepest_first = sorted(depths, key=lambda each: -depths[each])
    batches = list(in_batches(deepest_first))
    if most_videos is not None and _count(tx, owner_id, batches) > most_videos:
        raise Invalid(f"There are more than {most_videos} videos in these folders.")
    for some in batches:
        inside = VideoRow.folder_id.in_(some)
        _delete(tx, _find(tx, inside, VideoRow.user_id == owner_id))
        _send_home(tx, inside)
    for some in batches:
        tx.session.execute(quietly(delete(FolderRow).where(FolderRow.id.in_(some))))
    tx.notify(f"library:{owner_id}")


@dataclass(frozen=True, slots=True)
class _Doomed:
    id: int
    uuid: str
    user_id: int
    media_id: int
    name: str


def _find(tx: Tx, *which: ColumnElement[bool]) -> list[_Doomed]:
    columns = (
        VideoRow.id,
        VideoRow.uuid,
        VideoRow.user_id,
        VideoRow.media_id,
        VideoRow.name,
    )
    return [_Doomed(*row) for row in tx.session.execute(select(*columns).where(*which))]


def _count(tx: Tx, owner_id: int, batches: Collection[Collection[int]]) -> int:
    counting = select(func.count()).select_from(VideoRow).where(VideoRow.user_id == owner_id)
    return sum(
        tx.session.scalar(counting.where(VideoRow.folder_id.in_(some))) or 0 for some in batches
    )


def _delete(tx: Tx, doomed: Collection[_Doomed]) -> None:
    for some in in_batches([each.id for each in doomed]):
        tx.session.execute(quietly(delete(VideoRow).where(VideoRow.id.in_(some))))
    for some in in_batches({each.media_id for each in doomed}):
        used = select(VideoRow.media_id).where(VideoRow.media_id.in_(some))
        unused = MediaRow.id.in_(some), MediaRow.id.not_in(used)
        gone = delete(MediaRow).where(*unused).returning(MediaRow.id)
        for media_id in tx.session.scalars(quietly(gone)):
            tx.notify(f"media:{media_id}")
    for each in doomed:
        _tell(tx, each.uuid, each.user_id)
        tell_deleted(tx, each.uuid, each.name, each.user_id)


def _send_home(tx: Tx, which: ColumnElement[bool]) -> None:
    """Move videos to their owners' roots."""
    for each in _find(tx, which):
        _tell(tx, each.uuid, each.user_id)
    moved = update(VideoRow).where(which).values(folder_id=None, updated_at=tx.now)
    tx.session.execute(quietly(moved))


def _tell(tx: Tx, uuid: str, owner_id: int) -> None:
    tx.notify(f"policy:{uuid}")
    tx.notify(f"video:{uuid}")
    tx.notify(f"library:{owner_id}")
