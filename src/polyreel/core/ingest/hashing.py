"""The SHA-256 of what was published before anybody had read it in order; twins are joined then."""

import hashlib
import os

from sqlalchemy import or_, select

from polyreel.core import library
from polyreel.core.ingest.tables import ResumableRow
from polyreel.core.library import Media
from polyreel.infra.jobs import Job, JobKind
from polyreel.infra.tools import Tools
from polyreel.infra.tx import Tx
from polyreel.kit.errors import NotFound

__all__ = ["KINDS"]

_BLOCK_BYTES = 4 * 1024 * 1024


def hash_media(job: Job) -> None:
    """Hash an original; where the library has the same bytes already, its videos point there."""
    tools: Tools = job.tools
    with tools.db.read() as tx:
        media = _find(tx, job.args["media_id"])
    if media is None or media.sha256 is not None:
        return
    try:
        sha256 = _digest(job, tools, media)
    except FileNotFoundError:
        # Deleted with its last video, or this has been done by an attempt before.
        return
    with job.write() as tx:
        gone = _settle(tx, media.id, sha256)
        job.complete(tx)
    if gone is not None:
        tools.storage.delete(gone)


def _digest(job: Job, tools: Tools, media: Media) -> str:
    digest, done = hashlib.sha256(), 0
    fd = tools.storage.open_read(media.source_key)
    try:
        while block := os.read(fd, _BLOCK_BYTES):
            digest.update(block)
            done += len(block)
            job.check()
            job.report(min(1.0, done / max(1, media.size_bytes)))
    finally:
        os.close(fd)
    return digest.hexdigest()


def _settle(tx: Tx, media_id: int, sha256: str) -> str | None:
    """Record it; the key of an original that nobody needs any more, or None."""
    media = _find(tx, media_id)
    if media is None:
        return None
    twin = library.find_media_by_sha256(tx, sha256)
    if twin is None:
        library.set_media_sha256(tx, media.id, sha256)
        return None
    if twin.state == "failed":
        # The newer one is being tried again: it takes the place of the one that failed.
        library.join_media(tx, twin.id, media.id)
        library.set_media_sha256(tx, media.id, sha256)
        return None if _is_held(tx, twin) else twin.original_key
    library.join_media(tx, media.id, twin.id)
    return None if _is_held(tx, media) else media.original_key


def _is_held(tx: Tx, media: Media) -> bool:
    """Whether an import may yet want the bytes for another try."""
    held = select(ResumableRow.id).where(
        or_(ResumableRow.uid == media.uid, ResumableRow.file_uid == media.uid),
        ResumableRow.state.not_in(("done", "expired")),
    )
    return tx.session.scalar(held) is not None


def _find(tx: Tx, media_id: int) -> Media | None:
    try:
        return library.get_media(tx, media_id)
    except NotFound:
        return None


KINDS = (
    JobKind(name="ingest.hash", about="media_id", lane="fast", run=hash_media, priority=5, limit=2),
)
