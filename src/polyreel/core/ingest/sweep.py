"""What dead processes left of their uploads."""

from datetime import timedelta

from sqlalchemy import delete, select

from polyreel.core.ingest.places import file_of
from polyreel.core.ingest.publish import key_of
from polyreel.core.ingest.tables import RemoteRow, ResumableRow, UploadRow
from polyreel.infra.storage import Storage
from polyreel.infra.tx import Database, Tx

__all__ = ["list_upload_keys", "sweep_uploads"]


def sweep_uploads(db: Database, storage: Storage, min_age_s: float) -> int:
    """End uploads that nobody has written to for `min_age_s` seconds, rows and files; how many.

    A live upload says so at least once a minute, so an age of some minutes harms none. Temporary
    files of that age go too, whoever made them.
    """
    with db.write() as tx:
        old = delete(UploadRow).where(UploadRow.updated_at <= tx.now - timedelta(seconds=min_age_s))
        keys = list(tx.session.scalars(old.returning(UploadRow.key)))
    # Published, but not recorded: with the row gone, nobody can record it any more.
    for key in keys:
        storage.delete(key)
    storage.sweep_temporary(min_age_s)
    return len(keys)


def list_upload_keys(tx: Tx) -> list[str]:
    """Storage keys that uploads under way are about to fill, or have just filled."""
    over = ("done", "expired")
    rows = tx.session.scalars(select(ResumableRow).where(ResumableRow.state.not_in(over)))
    uids = {file_of(row) for row in rows}
    fetched = tx.session.scalars(select(RemoteRow.uid).where(RemoteRow.has_file.is_(True)))
    return [*tx.session.scalars(select(UploadRow.key)), *map(key_of, uids), *map(key_of, fetched)]
