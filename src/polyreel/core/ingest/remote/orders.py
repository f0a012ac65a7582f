"""What people ask for: fetch this, show me, stop, try again, forget it."""

from collections.abc import Sequence

from sqlalchemy import Select, delete, func, select

from polyreel.core import library, options, users
from polyreel.core.ingest.publish import key_of, new_uid
from polyreel.core.ingest.remote.endings import end_canceled
from polyreel.core.ingest.remote.states import (
    ACTIVE,
    ENDED,
    JOB,
    STATUSES,
    RemoteDownload,
    job_key,
    seen,
)
from polyreel.core.ingest.remote.waiting import start_waiting
from polyreel.core.ingest.tables import RemoteRow
from polyreel.core.library import FolderNotFound
from polyreel.core.users import Actor, allow
from polyreel.infra.jobs import JobState, cancel_jobs_by_key, list_jobs
from polyreel.infra.outbound import Outbound
from polyreel.infra.storage import Storage
from polyreel.infra.tx import Database, Tx
from polyreel.kit.errors import Busy, Conflict, Forbidden, Invalid, NotFound, Unavailable

__all__ = [
    "DownloadNotFound",
    "DownloadsDisabled",
    "TooManyDownloads",
    "cancel_download",
    "create_downloads",
    "delete_download",
    "delete_downloads",
    "follow_options",
    "list_downloads",
    "retry_download",
]


class DownloadNotFound(NotFound):
    """There is no such download of this person's."""

    default = "The download does not exist."


class DownloadsDisabled(Unavailable):
    """An administrator has switched remote downloads off."""

    def __init__(self) -> None:
        super().__init__("Remote download", retry_after_s=3600)
        self.message = "Remote downloads are switched off on this server."
        self.args = (self.message,)


class TooManyDownloads(Busy):
    """This person has as many unfinished downloads as they may have."""

    default = "Too many unfinished downloads; wait for one of them, or cancel it."


def create_downloads(
    db: Database,
    outbound: Outbound,
    actor: Actor,
    urls: Sequence[str],
    *,
    folder_id: int | None = None,
) -> list[RemoteDownload]:
    """Have these files fetched into a folder of the actor's own; all of them or none.

    Whether an address may be asked is seen when its turn comes: here it must only look like one.
    Raises DownloadsDisabled, Forbidden, Invalid, FolderNotFound, TooManyDownloads.
    """
    with db.read() as tx:
        _check_allowed(tx, actor)
    for url in urls:
        outbound.check_url(url)
    with db.write() as tx:
        _check_allowed(tx, actor)
        if folder_id is not None and (
            library.get_folder(tx, actor, folder_id).user_id != actor.user_id
        ):
            raise FolderNotFound
        _check_room(tx, actor, len(urls))
        rows = [
            RemoteRow(
                user_id=actor.user_id,
                folder_id=folder_id,
                url=url,
                uid=new_uid(),
                status="pending",
                created_at=tx.now,
                updated_at=tx.now,
            )
            for url in urls
        ]
        tx.session.add_all(rows)
        tx.session.flush()
        start_waiting(tx)
        return [seen(row) for row in rows]


def list_downloads(
    tx: Tx, actor: Actor, *, status: str | None = None, limit: int = 50, offset: int = 0
) -> list[RemoteDownload]:
    """The actor's own, newest first. Raises Invalid for a status that is none."""
    if status is not None and status not in STATUSES:
        raise Invalid("There is no such status.")
    query = _own(actor).order_by(RemoteRow.id.desc()).limit(limit).offset(offset)
    if status is not None:
        query = query.where(RemoteRow.status == status)
    rows = list(tx.session.scalars(query))
    live: dict[int, float] = {}
    if any(row.status == "downloading" for row in rows):
        running = list_jobs(tx, kind=JOB, owner_id=actor.user_id, states=[JobState.RUNNING])
        live = {job.args["download_id"]: job.progress for job in running}
    return [seen(row, live.get(row.id, 0.0)) for row in rows]


def cancel_download(db: Database, actor: Actor, download_id: int) -> None:
    """Stop a download: at once while it waits, soon while it runs; asking twice is no error.

    Raises DownloadNotFound, Conflict for one that has ended.
    """
    with db.write() as tx:
        row = _get(tx, actor, download_id)
        if row.status in ENDED:
            raise Conflict("The download has ended already.")
        _cancel(tx, row)


def follow_options(tx: Tx) -> None:
    """Make changed options count at once: switched off, everybody's downloads are stopped; allowed
    more, more begin. Called in the transaction that changes them.
    """
    if options.get_option(tx, "remote_downloads_enabled"):
        start_waiting(tx)
        return
    for row in tx.session.scalars(select(RemoteRow).where(RemoteRow.status.in_(ACTIVE))).all():
        _cancel(tx, row)


def retry_download(db: Database, actor: Actor, download_id: int) -> RemoteDownload:
    """Let one that failed or was cancelled begin anew; what a failed one has is not fetched again.

    Raises DownloadsDisabled, Forbidden, DownloadNotFound, Conflict, TooManyDownloads.
    """
    with db.write() as tx:
        _check_allowed(tx, actor)
        row = _get(tx, actor, download_id)
        if row.status not in ("failed", "canceled"):
            raise Conflict("Only a download that failed or was canceled can be tried again.")
        _check_room(tx, actor, 1)
        if not row.has_file:
            row.uid, row.received_bytes, row.validator = new_uid(), 0, None
        row.status, row.error = "pending", ""
        row.duration_ms = row.total_bytes = 0
        row.video_id = row.video_uuid = row.media_id = None
        row.started_at = row.finished_at = row.cancel_requested_at = row.canceled_at = None
        row.updated_at = tx.now
        tx.session.flush()
        start_waiting(tx)
        return seen(row)


def delete_download(db: Database, storage: Storage, actor: Actor, download_id: int) -> None:
    """Forget one that has ended; its video stays. Raises DownloadNotFound, Conflict."""
    with db.write() as tx:
        row = _get(tx, actor, download_id)
        if row.status not in ENDED:
            raise Conflict("The download has not ended; cancel it first.")
        uid = row.uid if row.has_file else None
        tx.session.delete(row)
    if uid is not None:
        storage.delete(key_of(uid))


def delete_downloads(db: Database, storage: Storage, actor: Actor, statuses: Sequence[str]) -> int:
    """Forget all of the actor's that ended in one of these ways; how many. Raises Invalid."""
    if not statuses or not set(statuses) <= set(ENDED):
        raise Invalid("Only downloads that have ended can be deleted.")
    allow(actor, "write", owner_id=actor.user_id)
    with db.write() as tx:
        gone = tx.session.execute(
            delete(RemoteRow)
            .where(RemoteRow.user_id == actor.user_id, RemoteRow.status.in_(statuses))
            .returning(RemoteRow.uid, RemoteRow.has_file)
            .execution_options(synchronize_session=False)
        ).all()
    for uid, has_file in gone:
        if has_file:
            storage.delete(key_of(uid))
    return len(gone)


def _own(actor: Actor) -> Select[RemoteRow]:
    return select(RemoteRow).where(RemoteRow.user_id == actor.user_id)


def _get(tx: Tx, actor: Actor, download_id: int) -> RemoteRow:
    row = tx.session.scalars(_own(actor).where(RemoteRow.id == download_id)).first()
    if row is None:
        raise DownloadNotFound
    allow(actor, "write", owner_id=row.user_id)
    return row


def _check_allowed(tx: Tx, actor: Actor) -> None:
    allow(actor, "write", owner_id=actor.user_id)
    if not options.get_option(tx, "remote_downloads_enabled"):
        raise DownloadsDisabled
    if not users.get_user(tx, actor.user_id).quota.remote_download_enabled:
        raise Forbidden("Remote downloads are switched off for you.")


def _check_room(tx: Tx, actor: Actor, more: int) -> None:
    query = select(func.count()).select_from(RemoteRow)
    mine = query.where(RemoteRow.user_id == actor.user_id, RemoteRow.status.in_(ACTIVE))
    most = users.get_user(tx, actor.user_id).quota.max_remote_downloads
    if int(tx.session.scalar(mine) or 0) + more > most:
        raise TooManyDownloads(retry_after_s=30)


def _cancel(tx: Tx, row: RemoteRow) -> None:
    if row.status == "canceling":
        return
    row.status, row.cancel_requested_at, row.updated_at = "canceling", tx.now, tx.now
    tx.session.flush()
    if not (row.is_started and cancel_jobs_by_key(tx, job_key(row.id))):
        end_canceled(tx, row)
