"""Finished partial uploads become one. Where they lie in the order that is asked for, in a file of
their own (see `places`), that is it; otherwise they are copied.
"""

import itertools
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from polyreel.core.ingest.disk import clone_range, preallocate, try_lock
from polyreel.core.ingest.errors import (
    PartRejected,
    PartUnfinished,
    UploadNotFound,
    full_disk_is_said,
)
from polyreel.core.ingest.places import drop_file, file_of, is_whole_file
from polyreel.core.ingest.publish import key_of
from polyreel.core.ingest.reservations import check_size, room_for
from polyreel.core.ingest.resumable import (
    NewResumable,
    Resumable,
    ResumableLimits,
    add_row,
    get_resumable,
    resumable_of,
)
from polyreel.core.ingest.tables import ResumableRow
from polyreel.core.ingest.uploads import check_enabled
from polyreel.core.ingest.writing import BlockFile, copy_stretch
from polyreel.core.users import Actor, allow
from polyreel.infra.storage import Growing, Storage
from polyreel.infra.tx import Database, Tx
from polyreel.kit.errors import AppError

__all__ = ["concatenate"]

# While one is read, others are written.
_AT_ONCE = 3


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
        parts = _checked(tx, actor, wish.parts)
        file_uid = _one_file(tx, parts)
    length = sum(part.offset_bytes for part in parts)
    check_size(limits, length)
    if file_uid is None:
        room_for(storage, limits, least=length, wanted=length)
    with db.write() as tx:
        parts = _checked(tx, actor, wish.parts)
        row = add_row(tx, actor, replace(wish, length_bytes=length), limits)
        if file_uid is not None and file_uid == _one_file(tx, parts):
            row.file_uid, row.offset_bytes, row.state = file_uid, length, "uploaded"
            return resumable_of(row)
    try:
        return _assemble(db, storage, row, parts)
    except BaseException:
        with db.write() as tx:
            if (left := tx.session.get(ResumableRow, row.id)) is not None:
                tx.session.delete(left)
        drop_file(db, storage, file_of(row))
        raise


def _checked(tx: Tx, actor: Actor, uids: Sequence[str]) -> list[Resumable]:
    """The parts, once it is certain that all are the actor's, and whole."""
    known = {uid: _checked_part(tx, actor, uid) for uid in dict.fromkeys(uids)}
    return [known[uid] for uid in uids]


def _checked_part(tx: Tx, actor: Actor, uid: str) -> Resumable:
    try:
        part = get_resumable(tx, actor, uid)
    except AppError:
        raise PartRejected from None
    if part.kind != "partial":
        raise PartRejected
    if not part.is_whole:
        raise PartUnfinished
    return part


def _one_file(tx: Tx, parts: Sequence[Resumable]) -> str | None:
    """The uid of the file that is these parts, in this order, and nothing else; None when none is."""
    file_uid, end = parts[0].file_uid, 0
    for part in parts:
        if not part.is_shared or part.file_uid != file_uid or part.base_bytes != end:
            return None
        end += part.offset_bytes
    return file_uid if is_whole_file(tx, file_uid, end) else None


def _assemble(
    db: Database, storage: Storage, row: ResumableRow, parts: Sequence[Resumable]
) -> Resumable:
    length = row.length_bytes or 0
    with storage.open_growing(key_of(row.uid)) as file, full_disk_is_said():
        try_lock(file.fd)
        if length:
            preallocate(file.fd, length)
        starts = itertools.accumulate((part.offset_bytes for part in parts), initial=0)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            copy = partial(_copy, storage, key_of(row.uid))
            for copied in [pool.submit(copy, *each) for each in zip(parts, starts, strict=False)]:
                copied.result()
        os.fdatasync(file.fd)
        with db.write() as tx:
            whole = tx.session.get(ResumableRow, row.id)
            if whole is None or whole.state != "created":
                raise UploadNotFound
            whole.offset_bytes, whole.state = length, "uploaded"
            whole.updated_at = tx.now
            return resumable_of(whole)


def _reopened(storage: Storage, key: str) -> Growing:
    try:
        return storage.reopen(key)
    except FileNotFoundError:
        # Somebody ended the upload meanwhile.
        raise UploadNotFound from None


def _copy(storage: Storage, key: str, part: Resumable, start: int) -> None:
    try:
        source_fd = storage.open_read(key_of(part.file_uid))
    except FileNotFoundError:
        raise PartRejected from None
    stretch = part.base_bytes, part.offset_bytes
    try:
        # Opened for this part alone: how a descriptor writes changes on the way (see BlockFile).
        with _reopened(storage, key) as target:
            if not clone_range(source_fd, *stretch, target.fd, start):
                copy_stretch(source_fd, *stretch, BlockFile(target.fd, start))
    except EOFError:
        raise PartRejected from None
    finally:
        os.close(source_fd)
