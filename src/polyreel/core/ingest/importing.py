"""A whole resumable upload becomes a video. What cannot be used keeps its bytes, for another try."""

import os
from contextlib import suppress

from sqlalchemy import or_, select

from polyreel.core import library
from polyreel.core.ingest.errors import (
    ImportRunning,
    UploadIncomplete,
    UploadLocked,
    UploadNotFound,
)
from polyreel.core.ingest.holding import Hold
from polyreel.core.ingest.places import drop_file, file_of
from polyreel.core.ingest.publish import Entry, StoredBytes, key_of, publish
from polyreel.core.ingest.resumable import Resumable, get_resumable
from polyreel.core.ingest.tables import ResumableRow
from polyreel.core.library import Video
from polyreel.core.users import Actor
from polyreel.infra.storage import Storage
from polyreel.infra.tx import Database, Tx
from polyreel.kit.errors import Conflict, Invalid, NotFound

__all__ = ["Importing", "begin_import"]


def begin_import(db: Database, storage: Storage, actor: Actor, uid: str) -> "Importing | Video":
    """Begin to make an upload of the actor's a video; the video itself where that was done before.

    Raises UploadNotFound, ForeignUpload, UploadExpired, UploadIncomplete, ImportRunning, Conflict for
    a file of another size than it should have, Invalid for a partial.
    """
    with db.read() as tx:
        found = get_resumable(tx, actor, uid, finished=True)
        if found.state == "done":
            return _made_before(tx, actor, found)
    if found.kind == "partial":
        raise Invalid("A part of a file cannot be finalized.")
    if not found.is_whole:
        raise UploadIncomplete
    try:
        hold = Hold(db, storage, actor, found)
    except UploadLocked:
        raise ImportRunning from None
    except UploadNotFound:
        # It may have been finished at this very moment.
        with db.read() as tx:
            found = get_resumable(tx, actor, uid, finished=True)
            if found.state != "done":
                raise
            return _made_before(tx, actor, found)
    if os.fstat(hold.fd).st_size != hold.upload.length_bytes:
        hold.release()
        raise Conflict("The upload has another size than was declared.")
    return Importing(db, storage, actor, hold)


class Importing:
    """One import under way, held alone; `publish`, then `succeed` or `fail`, and `release` at the end.

    Left in between, by a crash too, it goes on with the next try.
    """

    def __init__(self, db: Database, storage: Storage, actor: Actor, hold: Hold) -> None:
        self.upload = hold.upload
        self._db = db
        self._storage = storage
        self._actor = actor
        self._hold = hold
        self._video: Video | None = None

    def publish(self) -> Video:
        """The upload as a video; its parts, if it has any, are gone then.

        Raises Invalid, FolderNotFound, UploadNotFound.
        """
        upload = self.upload
        with self._db.write() as tx:
            row = self._hold.row(tx)
            video = _find_video(tx, self._actor, row.video_uuid)
            if video is None:
                stored = StoredBytes(
                    uid=upload.file_uid,
                    key=key_of(upload.file_uid),
                    size_bytes=upload.offset_bytes,
                    sha256=upload.sha256,
                )
                video, _ = publish(tx, self._actor, stored, _entry(upload))
            row.state, row.message, row.video_uuid = "importing", None, video.uuid
            row.reserved_bytes = 0
            row.updated_at = tx.now
            files = _end_others(tx, upload)
        self._drop(files)
        self._video = video
        return video

    def succeed(self) -> None:
        """It is a video now; finalizing it again gives the same one."""
        with self._db.write() as tx:
            row = self._hold.row(tx)
            row.state, row.updated_at = "done", tx.now
        self._drop({self.upload.file_uid})

    def fail(self, message: str) -> None:
        """It is no video: take that back, keep the bytes and their room in the quota."""
        with self._db.write() as tx:
            if self._video is not None:
                with suppress(NotFound):
                    library.delete_video(tx, self._actor, self._video.uuid)
            row = self._hold.row(tx)
            row.state, row.message, row.video_uuid = "failed", message, None
            row.updated_at = tx.now
            if self._video is not None:
                row.reserved_bytes = self.upload.offset_bytes
        self._video = None

    def release(self) -> None:
        """Let others have the upload; may be called again."""
        self._hold.release()

    def _drop(self, file_uids: set[str]) -> None:
        for file_uid in file_uids:
            drop_file(self._db, self._storage, file_uid)


def _end_others(tx: Tx, upload: Resumable) -> set[str]:
    """What else was sent for the same film is over: its parts, of whatever group, and tries that were
    given up. The uids of their files.
    """
    others = tx.session.scalars(
        select(ResumableRow).where(
            ResumableRow.user_id == upload.user_id,
            or_(
                ResumableRow.group_uid == upload.group_uid,
                ResumableRow.uid.in_(upload.parts),
                ResumableRow.file_uid == upload.file_uid,
            ),
            ResumableRow.uid != upload.uid,
            ResumableRow.state.not_in(("done", "expired", "importing")),
        )
    )
    files = set()
    for row in others:
        row.state, row.reserved_bytes, row.updated_at = "done", 0, tx.now
        row.video_uuid = None
        files.add(file_of(row))
    return files


def _entry(upload: Resumable) -> Entry:
    return Entry(
        name=upload.name,
        filename=upload.name,
        folder_id=upload.folder_id,
        source=upload.source,
        visibility="unlisted",
    )


def _made_before(tx: Tx, actor: Actor, upload: Resumable) -> Video:
    video = _find_video(tx, actor, upload.video_uuid)
    if video is None:
        raise UploadNotFound
    return video


def _find_video(tx: Tx, actor: Actor, uuid: str | None) -> Video | None:
    video = library.find_video_by_uuid(tx, uuid) if uuid else None
    return video if video is not None and video.user_id == actor.user_id else None
