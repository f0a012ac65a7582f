"""Tags: words of a person's own that their videos can have."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from polyreel.core.library.names import clean_name
from polyreel.core.library.tables import TagRow, VideoRow, VideoTagRow
from polyreel.core.library.tree import in_batches, quietly
from polyreel.core.library.videos import VideoNotFound, writable_video
from polyreel.core.users import Actor
from polyreel.infra.tx import Tx
from polyreel.kit.errors import NotFound


class TagNotFound(NotFound):
    """No such tag of this caller's."""

    default = "The tag does not exist."


@dataclass(frozen=True)
class Tag:
    """A tag of one person's."""

    id: int
    name: str
    created_at: datetime
    updated_at: datetime


def add_tag(tx: Tx, actor: Actor, video_id: int, name: str) -> Tag:
    """Give a video of the actor's own a tag, which is made where there is none of this name.

    Raises VideoNotFound (also to administrators: tags are everyone's own), Invalid.
    """
    video = _own_video(tx, actor, video_id)
    name = clean_name(name)
    found = select(TagRow).where(TagRow.user_id == actor.user_id, TagRow.name == name)
    row = tx.session.scalars(found).first()
    if row is None:
        row = TagRow(user_id=actor.user_id, name=name, created_at=tx.now, updated_at=tx.now)
        tx.session.add(row)
        tx.session.flush()
    if tx.session.get(VideoTagRow, (video.id, row.id)) is None:
        tx.session.add(VideoTagRow(video_id=video.id, tag_id=row.id))
        tx.session.flush()
        tx.notify(f"library:{actor.user_id}")
        tx.notify(f"video:{video.uuid}")
    return _tag(row)


def remove_tag(tx: Tx, actor: Actor, video_id: int, tag_id: int) -> None:
    """Take a tag from a video of the actor's own; the tag stays. Nothing happens where the video does
    not have it. Raises VideoNotFound, TagNotFound.
    """
    video = _own_video(tx, actor, video_id)
    tag = tx.session.get(TagRow, tag_id)
    if tag is None or tag.user_id != actor.user_id:
        raise TagNotFound
    which = VideoTagRow.video_id == video.id, VideoTagRow.tag_id == tag.id
    tx.session.execute(quietly(delete(VideoTagRow).where(*which)))
    tx.notify(f"library:{actor.user_id}")
    tx.notify(f"video:{video.uuid}")


def list_tags(tx: Tx, video_ids: Collection[int]) -> dict[int, list[Tag]]:
    """The tags of each of these videos, oldest first; videos without any are left out."""
    found: dict[int, list[Tag]] = {}
    for some in in_batches(video_ids):
        query = (
            select(VideoTagRow.video_id, TagRow)
            .join(TagRow, TagRow.id == VideoTagRow.tag_id)
            .where(VideoTagRow.video_id.in_(some))
            .order_by(TagRow.id)
        )
        for video_id, row in tx.session.execute(query):
            found.setdefault(video_id, []).append(_tag(row))
    return found


def _own_video(tx: Tx, actor: Actor, video_id: int) -> VideoRow:
    row = writable_video(tx, actor, VideoRow.id == video_id)
    if row.user_id != actor.user_id:
        raise VideoNotFound
    return row


def _tag(row: TagRow) -> Tag:
    return Tag(row.id, row.name, row.created_at, row.updated_at)
