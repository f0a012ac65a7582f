"""Where the bytes of resumable uploads lie.

Most have a file of their own, named by their `uid`. The partials of one film lie side by side in one
file, named by their `file_uid`, in the order in which they were asked for: clients ask in the order of
the film. A final that wants them in just that order is that file; nothing is copied then.
"""

from datetime import timedelta

from sqlalchemy import func, select

from polyreel.core import library
from polyreel.core.ingest.publish import key_of, new_uid
from polyreel.core.ingest.tables import ResumableRow
from polyreel.infra.storage import Storage
from polyreel.infra.storage.contract import Growing
from polyreel.infra.tx import Database, Tx

__all__ = ["drop_file", "file_of", "is_whole_file", "open_place", "take_place"]

_OVER = ("done", "expired")
# What nobody has written to for so long belongs to a film that was given up.
_LATELY = timedelta(minutes=10)
# Files of this length are possible everywhere.
_LONGEST_FILE = 1 << 40


def file_of(row: ResumableRow) -> str:
    """The uid that names its file."""
    return row.file_uid or row.uid


def take_place(tx: Tx, row: ResumableRow, max_bytes: int) -> None:
    """Give a new partial of known length its place: after the last one of the same person with the
    same words, as far as a film of `max_bytes` (0: of any size) goes, or in a new file.
    """
    row.file_uid, row.base_bytes = new_uid(), 0
    last = tx.session.scalars(
        select(ResumableRow)
        .where(
            ResumableRow.user_id == row.user_id,
            ResumableRow.kind == "partial",
            ResumableRow.info == row.info,
            ResumableRow.file_uid.is_not(None),
            ResumableRow.id != row.id,
        )
        .order_by(ResumableRow.id.desc())
        .limit(1)
    ).first()
    if last is None or last.updated_at < tx.now - _LATELY:
        return
    beside = select(
        func.max(ResumableRow.base_bytes + ResumableRow.length_bytes),
        func.count(ResumableRow.id).filter(
            # Of what is over, somebody may not know it yet, and go on writing.
            ResumableRow.state.in_(_OVER) | (ResumableRow.kind == "final")
        ),
    ).where(ResumableRow.file_uid == last.file_uid)
    end, others = tx.session.execute(beside).one()
    if not others and end + (row.length_bytes or 0) <= (max_bytes or _LONGEST_FILE):
        row.file_uid, row.base_bytes = last.file_uid, int(end)


def open_place(storage: Storage, row: ResumableRow) -> Growing:
    """The file of a new upload, made where it is the first in it."""
    key = key_of(file_of(row))
    try:
        return storage.open_growing(key)
    except FileExistsError:
        return storage.reopen(key)


def is_whole_file(tx: Tx, file_uid: str, size_bytes: int) -> bool:
    """Whether the partials of a shared file end where its first so many bytes do."""
    longest = select(func.max(ResumableRow.base_bytes + ResumableRow.length_bytes))
    partials = longest.where(ResumableRow.file_uid == file_uid, ResumableRow.kind == "partial")
    return tx.session.scalar(partials) == size_bytes


def drop_file(db: Database, storage: Storage, file_uid: str) -> None:
    """Remove the bytes of uploads that are over, unless a media took them or others need the file."""
    with db.read() as tx:
        needed = select(ResumableRow.id).where(
            (ResumableRow.uid == file_uid) & ResumableRow.file_uid.is_(None)
            | (ResumableRow.file_uid == file_uid),
            ResumableRow.state.not_in(_OVER),
        )
        is_needed = tx.session.scalar(needed.limit(1)) is not None
        is_needed = is_needed or library.is_media_uid(tx, file_uid)
    if not is_needed:
        storage.delete(key_of(file_uid))
