"""What becomes of a person's library when the person goes: it is left to who deletes them."""

from sqlalchemy import delete, select, update

from polyreel.core.library.tables import FolderRow, TagRow, VideoRow, VideoTagRow
from polyreel.core.users import Actor, User, delete_account, get_user, require_admin
from polyreel.infra.tx import Tx
from polyreel.kit.errors import NotFound

__all__ = ["delete_user"]


def delete_user(tx: Tx, actor: Actor, user_id: int) -> None:
    """Delete an account; its videos, folders and tags become the actor's, an administrator's, in a
    new folder of the person's name. An unknown account is not an error.

    Raises Forbidden, and Conflict for the actor's own account.
    """
    require_admin(actor)
    if user_id != actor.user_id:
        try:
            _hand_over(tx, get_user(tx, user_id), actor.user_id)
        except NotFound:
            return
    delete_account(tx, actor, user_id)


def _hand_over(tx: Tx, user: User, heir_id: int) -> None:
    uuids = list(tx.session.scalars(select(VideoRow.uuid).where(VideoRow.user_id == user.id)))
    has_folders = tx.session.scalar(
        select(FolderRow.id).where(FolderRow.user_id == user.id).limit(1)
    )
    if not uuids and has_folders is None:
        return
    place = FolderRow(
        user_id=heir_id, parent_id=None, name=user.name, created_at=tx.now, updated_at=tx.now
    )
    tx.session.add(place)
    tx.session.flush()
    _hand_over_tags(tx, user.id, heir_id)
    for row, parent in ((FolderRow, FolderRow.parent_id), (VideoRow, VideoRow.folder_id)):
        at_root = update(row).where(row.user_id == user.id, parent.is_(None))
        tx.session.execute(at_root.values({parent: place.id}))
    tx.session.execute(
        update(FolderRow).where(FolderRow.user_id == user.id).values(user_id=heir_id)
    )
    # Tickets handed out so far end: who may see a private video is another person now.
    mine = update(VideoRow).where(VideoRow.user_id == user.id)
    tx.session.execute(
        mine.values(user_id=heir_id, policy_version=VideoRow.policy_version + 1, updated_at=tx.now)
    )
    for uuid in uuids:
        tx.notify(f"policy:{uuid}")
        tx.notify(f"video:{uuid}")
    tx.notify(f"library:{heir_id}")


def _hand_over_tags(tx: Tx, user_id: int, heir_id: int) -> None:
    """A tag whose name the heir has too becomes theirs; the others change hands."""
    names = {
        name: tag_id
        for tag_id, name in tx.session.execute(
            select(TagRow.id, TagRow.name).where(TagRow.user_id == heir_id)
        )
    }
    own = select(TagRow.id, TagRow.name).where(TagRow.user_id == user_id)
    for tag_id, name in tx.session.execute(own).all():
        if name not in names:
            tx.session.execute(update(TagRow).where(TagRow.id == tag_id).values(user_id=heir_id))
            continue
        # A video has one owner, so none has both tags already.
        tx.session.execute(
            update(VideoTagRow).where(VideoTagRow.tag_id == tag_id).values(tag_id=names[name])
        )
        tx.session.execute(delete(TagRow).where(TagRow.id == tag_id))
