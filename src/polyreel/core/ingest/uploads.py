"""An upload: bytes written to disk and hashed as they arrive, then published as a video in one step.

Row first, then file; file durable, then the row that names it. Whatever is killed in between leaves a
row of `uploads`, from which `sweep_uploads` finds the rest.
"""

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from polyreel.core import options
from polyreel.core.ingest.disk import preallocate
from polyreel.core.ingest.errors import UploadLost, UploadsDisabled, full_disk_is_said
from polyreel.core.ingest.once import find_answer, record_answer
from polyreel.core.ingest.publish import Entry, StoredBytes, key_of, new_uid, publish
from polyreel.core.ingest.reservations import (
    STEP_BYTES,
    UploadLimits,
    check_size,
    grow,
    reserve,
    room_for,
)
from polyreel.core.ingest.tables import UploadRow
from polyreel.core.ingest.writing import BlockFile
from polyreel.core.library import Video
from polyreel.core.users import Actor, allow
from polyreel.infra.storage import Staged, Storage
from polyreel.infra.tx import Database, Tx
from polyreel.kit.ids import uuid7

__all__ = ["Upload", "begin_upload", "check_enabled"]

_HEARTBEAT_S = 60.0
_SMALL_STEP_BYTES = 64 * 1024  # for what is a little longer than declared
# Who declares knows the length of a whole form: nothing is refused ahead for the form's own bytes.
_MARGIN_BYTES = 1024
# So much is given to the disk at once, so that the sync at the end has little left to do.
_NO_LIMITS = UploadLimits()

_T = TypeVar("_T")


def begin_upload(
    db: Database,
    storage: Storage,
    actor: Actor,
    *,
    source: str,
    declared_bytes: int | None = None,
    limits: UploadLimits = _NO_LIMITS,
) -> "Upload":
    """Room for a file of the actor's, reserved; end it with `finish` or `abort`.

    `source` names the way in (uploads, videocms, web, cli). `declared_bytes` is about the
    length; None: room is taken in steps while bytes arrive.
    Raises TooLarge, QuotaExceeded, StorageFull; Forbidden for a key that may not write, and while
    uploads are switched off (the command line adds files then too).
    """
    allow(actor, "write", owner_id=actor.user_id)
    if source != "cli":
        check_enabled(db)
    wanted = STEP_BYTES if declared_bytes is None else declared_bytes
    least = 1 if declared_bytes is None else max(1, declared_bytes - _MARGIN_BYTES)
    check_size(limits, least)
    wanted = room_for(storage, limits, least=least, wanted=wanted)
    row = UploadRow(
        id=uuid7(),
        user_id=actor.user_id,
        source=source,
        declared_bytes=declared_bytes,
        key=key_of(new_uid()),
    )
    with db.write() as tx:
        reserve(tx, row, limits, least=least, wanted=wanted)
    upload = Upload(db, storage, actor, row, limits)
    try:
        upload.open()
    except BaseException:
        upload.abort()
        raise
    return upload


class Upload:
    """One upload under way. Its methods block and are called by one thread at a time; `size` is the
    number of bytes written so far.
    """

    def __init__(
        self, db: Database, storage: Storage, actor: Actor, row: UploadRow, limits: UploadLimits
    ) -> None:
        self.size = 0
        self._db = db
        self._storage = storage
        self._actor = actor
        self._limits = limits
        self._id = row.id
        self._key = row.key
        self._uid = row.key.split("/")[2]
        self._source = row.source
        self._declared = row.declared_bytes
        self._reserved = row.reserved_bytes
        self._hash = hashlib.sha256()
        self._staged: Staged | None = None
        self._preallocated = 0
        self._writer: BlockFile | None = None
        self._seen_at = time.monotonic()
        self._has_ended = False
        self._was_refused = False
        self._is_kept = False

    def open(self) -> None:
        """Make the file; called once by `begin_upload`."""
        self._staged = self._storage.create(self._key)
        if self._declared:
            self._preallocated = preallocate(self._staged.fd, self._declared)

    def write(self, *chunks: bytes) -> None:
        """Append these bytes. Raises TooLarge, QuotaExceeded, StorageFull, UploadLost."""
        length = sum(map(len, chunks))
        check_size(self._limits, self.size + length)
        self._hold_room(self.size + length - self._reserved)
        if self._writer is None:
            self._writer = BlockFile(self.fd)
        with full_disk_is_said():
            self._writer.write(chunks, self._hash)
        self.size += length

    @property
    def fd(self) -> int:
        """The descriptor the file is written through."""
        return self._file().fd

    @property
    def sha256(self) -> str:
        """Of what was written so far, 64 lower-case hex digits."""
        return self._hash.hexdigest()

    @property
    def path(self) -> Path:
        """The file, out of sight, for a program that writes or replaces it."""
        return self._file().path

    def keep_alive(self) -> None:
        """Say now and then that we live, while someone else writes or reads the file for long."""
        if time.monotonic() - self._seen_at >= _HEARTBEAT_S:
            os.utime(self.path)
            self._hold_room(0)

    def note_copied(self, size_bytes: int, digest: "hashlib._Hash") -> None:
        """Someone else wrote the whole file through `fd`: its size and SHA-256."""
        self.size, self._hash = size_bytes, digest

    def finish(
        self,
        *,
        name: str,
        filename: str,
        folder_id: int | None = None,
        visibility: str = "unlisted",
        once: str | None = None,
    ) -> Video:
        """Publish what was written as a video of the actor's; durable when this returns.

        Bytes the library has already are kept once. With an idempotency key in `once`, an earlier
        video made with it is the answer, and this upload is dropped.
        Raises Invalid, FolderNotFound, StorageFull, UploadLost: call `abort` then.
        """
        entry = Entry(
            name=name,
            filename=filename,
            folder_id=folder_id,
            source=self._source,
            visibility=visibility,
        )

        def record(tx: Tx, stored: StoredBytes) -> tuple[Video, bool]:
            earlier = find_answer(tx, self._actor, once) if once else None
            if earlier is not None:
                return earlier, False
            video, is_kept = publish(tx, self._actor, stored, entry)
            if once:
                record_answer(tx, self._actor, once, video)
            return video, is_kept

        return self.finish_with(record)

    def finish_with(self, record: Callable[[Tx, StoredBytes], tuple[_T, bool]]) -> _T:
        """Let `record` name what was written, in the transaction that ends the upload; what it gives.

        It also says whether the file is kept, and may be called twice. Raises as `finish` does.
        """
        file = self._file()
        if self._writer is not None:
            with full_disk_is_said():
                self._writer.flush()
        if self._preallocated > self.size:
            os.ftruncate(file.fd, self.size)
        with full_disk_is_said():
            file.commit()
        try:
            made = self._record(record)
        except IntegrityError:
            # On a database with many writers: the twin came, or went, at the same moment.
            made = self._record(record)
        self._has_ended = True
        if not self._is_kept:
            self._storage.delete(self._key)
        return made

    def abort(self) -> None:
        """Forget this upload: file, row and reservation. Nothing happens after an end."""
        if self._has_ended:
            return
        self._has_ended = True
        if self._staged is not None:
            self._staged.discard()
        with self._db.write() as tx:
            was_ours = self._take_row(tx)
        # Where the row is gone without our doing, `finish` has committed, whatever it raised after.
        if was_ours or self._was_refused:
            self._storage.delete(self._key)

    def _file(self) -> Staged:
        if self._staged is None or self._has_ended:
            raise UploadLost
        return self._staged

    def _record(self, record: Callable[[Tx, StoredBytes], tuple[_T, bool]]) -> _T:
        with self._db.write() as tx:
            if not self._take_row(tx):
                self._was_refused = True
                raise UploadLost
            self._is_kept = False
            stored = StoredBytes(
                uid=self._uid, key=self._key, size_bytes=self.size, sha256=self._hash.hexdigest()
            )
            made, self._is_kept = record(tx, stored)
            return made

    def _take_row(self, tx: Tx) -> bool:
        """Delete our row; False when someone else did."""
        ours = delete(UploadRow).where(UploadRow.id == self._id).returning(UploadRow.id)
        return tx.session.execute(ours).first() is not None

    def _hold_room(self, missing: int) -> None:
        """See that the reservation covers what comes next, and say now and then that we live."""
        now = time.monotonic()
        if missing <= 0 and now - self._seen_at < _HEARTBEAT_S:
            return
        wanted = 0
        if missing > 0:
            step = STEP_BYTES if self._declared is None else _SMALL_STEP_BYTES
            wanted = max(step, missing)
            wanted = room_for(self._storage, self._limits, least=missing, wanted=wanted)
        with self._db.write() as tx:
            self._reserved += grow(tx, self._id, self._limits, least=max(0, missing), wanted=wanted)
        self._seen_at = now


def check_enabled(db: Database) -> None:
    """Raises UploadsDisabled."""
    with db.read() as tx:
        if not options.get_option(tx, "uploads_enabled"):
            raise UploadsDisabled
