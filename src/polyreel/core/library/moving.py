"""Moving folders and videos within one person's tree."""

from collections.abc import Collection

from sqlalchemy import select, update

from polyreel.core.library.folders import MAX_DEPTH, TooDeep, writable_folder
from polyreel.core.library.tables import FolderRow, VideoRow
from polyreel.core.library.tree import depths_below, in_batches, quietly, rows_above
from polyreel.core.library.videos import VideoNotFound
from polyreel.core.users import Actor, allow
from polyreel.infra.tx import Tx
from polyreel.kit.errors import Invalid, NotFound


def move_items(
    tx: Tx,
    actor: Actor,
    target_id: int | None,
    *,
    folder_ids: Collection[int] = (),
    video_ids: Collection[int] = (),
) -> None:
    """Put folders and videos, all of one person, into a folder of theirs (None: their root); all of
    them, or none.

    Raises FolderNotFound, VideoNotFound; Invalid for nothing, for a folder that would lie within
    itself, and for things of different people.
    """
    if not folder_ids and not video_ids:
        raise Invalid("Nothing is selected.")
    target = writable_folder(tx, actor, target_id) if target_id is not None else None
    folders = [writable_folder(tx, actor, each) for each in set(folder_ids)]
    videos = _videos(tx, actor, video_ids)
    owners = {row.user_id for row in folders} | {row.user_id for row in videos}
    owners |= {target.user_id} if target else set()
    if len(owners) > 1:
        raise Invalid("Things can only be moved among the folders of their owner.")
    _check_tree(tx, target_id, [row.id for row in folders])
    moved = {"parent_id": target_id, "updated_at": tx.now}
    for some in in_batches([row.id for row in folders]):
        tx.session.execute(quietly(update(FolderRow).where(FolderRow.id.in_(some)).values(moved)))
    moved = {"folder_id": target_id, "updated_at": tx.now}
    for some in in_batches([row.id for row in videos]):
        tx.session.execute(quietly(update(VideoRow).where(VideoRow.id.in_(some)).values(moved)))
    for row in videos:
        tx.notify(f"video:{row.uuid}")
    tx.notify(f"library:{owners.pop()}")


def _videos(tx: Tx, actor: Actor, video_ids: Collection[int]) -> list[VideoRow]:
    wanted = set(video_ids)
    rows = [
        row
        for some in in_batches(wanted)
        for row in tx.session.scalars(select(VideoRow).where(VideoRow.id.in_(some)))
    ]
    if len(rows) != len(wanted):
        raise VideoNotFound
    for owner_id in {row.user_id for row in rows}:
        try:
            allow(actor, "write", owner_id=owner_id)
        except NotFound:
            raise VideoNotFound from None
    return rows


def _check_tree(tx: Tx, target_id: int | None, folder_ids: Collection[int]) -> None:
    """See that there will be no circle, and no tree that is too deep."""
    if not folder_ids or target_id is None:
        return
    above = {row.id for row in rows_above(tx, target_id)}
    if above.intersection(folder_ids):
        raise Invalid("A folder cannot be moved into itself.")
    if len(above) + max(depths_below(tx, folder_ids).values()) > MAX_DEPTH:
        raise TooDeep
