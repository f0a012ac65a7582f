"""The job of a remote download: fetch, publish, wait for what is in it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from polyreel.core import library, options
from polyreel.core.ingest.publish import Entry, StoredBytes, key_of, publish
from polyreel.core.ingest.remote.endings import (
    end_completed,
    on_cancelled,
    on_failed,
    owner_of,
)
from polyreel.core.ingest.remote.naming import IsPage
from polyreel.core.ingest.remote.pages import fetch_from_page
from polyreel.core.ingest.remote.states import ENDED, IMPORTING, JOB
from polyreel.core.ingest.remote.transfer import Bounds, Transfer
from polyreel.core.ingest.tables import RemoteRow
from polyreel.core.library import Video
from polyreel.infra.jobs import Job, JobCancelled, JobKind
from polyreel.infra.tools import Tools
from polyreel.infra.tx import DatabaseUnavailable, Tx
from polyreel.kit.errors import AppError, Busy, Invalid, NotFound, Unavailable

__all__ = ["KINDS"]

_LOOK_S = 120.0
_LONGEST_HOST = 200


def download(job: Job) -> None:
    """Fetch a file and make it a video; may run twice."""
    row = _begin(job)
    if row is None:
        return
    with _leaving_nothing(job):
        if row.video_uuid is None:
            transfer = Transfer(job, row, _bounds(job))
            try:
                _fetch(job, row.url, transfer)
                uuid = _publish(job, transfer)
            finally:
                transfer.close()
        else:
            uuid = row.video_uuid
        _look(job, uuid)
    with job.write() as tx:
        found = tx.session.get(RemoteRow, row.id)
        if found is not None:
            end_completed(tx, found, _host(found.url))
        job.complete(tx)


def _fetch(job: Job, url: str, transfer: Transfer) -> None:
    try:
        transfer.run()
    except IsPage:
        with job.tools.db.read() as tx:
            if not options.get_option(tx, "remote_pages_enabled"):
                raise
        fetch_from_page(job, url, transfer)


def _begin(job: Job) -> RemoteRow | None:
    with job.write() as tx:
        row = tx.session.get(RemoteRow, job.args["download_id"])
        if row is None or row.status in ENDED:
            return None
        if row.status == "canceling":
            job.stop("cancel")
            job.check()
        if row.video_uuid is None:
            row.status = "downloading"
        row.error = ""
        row.started_at = row.started_at or tx.now
        row.updated_at = tx.now
        return row


def _bounds(job: Job) -> Bounds:
    tools: Tools = job.tools
    with tools.db.read() as tx:
        found = options.read_options(tx)
    limits = (found.videocms_upload_max_bytes, tools.settings.upload_max_bytes)
    return Bounds(
        max_bytes=min((limit for limit in limits if limit), default=0),
        total_s=found.remote_download_timeout_s,
        min_free_bytes=tools.settings.min_free_bytes,
    )


def _publish(job: Job, transfer: Transfer) -> str:
    """The UUID of the video, made in the transaction that says so in the row."""
    tools: Tools = job.tools
    key = key_of(transfer.uid)
    stored = StoredBytes(
        uid=transfer.uid, key=key, size_bytes=transfer.size, sha256=transfer.sha256
    )
    job.check()
    with job.write() as tx:
        row = tx.session.get_one(RemoteRow, job.args["download_id"])
        entry = Entry(
            name=transfer.name,
            filename=transfer.name,
            folder_id=_folder(tx, row),
            source="remote",
            visibility="unlisted",
        )
        video, is_kept = publish(tx, owner_of(tx, row), stored, entry)
        row.status = "importing"
        row.video_id, row.video_uuid, row.media_id = video.id, video.uuid, video.media_id
        row.folder_id = video.folder_id
        row.reserved_bytes = 0
        row.has_file = False
        row.updated_at = tx.now
    if not is_kept:
        tools.storage.delete(key)
    job.report(IMPORTING, "importing")
    return video.uuid


def _folder(tx: Tx, row: RemoteRow) -> int | None:
    """Where it shall go; the root when that folder is gone."""
    try:
        library.may_add_to(tx, owner_of(tx, row), row.folder_id)
    except NotFound:
        return None
    return row.folder_id


def _look(job: Job, uuid: str) -> None:
    """Wait until something is known of the file; one that is no video goes again, and this fails."""
    tools: Tools = job.tools
    deadline = time.monotonic() + _LOOK_S
    video = _find(tools, uuid)
    while video is not None and video.state == "received" and time.monotonic() < deadline:
        job.cancelled.wait(0.2)
        job.check()
        video = _find(tools, uuid)
    if video is None or video.state != "failed":
        return
    with job.write() as tx:
        row = tx.session.get_one(RemoteRow, job.args["download_id"])
        library.delete_video(tx, owner_of(tx, row), uuid)
        row.video_id = row.video_uuid = row.media_id = None
    raise Invalid(video.message or "The file is not a video.")


def _find(tools: Tools, uuid: str) -> Video | None:
    with tools.db.read() as tx:
        return library.find_video_by_uuid(tx, uuid)


@contextmanager
def _leaving_nothing(job: Job) -> Iterator[None]:
    """Delete the bytes of what a person stopped, and of what can never become a video."""
    try:
        yield
    except JobCancelled:
        if job.stop_reason == "cancel":
            _discard(job)
        raise
    except (Busy, Unavailable) as error:
        if not isinstance(error, DatabaseUnavailable):
            _say(job, error)
        raise
    except AppError:
        _discard(job)
        raise


def _say(job: Job, error: AppError) -> None:
    """Why it pauses, for people who look meanwhile."""
    with job.write() as tx:
        row = tx.session.get(RemoteRow, job.args["download_id"])
        if row is not None:
            row.error = error.message


def _discard(job: Job) -> None:
    tools: Tools = job.tools
    with job.write() as tx:
        row = tx.session.get(RemoteRow, job.args["download_id"])
        if row is None or not row.has_file:
            return
        uid = row.uid
        row.has_file, row.validator = False, None
    tools.storage.delete(key_of(uid))


def _host(url: str) -> str:
    """The host as statistics name it, with its port where that is not the usual one."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "")[:_LONGEST_HOST]
        return f"{host}:{parts.port}" if parts.port else host
    except ValueError:
        return ""


KINDS = (
    JobKind(
        name=JOB,
        lane="net",
        run=download,
        max_attempts=6,
        backoff_s=5.0,
        on_failed=on_failed,
        on_cancelled=on_cancelled,
    ),
)
