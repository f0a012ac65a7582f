"""Room for an upload: on the disk and in its owner's quota, held by a row while bytes arrive."""

from dataclasses import dataclass

from sqlalchemy import func, select, update

from polyreel.core import library, users
from polyreel.core.ingest.errors import StorageFull, UploadLost
from polyreel.core.ingest.tables import RemoteRow, ResumableRow, UploadRow
from polyreel.infra.storage import Storage
from polyreel.infra.tx import Tx
from polyreel.kit.errors import QuotaExceeded, TooLarge

__all__ = [
    "STEP_BYTES",
    "UploadLimits",
    "check_size",
    "grow",
    "reserve",
    "room_for",
    "within_quota",
]

# An upload of unknown length takes room in steps of this size: one short transaction for each.
STEP_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class UploadLimits:
    """`max_bytes` of one upload (0: any size), `min_free_bytes` that must stay free on the disk.

    `has_quota` False: for what its owner had before, whatever their quota is here.
    """

    max_bytes: int = 0
    min_free_bytes: int = 0
    has_quota: bool = True


def check_size(limits: UploadLimits, size_bytes: int) -> None:
    """Raises TooLarge for an upload beyond the limit."""
    if limits.max_bytes and size_bytes > limits.max_bytes:
        raise TooLarge("This file is too large.", limits.max_bytes)


def room_for(storage: Storage, limits: UploadLimits, *, least: int, wanted: int) -> int:
    """How many bytes, from `least` to `wanted`, the disk has room for. Raises StorageFull."""
    free = storage.free_bytes()
    if free is None:
        return wanted
    left = free - limits.min_free_bytes
    if left < least:
        raise StorageFull
    return min(left, wanted)


def reserve(tx: Tx, row: UploadRow, limits: UploadLimits, *, least: int, wanted: int) -> int:
    """Add the row of a new upload with as much of `wanted` as its owner's quota has, at least
    `least`; how much that is. Raises QuotaExceeded.
    """
    row.reserved_bytes = wanted
    if limits.has_quota:
        row.reserved_bytes = within_quota(tx, row.user_id, least=least, wanted=wanted)
    row.created_at = row.updated_at = tx.now
    tx.session.add(row)
    tx.session.flush()
    return row.reserved_bytes


def grow(tx: Tx, upload_id: str, limits: UploadLimits, *, least: int, wanted: int) -> int:
    """Reserve that much more for an upload; with both 0 only say that it lives.

    Raises QuotaExceeded, UploadLost.
    """
    row = tx.session.get(UploadRow, upload_id)
    if row is None:
        raise UploadLost
    more = wanted
    if wanted and limits.has_quota:
        own = row.reserved_bytes
        more = within_quota(tx, row.user_id, least=least, wanted=wanted, own=own)
    tx.session.execute(
        update(UploadRow)
        .where(UploadRow.id == upload_id)
        .values(reserved_bytes=UploadRow.reserved_bytes + more, updated_at=tx.now)
    )
    return more


def within_quota(tx: Tx, user_id: int, *, least: int, wanted: int, own: int = 0) -> int:
    """How much more a person may have, from `least` to `wanted` bytes. What the upload itself holds,
    `own`, is not called used. Raises QuotaExceeded.
    """
    limit = users.get_user(tx, user_id).quota.limit_bytes
    if not limit:
        return wanted
    taken = library.used_bytes(tx, user_id)
    for table in (UploadRow, ResumableRow, RemoteRow):
        held = select(func.coalesce(func.sum(table.reserved_bytes), 0))
        taken += int(tx.session.scalar(held.where(table.user_id == user_id)) or 0)
    if limit - taken < least:
        raise QuotaExceeded(taken - own, limit)
    return min(limit - taken, wanted)
