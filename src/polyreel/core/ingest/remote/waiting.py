"""Whose turn it is: so many downloads at once as an administrator allows, shared out between people."""

from datetime import timedelta

from sqlalchemy import func, select, update

from polyreel.core import options
from polyreel.core.ingest.publish import key_of
from polyreel.core.ingest.remote.states import JOB, job_key
from polyreel.core.ingest.tables import RemoteRow
from polyreel.infra.storage import Storage
from polyreel.infra.tx import Database, Tx

__all__ = ["KEPT", "start_waiting", "sweep_downloads"]

KEPT = timedelta(hours=24)
"""So long the bytes of a failed download wait for another try."""


def start_waiting(tx: Tx) -> None:
    """Start downloads that wait, as far as there is room. Called whenever one comes, or one ends."""
    found = options.read_options(tx)
    most = found.remote_downloads_at_once if found.remote_downloads_enabled else 0
    while _running(tx) < most:
        row = _next(tx)
        if row is None:
            return
        row.is_started = True
        tx.session.flush()
        key = job_key(row.id)
        tx.enqueue(JOB, key=key, owner_id=row.user_id, download_id=row.id)


def sweep_downloads(db: Database, storage: Storage) -> int:
    """Delete what was fetched by downloads that ended without a video: at once of cancelled ones,
    after a day of failed ones, which could have gone on. Starts what waits; how many were deleted.
    """
    with db.write() as tx:
        over = (RemoteRow.status.in_(("canceled", "completed"))) | (
            (RemoteRow.status == "failed") & (RemoteRow.finished_at < tx.now - KEPT)
        )
        uids = tx.session.scalars(
            update(RemoteRow)
            .where(RemoteRow.has_file.is_(True), over)
            .values(has_file=False, validator=None)
            .returning(RemoteRow.uid)
            .execution_options(synchronize_session=False)
        ).all()
        start_waiting(tx)
    for uid in uids:
        storage.delete(key_of(uid))
    return len(uids)


def _running(tx: Tx) -> int:
    query = select(func.count()).select_from(RemoteRow).where(RemoteRow.is_started.is_(True))
    return int(tx.session.scalar(query) or 0)


def _next(tx: Tx) -> RemoteRow | None:
    """Who has the fewest running goes first, then whose last turn is longest ago, then the oldest."""
    running = (
        select(RemoteRow.user_id, func.count().label("downloads"))
        .where(RemoteRow.is_started.is_(True))
        .group_by(RemoteRow.user_id)
        .subquery()
    )
    # A subselect of its own, since whole numbers compare alike on both databases and no turn is 0.
    turns = (
        select(RemoteRow.user_id, func.max(RemoteRow.started_at).label("last"))
        .group_by(RemoteRow.user_id)
        .subquery()
    )
    return tx.session.scalars(
        select(RemoteRow)
        .outerjoin(running, running.c.user_id == RemoteRow.user_id)
        .join(turns, turns.c.user_id == RemoteRow.user_id)
        .where(RemoteRow.status == "pending", RemoteRow.is_started.is_(False))
        .order_by(
            func.coalesce(running.c.downloads, 0),
            turns.c.last.is_not(None),
            turns.c.last,
            RemoteRow.id,
        )
        .limit(1)
    ).first()
