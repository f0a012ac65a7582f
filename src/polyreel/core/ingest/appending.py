"""Bytes appended to a resumable upload: on the disk first, then in its row, then acknowledged."""

import hashlib
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polyreel.core.ingest.disk import preallocate
from polyreel.core.ingest.errors import (
    BodyTooLong,
    ChecksumMismatch,
    UploadComplete,
    WrongLength,
    WrongOffset,
    full_disk_is_said,
)
from polyreel.core.ingest.holding import Digests, Hold
from polyreel.core.ingest.reservations import (
    STEP_BYTES,
    UploadLimits,
    check_size,
    room_for,
    within_quota,
)
from polyreel.core.ingest.writing import BlockFile
from polyreel.infra.storage import Storage
from polyreel.infra.tx import Database

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["CHECKSUMS", "Appending", "Checksum"]

CHECKSUMS = ("sha1", "sha256", "sha512", "md5")
"""Names of the checksums that can be told for one request."""

# A process that is killed loses what arrived since; a sync that has little to do is short.
_KEEP_S = 5.0


@dataclass(frozen=True)
class Checksum:
    """What the bytes of one request must have; `name` is one of CHECKSUMS."""

    name: str
    digest: bytes


class Appending:
    """One request's bytes on their way to the end of an upload. Its methods block and are called by one
    thread at a time; `size` is the offset they have reached, `kept` the one that would survive.
    """

    def __init__(
        self, db: Database, storage: Storage, hold: Hold, limits: UploadLimits, digests: Digests
    ) -> None:
        self.size = self.kept = hold.upload.offset_bytes
        self._db = db
        self._storage = storage
        self._hold = hold
        self._limits = limits
        self._digests = digests
        self._began_at = self.size
        self._length = hold.upload.length_bytes
        self._reserved = hold.upload.reserved_bytes
        self._digest: _Hash | None = None
        self._before: _Hash | None = None
        self._checksum: Checksum | None = None
        self._check: _Hash | None = None
        self._kept_at = time.monotonic()
        self._file = BlockFile(hold.fd, hold.upload.base_bytes + self.size)

    @property
    def is_checked(self) -> bool:
        """True when nothing counts before the last byte has been seen."""
        return self._check is not None

    def begin(
        self,
        *,
        offset: int,
        length_bytes: int | None = None,
        body_bytes: int | None = None,
        checksum: Checksum | None = None,
    ) -> None:
        """Get ready for bytes that belong at `offset`. `length_bytes` says, once, how long the upload
        will be, `body_bytes` how much will come now.

        Raises UploadComplete for a final, WrongOffset, WrongLength, TooLarge, BodyTooLong,
        QuotaExceeded, StorageFull; nothing has changed then.
        """
        upload = self._hold.upload
        if upload.kind == "final":
            raise UploadComplete
        if offset != self.size:
            raise WrongOffset(self.size)
        if length_bytes is not None and length_bytes != self._length:
            self._fix_length(length_bytes)
        if body_bytes is not None and self._length is not None:
            self._check_fits(self.size + body_bytes)
        if upload.kind == "single":
            self._digest = self._digests.take(upload.uid, self.size)
            if not self.size:
                self._digest = hashlib.sha256()
            self._before = self._digest.copy() if self._digest else None
        self._checksum = checksum
        if checksum is not None:
            self._check = hashlib.new(checksum.name, usedforsecurity=False)

    def write(self, *chunks: bytes) -> None:
        """Append these. Raises BodyTooLong, TooLarge, QuotaExceeded, StorageFull, UploadNotFound."""
        end = self.size + sum(map(len, chunks))
        if self._length is not None:
            self._check_fits(end)
        else:
            self._hold_room(end)
        digests = [each for each in (self._digest, self._check) if each is not None]
        try:
            with full_disk_is_said():
                self._file.write(chunks, *digests)
        except BaseException:
            self._digest = None
            raise
        self.size = end
        # With a checksum nothing counts before all of it has been seen.
        if self._check is None and time.monotonic() - self._kept_at > _KEEP_S:
            self._sync()

    def keep(self) -> None:
        """Make what was written count: durable when this returns.

        Raises ChecksumMismatch (then nothing counts), StorageFull, UploadNotFound.
        """
        if self._check is not None and self._checksum is not None:
            if self._check.digest() != self._checksum.digest:
                self.drop()
                raise ChecksumMismatch
            self._check = None
        if self.size != self.kept:
            self._sync()
        self._remember(self._digest)

    def drop(self) -> None:
        """Go back to where this request began; what it wrote will be written over."""
        if self.kept != self._began_at:
            self._record(self._began_at)
        self.size = self.kept = self._began_at
        self._digest = self._before
        self._remember(self._before)

    def _sync(self) -> None:
        fd = self._hold.fd
        with full_disk_is_said():
            self._file.flush()
            if self._is_beyond_its_end():
                os.ftruncate(fd, self.size)
            os.fdatasync(fd)
        self._record(self.size)
        self._kept_at = time.monotonic()

    def _is_beyond_its_end(self) -> bool:
        """Before its length was told, an earlier request may have got farther than what counted."""
        if self.size != self._length or self._hold.upload.is_shared:
            return False
        return os.fstat(self._hold.fd).st_size > self.size

    def _record(self, offset: int) -> None:
        is_whole = offset == self._length
        digest = self._digest.hexdigest() if is_whole and self._digest else None
        with self._db.write() as tx:
            row = self._hold.row(tx)
            row.offset_bytes = offset
            row.state = "uploaded" if is_whole else "uploading"
            row.sha256 = digest
            row.updated_at = tx.now
        self.kept = offset

    def _remember(self, digest: "_Hash | None") -> None:
        if digest is not None and self.size != self._length:
            self._digests.keep(self._hold.upload.uid, self.size, digest.copy())

    def _check_fits(self, end: int) -> None:
        if self._length is not None and end > self._length:
            raise BodyTooLong

    def _fix_length(self, length: int) -> None:
        if self._length is not None or length < self.size:
            raise WrongLength
        check_size(self._limits, length)
        missing = max(0, length - self._reserved)
        room_for(self._storage, self._limits, least=missing, wanted=missing)
        upload = self._hold.upload
        with self._db.write() as tx:
            row = self._hold.row(tx)
            if missing:
                own = row.reserved_bytes
                within_quota(tx, upload.user_id, least=missing, wanted=missing, own=own)
            row.length_bytes, row.reserved_bytes = length, length
            if length == self.size:
                row.state = "uploaded"
        self._length, self._reserved = length, length
        preallocate(self._hold.fd, length)

    def _hold_room(self, end: int) -> None:
        """Of unknown length: take room in steps while bytes arrive."""
        check_size(self._limits, end)
        missing = end - self._reserved
        if missing <= 0:
            return
        wanted = room_for(
            self._storage, self._limits, least=missing, wanted=max(missing, STEP_BYTES)
        )
        with self._db.write() as tx:
            row = self._hold.row(tx)
            own = row.reserved_bytes
            row.reserved_bytes = own + within_quota(
                tx, row.user_id, least=missing, wanted=wanted, own=own
            )
            self._reserved = row.reserved_bytes
