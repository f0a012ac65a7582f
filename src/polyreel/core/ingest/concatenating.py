"""Finished partial uploads become one: copied by the kernel, in the order that is asked for."""

import os
from collections.abc import Sequence
from dataclasses import replace

from polyreel.core.ingest.disk import append_file, preallocate, try_lock
from polyreel.core.ingest.errors import (
    PartRejected,
    PartUnfinished,
    UploadNotFound,
    full_disk_is_said,
)
from polyreel.core.ingest.publish import key_of
from polyreel.core.ingest.reservations import check_size, room_for
from polyreel.core.ingest.resumable import (
    NewResumable,
    Resumable,
    ResumableLimits,
    add_row,
    drop_file,
    get_resumable,
    resumable_of,
)
from polyreel.core.ingest.tables import ResumableRow
from polyreel.core.ingest.uploads import check_enabled
from polyreel.core.users import Actor, allow
from polyreel.infra.storage import Storage
from polyreel.infra.tx import Database, Tx
from polyreel.kit.errors import AppError

__all__ = ["concatenate"]


def concatenate(
    db: Database, storage: Storage, actor: Actor, wish: NewResumable, limits: ResumableLimits
) -> Resumable:
    """An upload of all bytes of the partials in `wish.parts`, whole and durable when this returns.

    The partials stay, so that it can be asked for again; they, not the new upload, hold the room in
    the quota until it is a video.
    Raises PartRejected, PartUnfinished, TooLarge, StorageFull, and what `create_resumable` does.
    """
    allow(actor, "write", owner_id=actor.user_id)
    check_enabled(db)
    with db.read() as tx:
        length = sum(size for _, size in _checked(tx, actor, wish.parts))
    check_size(limits, length)
    room_for(storage, limits, least=length, wanted=length)
    with db.write() as tx:
        parts = _checked(tx, actor, wish.parts)
        row = add_row(tx, actor, replace(wish, length_bytes=length), limits)
    try:
        return _assemble(db, storage, row, parts)
    except BaseException:
        with db.write() as tx:
            if (left := tx.session.get(ResumableRow, row.id)) is not None:
                tx.session.delete(left)
        drop_file(db, storage, row.uid)
        raise


def _checked(tx: Tx, actor: Actor, uids: Sequence[str]) -> list[tuple[str, int]]:
    """The parts with their lengths, once it is certain that all are the actor's, and whole."""
    known = {uid: _length_of_part(tx, actor, uid) for uid in dict.fromkeys(uids)}
    return [(uid, known[uid]) for uid in uids]


def _length_of_part(tx: Tx, actor: Actor, uid: str) -> int:
    try:
        part = get_resumable(tx, actor, uid)
    except AppError:
        raise PartRejected from None
    if part.kind != "partial":
        raise PartRejected
    if not part.is_whole:
        raise PartUnfinished
    return part.offset_bytes


def _assemble(
    db: Database, storage: Storage, row: ResumableRow, parts: Sequence[tuple[str, int]]
) -> Resumable:
    length = row.length_bytes or 0
    with storage.open_growing(key_of(row.uid)) as file, full_disk_is_said():
        try_lock(file.fd)
        if length:
            preallocate(file.fd, length)
        for uid, size in parts:
            _append(storage, uid, size, file.fd)
        os.fdatasync(file.fd)
        with db.write() as tx:
            whole = tx.session.get(ResumableRow, row.id)
            if whole is None or whole.state != "created":
                raise UploadNotFound
            whole.offset_bytes, whole.state = length, "uploaded"
            whole.updated_at = tx.now
            return resumable_of(whole)


def _append(storage: Storage, uid: str, size: int, target_fd: int) -> None:
    try:
        source_fd = storage.open_read(key_of(uid))
    except FileNotFoundError:
        raise PartRejected from None
    try:
        append_file(source_fd, target_fd, size)
    except EOFError:
        raise PartRejected from None
    finally:
        os.close(source_fd)
