"""Videos: create, find, list, change and delete the named entries of users."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, Select, func, select

from polyreel.core.library.folders import FolderNotFound, clean_name, listed_owner, may_add_to
from polyreel.core.library.media import Media, delete_media_if_unused
from polyreel.core.library.tables import FolderRow, MediaRow, VideoRow
from polyreel.core.users import Actor, allow
from polyreel.infra.tx import Tx
from polyreel.kit.errors import Invalid, NotFound
from polyreel.kit.ids import parse_uuid, uuid7

VISIBILITIES = ("private", "unlisted", "public")
MAX_NAME = 255


class VideoNotFound(NotFound):
    """No such video for this caller."""

    default = "The video does not exist."


@dataclass(frozen=True)
class Video:
    """A video with what a list shows of its media.

    `state` is one of received, processing, playable, ready, damaged, failed; `message` is a sentence
    for the last two. `progress` is the share of all planned work, 0 to 1. `revision` grows with every
    change of what can be played.
    """

    id: int
    uuid: str
    user_id: int
    folder_id: int | None
    media_id: int
    name: str
    filename: str
    source: str
    visibility: str
    policy_version: int
    created_at: datetime
    updated_at: datetime
    state: str
    message: str | None
    progress: float
    size_bytes: int
    duration_ms: int
    width: int
    height: int
    has_poster: bool
    revision: int
    changed_at: datetime

    @property
    def is_playable(self) -> bool:
        """True when the player has something to show."""
        return self.state in ("playable", "ready", "damaged")

    @property
    def has_ended(self) -> bool:
        """True when nothing more will happen by itself."""
        return self.state in ("ready", "damaged", "failed")


def create_video(  # noqa: PLR0913 - a row's columns
    tx: Tx,
    actor: Actor,
    *,
    media: Media,
    name: str,
    filename: str,
    folder_id: int | None,
    source: str,
    visibility: str = "unlisted",
) -> Video:
    """Make an entry of the actor's for a media. `source` names the way in (uploads, videocms, web,
    cli). Raises Invalid, FolderNotFound.
    """
    may_add_to(tx, actor, folder_id)
    row = VideoRow(
        uuid=uuid7(),
        user_id=actor.user_id,
        folder_id=folder_id,
        media_id=media.id,
        name=clean_name(name, longest=MAX_NAME),
        filename=filename,
        source=source,
        visibility=_checked_visibility(visibility),
        policy_version=1,
        created_at=tx.now,
        updated_at=tx.now,
    )
    tx.session.add(row)
    tx.session.flush()
    tx.notify(f"library:{actor.user_id}")
    tx.notify(f"video:{row.uuid}")
    return get_video(tx, actor, row.id)


def find_video_by_uuid(tx: Tx, uuid: str) -> Video | None:
    """The video of this UUID for whoever has the address; the caller checks `may_watch`."""
    canonical = parse_uuid(uuid)
    if canonical is None:
        return None
    row = tx.session.execute(_rows().where(VideoRow.uuid == canonical)).first()
    return _video(row) if row else None


def get_video_by_uuid(tx: Tx, actor: Actor | None, uuid: str) -> Video:
    """A video this caller may watch; None is an anonymous caller. Raises VideoNotFound."""
    video = find_video_by_uuid(tx, uuid)
    if video is None or not may_watch(actor, video):
        raise VideoNotFound
    return video


def may_watch(actor: Actor | None, video: Video) -> bool:
    """Private: the owner and administrators. Unlisted and public: whoever has the address."""
    if video.visibility != "private":
        return True
    if actor is None or "read" not in actor.scopes:
        return False
    return actor.is_admin or actor.user_id == video.user_id


def get_video(tx: Tx, actor: Actor, video_id: int) -> Video:
    """A video of the actor's own, or anyone's for an administrator. Raises VideoNotFound."""
    row = tx.session.execute(_rows().where(VideoRow.id == video_id)).first()
    if row is None or not (actor.is_admin or row[0].user_id == actor.user_id):
        raise VideoNotFound
    return _video(row)


def list_videos(
    tx: Tx, actor: Actor, folder_id: int | None, *, owner_id: int | None = None
) -> list[Video]:
    """What lies directly in a folder (None: the root), by name in code point order; of `owner_id`
    when an administrator asks. Raises FolderNotFound when the folder does not exist at all.
    """
    if folder_id is not None and tx.session.get(FolderRow, folder_id) is None:
        raise FolderNotFound
    query = _rows().where(
        VideoRow.user_id == listed_owner(actor, owner_id), VideoRow.folder_id == folder_id
    )
    return _videos(tx, query.order_by(VideoRow.name, VideoRow.id))


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
    query = _rows().where(
        VideoRow.user_id == listed_owner(actor, owner_id), VideoRow.folder_id == folder_id
    )
    if before_id is not None:
        query = query.where(VideoRow.id < before_id)
    return _videos(tx, query.order_by(VideoRow.id.desc()).limit(limit))


def count_videos(tx: Tx, folder_ids: Sequence[int]) -> dict[int, int]:
    """How many videos lie directly in each of these folders, by folder; empty ones are left out."""
    rows = tx.session.execute(
        select(VideoRow.folder_id, func.count())
        .where(VideoRow.folder_id.in_(folder_ids))
        .group_by(VideoRow.folder_id)
    )
    return {folder_id: count for folder_id, count in rows if folder_id is not None}


def list_recent_videos(
    tx: Tx, actor: Actor, *, limit: int = 50, source: str | None = None
) -> list[Video]:
    """The actor's own videos, newest first; of one way in where `source` is given."""
    query = _rows().where(VideoRow.user_id == actor.user_id)
    if source is not None:
        query = query.where(VideoRow.source == source)
    return _videos(tx, query.order_by(VideoRow.id.desc()).limit(limit))


def list_videos_of_media(tx: Tx, media_id: int) -> list[Video]:
    """Every user's entry for one media."""
    return _videos(tx, _rows().where(VideoRow.media_id == media_id).order_by(VideoRow.id))


def update_video(
    tx: Tx, actor: Actor, uuid: str, *, name: str | None = None, visibility: str | None = None
) -> Video:
    """Rename a video or change who may see it; the latter ends the tickets handed out so far.

    Raises VideoNotFound, Invalid.
    """
    row = _own_row(tx, actor, uuid)
    if name is not None:
        row.name = clean_name(name, longest=MAX_NAME)
    if visibility is not None and visibility != row.visibility:
        row.visibility = _checked_visibility(visibility)
        row.policy_version = row.policy_version + 1
        tx.notify(f"policy:{row.uuid}")
    row.updated_at = tx.now
    tx.session.flush()
    tx.notify(f"library:{row.user_id}")
    tx.notify(f"video:{row.uuid}")
    return get_video(tx, actor, row.id)


def delete_video(tx: Tx, actor: Actor, uuid: str) -> int | None:
    """Delete an entry; answers the id of its media when that died with it. Raises VideoNotFound."""
    row = _own_row(tx, actor, uuid)
    media_id, owner_id = row.media_id, row.user_id
    tx.session.delete(row)
    tx.session.flush()
    tx.notify(f"policy:{row.uuid}")
    tx.notify(f"video:{row.uuid}")
    tx.notify(f"library:{owner_id}")
    return media_id if delete_media_if_unused(tx, media_id) else None


def used_bytes(tx: Tx, user_id: int) -> int:
    """Sum of the sizes behind a user's videos; twins of the same bytes count each."""
    total = tx.session.scalar(
        select(func.coalesce(func.sum(MediaRow.size_bytes), 0))
        .join(VideoRow, VideoRow.media_id == MediaRow.id)
        .where(VideoRow.user_id == user_id)
    )
    return int(total or 0)


def _own_row(tx: Tx, actor: Actor, uuid: str) -> VideoRow:
    row = tx.session.scalars(select(VideoRow).where(VideoRow.uuid == uuid)).first()
    if row is None:
        raise VideoNotFound
    allow(actor, "write", owner_id=row.user_id)
    return row


def _checked_visibility(visibility: str) -> str:
    if visibility not in VISIBILITIES:
        raise Invalid(fields={"visibility": ["Choose private, unlisted or public."]})
    return visibility


def _rows() -> Select[VideoRow, MediaRow]:
    return select(VideoRow, MediaRow).join(MediaRow, VideoRow.media_id == MediaRow.id)


def _videos(tx: Tx, query: Select[VideoRow, MediaRow]) -> list[Video]:
    return [_video(row) for row in tx.session.execute(query)]


def _video(pair: Row[VideoRow, MediaRow]) -> Video:
    row, media = pair
    return Video(
        id=row.id,
        uuid=row.uuid,
        user_id=row.user_id,
        folder_id=row.folder_id,
        media_id=row.media_id,
        name=row.name,
        filename=row.filename,
        source=row.source,
        visibility=row.visibility,
        policy_version=row.policy_version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        state=media.state,
        message=media.message,
        progress=1.0 if media.state in ("ready", "damaged") else media.progress,
        size_bytes=media.size_bytes,
        duration_ms=media.duration_ms,
        width=media.width,
        height=media.height,
        has_poster=media.poster_key is not None,
        revision=media.revision,
        changed_at=max(row.updated_at, media.updated_at),
    )
