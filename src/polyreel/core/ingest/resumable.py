"""Uploads that go on over many requests: their rows. Their bytes are written by `appending`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, distinct, func, or_, select, update

from polyreel.core import library, users
from polyreel.core.ingest.disk import preallocate
from polyreel.core.ingest.errors import (
    ForeignUpload,
    TooManyUploads,
    UploadExpired,
    UploadNotFound,
)
from polyreel.core.ingest.places import drop_file, file_of, open_place, take_place
from polyreel.core.ingest.publish import new_uid
from polyreel.core.ingest.reservations import UploadLimits, check_size, room_for, within_quota
from polyreel.core.ingest.tables import ResumableRow
from polyreel.core.ingest.uploads import check_enabled
from polyreel.core.users import Actor, allow
from polyreel.infra.storage import Storage
from polyreel.infra.tx import Database, Tx
from polyreel.kit.ids import parse_uuid

__all__ = [
    "NewResumable",
    "Resumable",
    "ResumableLimits",
    "add_row",
    "create_resumable",
    "find_row",
    "get_resumable",
    "list_resumables",
    "resumable_of",
    "sweep_resumables",
]

LIFE = timedelta(hours=24)
# So long the answer to a late client is "expired", not "unknown".
REMEMBERED = timedelta(hours=24)
ACTIVE = ("created", "uploading", "uploaded", "importing", "failed")
_OVER = ("done", "expired")
# Some people may have more than everybody: the name of that in their settings.
_PERSONAL_LIMIT = "upload_sessions_max"


@dataclass(frozen=True, kw_only=True)
class ResumableLimits(UploadLimits):
    """`max_groups` unfinished files of one person; 0: any number."""

    max_groups: int = 0


@dataclass(frozen=True, kw_only=True)
class NewResumable:
    """What is asked for. `info` is kept as it is, for who asks again. `length_bytes` None: said later."""

    kind: str
    name: str
    folder_id: int | None
    group_uid: str
    source: str
    info: str = ""
    length_bytes: int | None = None
    parts: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Resumable:
    """A resumable upload as it was at one moment; the fields are those of `ResumableRow`, but
    `file_uid` names its file in any case, and `is_shared` says that others lie there too.
    """

    id: int
    uid: str
    user_id: int
    group_uid: str
    kind: str
    source: str
    name: str
    folder_id: int | None
    info: str
    parts: tuple[str, ...]
    file_uid: str
    base_bytes: int
    is_shared: bool
    length_bytes: int | None
    offset_bytes: int
    reserved_bytes: int
    sha256: str | None
    state: str
    message: str | None
    video_uuid: str | None
    created_at: datetime
    expires_at: datetime

    @property
    def is_whole(self) -> bool:
        """True when every byte is on the disk."""
        return self.length_bytes is not None and self.offset_bytes == self.length_bytes


def create_resumable(
    db: Database, storage: Storage, actor: Actor, wish: NewResumable, limits: ResumableLimits
) -> Resumable:
    """Room for an upload of the actor's, reserved, and its empty file; for 24 hours.

    Raises TooLarge (the partials of one group count together), QuotaExceeded, StorageFull,
    TooManyUploads, FolderNotFound, UploadsDisabled, Forbidden.
    """
    allow(actor, "write", owner_id=actor.user_id)
    check_enabled(db)
    length = wish.length_bytes or 0
    check_size(limits, length)
    room_for(storage, limits, least=length, wanted=length)
    with db.write() as tx:
        if wish.kind == "partial":
            check_size(limits, length + _length_of_partials(tx, actor, wish.group_uid))
        row = add_row(tx, actor, wish, limits)
        if length:
            row.reserved_bytes = within_quota(tx, actor.user_id, least=length, wanted=length)
            if wish.kind == "partial":
                take_place(tx, row, limits.max_bytes)
        row.state = "uploaded" if wish.length_bytes == 0 else "created"
        tx.session.flush()
    try:
        with open_place(storage, row) as file:
            if length:
                preallocate(file.fd, length, row.base_bytes)
    except BaseException:
        with db.write() as tx:
            tx.session.delete(tx.session.get_one(ResumableRow, row.id))
        drop_file(db, storage, file_of(row))
        raise
    return resumable_of(row)


def add_row(tx: Tx, actor: Actor, wish: NewResumable, limits: ResumableLimits) -> ResumableRow:
    """The row of a new upload. Raises FolderNotFound, TooManyUploads."""
    library.may_add_to(tx, actor, wish.folder_id)
    _check_groups(tx, actor, wish.group_uid, limits)
    row = ResumableRow(
        uid=new_uid(),
        user_id=actor.user_id,
        group_uid=wish.group_uid,
        kind=wish.kind,
        source=wish.source,
        name=wish.name,
        folder_id=wish.folder_id,
        info=wish.info,
        parts=list(wish.parts),
        length_bytes=wish.length_bytes,
        base_bytes=0,
        offset_bytes=0,
        reserved_bytes=0,
        state="created",
        created_at=tx.now,
        updated_at=tx.now,
        expires_at=tx.now + LIFE,
    )
    tx.session.add(row)
    tx.session.flush()
    return row


def get_resumable(tx: Tx, actor: Actor, uid: str, *, finished: bool = False) -> Resumable:
    """One of the actor's own, with `finished` also one that has become a video.

    Raises UploadNotFound, ForeignUpload, UploadExpired.
    """
    row = find_row(tx, uid)
    if row is None:
        raise UploadNotFound
    if row.user_id != actor.user_id:
        raise ForeignUpload
    if row.state == "done":
        if not finished:
            raise UploadNotFound
    elif row.state == "expired" or (row.expires_at <= tx.now and row.state != "importing"):
        raise UploadExpired
    return resumable_of(row)


def list_resumables(tx: Tx, actor: Actor) -> list[Resumable]:
    """The actor's unfinished uploads, newest first; partials are not told apart from their file."""
    rows = tx.session.scalars(
        select(ResumableRow)
        .where(
            ResumableRow.user_id == actor.user_id,
            ResumableRow.kind != "partial",
            _is_active(tx),
        )
        .order_by(ResumableRow.id.desc())
    )
    return [resumable_of(row) for row in rows]


def find_row(tx: Tx, uid: str) -> ResumableRow | None:
    """The row of this public name."""
    canonical = parse_uuid(uid)
    if canonical is None:
        return None
    return tx.session.scalars(select(ResumableRow).where(ResumableRow.uid == canonical)).first()


def sweep_resumables(db: Database, storage: Storage) -> int:
    """End uploads whose time is over, bytes and all, and forget those that ended long ago; how many
    were ended. What is written at this moment finds its row changed, and gives up.
    """
    with db.write() as tx:
        late = or_(
            ResumableRow.state.in_(("created", "uploading", "uploaded", "failed")),
            ResumableRow.expires_at <= tx.now - REMEMBERED,
        )
        ended = update(ResumableRow).where(
            ResumableRow.expires_at <= tx.now, ResumableRow.state.not_in(_OVER), late
        )
        values = {"state": "expired", "reserved_bytes": 0, "updated_at": tx.now}
        rows = list(tx.session.scalars(ended.values(values).returning(ResumableRow)))
        files = [file_of(row) for row in rows]
        forgotten = tx.session.scalars(
            select(ResumableRow).where(
                ResumableRow.state.in_(_OVER), ResumableRow.expires_at <= tx.now - REMEMBERED
            )
        )
        for row in forgotten:
            tx.session.delete(row)
    for file_uid in set(files):
        drop_file(db, storage, file_uid)
    return len(files)


def resumable_of(row: ResumableRow) -> Resumable:
    """A row as a value."""
    return Resumable(
        id=row.id,
        uid=row.uid,
        user_id=row.user_id,
        group_uid=row.group_uid,
        kind=row.kind,
        source=row.source,
        name=row.name,
        folder_id=row.folder_id,
        info=row.info,
        parts=tuple(row.parts),
        file_uid=file_of(row),
        base_bytes=row.base_bytes,
        is_shared=row.file_uid is not None,
        length_bytes=row.length_bytes,
        offset_bytes=row.offset_bytes,
        reserved_bytes=row.reserved_bytes,
        sha256=row.sha256,
        state=row.state,
        message=row.message,
        video_uuid=row.video_uuid,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


def _is_active(tx: Tx) -> ColumnElement[bool]:
    return ResumableRow.state.in_(ACTIVE) & (ResumableRow.expires_at > tx.now)


def _length_of_partials(tx: Tx, actor: Actor, group_uid: str) -> int:
    total = tx.session.scalar(
        select(func.coalesce(func.sum(ResumableRow.length_bytes), 0)).where(
            ResumableRow.user_id == actor.user_id,
            ResumableRow.group_uid == group_uid,
            ResumableRow.kind == "partial",
            _is_active(tx),
        )
    )
    return int(total or 0)


def _check_groups(tx: Tx, actor: Actor, group_uid: str, limits: ResumableLimits) -> None:
    personal = users.get_user(tx, actor.user_id).settings.get(_PERSONAL_LIMIT)
    most = max(limits.max_groups, personal if isinstance(personal, int) else 0)
    if not limits.max_groups:
        return
    others = tx.session.scalar(
        select(func.count(distinct(ResumableRow.group_uid))).where(
            ResumableRow.user_id == actor.user_id,
            ResumableRow.group_uid != group_uid,
            _is_active(tx),
        )
    )
    if int(others or 0) >= most:
        raise TooManyUploads
