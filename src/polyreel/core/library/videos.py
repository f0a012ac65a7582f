"""Videos: create, find and change the named entries of users."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, case, func, or_, select

from polyreel.core.library.folders import may_add_to
from polyreel.core.library.media import Media
from polyreel.core.library.names import clean_name, fold_name
from polyreel.core.library.tables import MediaRow, VideoRow
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
    for the last two. `poster_key` is the picture chosen for it, if any. `progress` is the share of all planned work, 0 to 1. `revision` grows with every
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
    poster_key: str | None
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
    uuid: str | None = None,
    created_at: datetime | None = None,
) -> Video:
    """Make an entry of the actor's for a media. `source` names the way in (uploads, videocms, web,
    cli). What comes from another server keeps its `uuid`, lower case and taken by none, and its time.
    Raises Invalid, FolderNotFound.
    """
    may_add_to(tx, actor, folder_id)
    kept = clean_name(name, longest=MAX_NAME)
    row = VideoRow(
        uuid=uuid or uuid7(),
        user_id=actor.user_id,
        folder_id=folder_id,
        media_id=media.id,
        name=kept,
        name_folded=fold_name(kept),
        filename=filename,
        source=source,
        visibility=_checked_visibility(visibility),
        policy_version=1,
        created_at=created_at or tx.now,
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
    found = videos_of(tx, video_query().where(VideoRow.uuid == canonical))
    return found[0] if found else None


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
    found = videos_of(tx, video_query().where(VideoRow.id == video_id))
    if not found or not (actor.is_admin or found[0].user_id == actor.user_id):
        raise VideoNotFound
    return found[0]


def update_video(
    tx: Tx, actor: Actor, uuid: str, *, name: str | None = None, visibility: str | None = None
) -> Video:
    """Rename a video or change who may see it; the latter ends the tickets handed out so far.

    Raises VideoNotFound, Invalid.
    """
    row = writable_video(tx, actor, VideoRow.uuid == parse_uuid(uuid))
    if name is not None:
        _rename(row, name)
    if visibility is not None and visibility != row.visibility:
        row.visibility = _checked_visibility(visibility)
        row.policy_version = row.policy_version + 1
        tx.notify(f"policy:{row.uuid}")
    _touch(tx, row)
    return get_video(tx, actor, row.id)


def find_own_video_by_sha256(tx: Tx, actor: Actor, sha256: str) -> Video | None:
    """The oldest video of the actor's own with these bytes, if there is one."""
    own = video_query().where(VideoRow.user_id == actor.user_id, MediaRow.sha256 == sha256)
    found = videos_of(tx, own.order_by(VideoRow.id).limit(1))
    return found[0] if found else None


def rename_video(tx: Tx, actor: Actor, video_id: int, name: str) -> None:
    """Give the video of this id another name. Raises VideoNotFound, Invalid."""
    row = writable_video(tx, actor, VideoRow.id == video_id)
    _rename(row, name)
    _touch(tx, row)


def _rename(row: VideoRow, name: str) -> None:
    row.name = clean_name(name, longest=MAX_NAME)
    row.name_folded = fold_name(row.name)


def check_writable(tx: Tx, actor: Actor, uuid: str) -> int:
    """The id of a video that the actor may change. Raises VideoNotFound."""
    return writable_video(tx, actor, VideoRow.uuid == parse_uuid(uuid)).id


def touch_video(tx: Tx, actor: Actor, uuid: str) -> int:
    """Note that something a person added to a video changed; answers its id. Raises VideoNotFound."""
    row = writable_video(tx, actor, VideoRow.uuid == parse_uuid(uuid))
    _touch(tx, row)
    return row.id


def _touch(tx: Tx, row: VideoRow) -> None:
    row.updated_at = tx.now
    tx.session.flush()
    tx.notify(f"library:{row.user_id}")
    tx.notify(f"video:{row.uuid}")


def used_bytes(tx: Tx, user_id: int) -> int:
    """Sum of the sizes behind a user's videos; twins of the same bytes count each."""
    total = tx.session.scalar(
        select(func.coalesce(func.sum(MediaRow.size_bytes), 0))
        .join(VideoRow, VideoRow.media_id == MediaRow.id)
        .where(VideoRow.user_id == user_id)
    )
    return int(total or 0)


def writable_video(tx: Tx, actor: Actor, which: ColumnElement[bool]) -> VideoRow:
    """The row of a video that the actor may change. Raises VideoNotFound."""
    row = tx.session.scalars(select(VideoRow).where(which)).first()
    if row is None:
        raise VideoNotFound
    try:
        allow(actor, "write", owner_id=row.user_id)
    except NotFound:
        raise VideoNotFound from None
    return row


def _checked_visibility(visibility: str) -> str:
    if visibility not in VISIBILITIES:
        raise Invalid(fields={"visibility": ["Choose private, unlisted or public."]})
    return visibility


def video_query() -> Select[*tuple[Any, ...]]:
    """Selects what `videos_of` reads; videos and their media are joined in it."""
    columns: Any = [column.label(name) for name, column in _COLUMNS.items()]
    return select(*columns).join(MediaRow, VideoRow.media_id == MediaRow.id)


def videos_of(tx: Tx, query: Select[*tuple[Any, ...]]) -> list[Video]:
    """The videos that a `video_query` finds."""
    return [Video(*row) for row in tx.session.execute(query)]


# Only what a video shows, as plain columns: in a list of thousands, rows that can be changed, and
# the cuts of their films, would take most of the time. In the order of the fields of Video.
_COLUMNS: dict[str, SQLColumnExpression[Any]] = {
    **{
        name: getattr(VideoRow, name)
        for name in (
            "id", "uuid", "user_id", "folder_id", "media_id", "name", "filename", "source",
            "visibility", "policy_version", "poster_key", "created_at", "updated_at",
        )
    },
    "state": MediaRow.state,
    "message": MediaRow.message,
    "progress": case((MediaRow.state.in_(("ready", "damaged")), 1.0), else_=MediaRow.progress),
    "size_bytes": MediaRow.size_bytes,
    "duration_ms": MediaRow.duration_ms,
    "width": MediaRow.width,
    "height": MediaRow.height,
    "has_poster": or_(VideoRow.poster_key.is_not(None), MediaRow.poster_key.is_not(None)),
    "revision": MediaRow.revision,
    "changed_at": case(
        (MediaRow.updated_at > VideoRow.updated_at, MediaRow.updated_at), else_=VideoRow.updated_at
    ),
}  # fmt: skip
