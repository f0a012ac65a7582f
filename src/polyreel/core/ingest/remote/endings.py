"""How a download ends, in the transaction that ends it; each end lets the next one begin."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from polyreel.core import library, users
from polyreel.core.ingest.remote.states import ENDED
from polyreel.core.ingest.remote.waiting import start_waiting
from polyreel.core.ingest.tables import RemoteRow
from polyreel.core.stats import Count, add_counts
from polyreel.core.users import Actor
from polyreel.infra.tx import Tx
from polyreel.kit.errors import NotFound

__all__ = ["end_canceled", "end_completed", "on_cancelled", "on_failed", "owner_of"]

_LONGEST_ERROR = 1000


def owner_of(tx: Tx, row: RemoteRow) -> Actor:
    """Whose download it is, acting by the server's hands."""
    return users.actor_of(users.get_user(tx, row.user_id))


def end_completed(tx: Tx, row: RemoteRow, host: str) -> None:
    """There is a video. Only now it counts in the statistics."""
    _end(tx, row, "completed")
    fetched = Count("remote", row.user_id, row.received_bytes, label=host)
    add_counts(tx, [fetched, Count("remote_time", row.user_id, row.duration_ms, label=host)])
    video = {"uuid": row.video_uuid, "name": row.name}
    _tell(tx, row, "finished", video=video, host=host, size_bytes=row.received_bytes)


def end_canceled(tx: Tx, row: RemoteRow) -> None:
    """Stopped by a person: a video that was made meanwhile goes again."""
    if row.video_uuid is not None:
        with suppress(NotFound):
            library.delete_video(tx, owner_of(tx, row), row.video_uuid)
        row.video_id = row.video_uuid = row.media_id = None
    row.canceled_at = tx.now
    _end(tx, row, "canceled")


def on_failed(tx: Tx, args: Mapping[str, Any], message: str) -> None:
    """The job was given up."""
    row = tx.session.get(RemoteRow, args["download_id"])
    if row is not None and row.status not in ENDED:
        row.error = message[:_LONGEST_ERROR]
        _end(tx, row, "failed")
        _tell(tx, row, "failed", message=row.error)


def on_cancelled(tx: Tx, args: Mapping[str, Any]) -> None:
    """The job was stopped, before or while it ran."""
    row = tx.session.get(RemoteRow, args["download_id"])
    if row is not None and row.status not in ENDED:
        end_canceled(tx, row)


def _tell(tx: Tx, row: RemoteRow, how: str, **facts: Any) -> None:
    # Not its address: people put passwords and tickets into those.
    data = {"download_id": row.id, "name": row.name, **facts}
    tx.emit(f"remote_download.{how}", owner_id=row.user_id, data=data)


def _end(tx: Tx, row: RemoteRow, status: str) -> None:
    row.status = status
    row.reserved_bytes = 0
    row.is_started = False
    row.finished_at = row.updated_at = tx.now
    tx.session.flush()
    start_waiting(tx)
