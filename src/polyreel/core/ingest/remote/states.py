"""Where a remote download stands, and what others may see of it.

pending -> downloading -> importing -> completed, or failed; canceling -> canceled at any time before.
"""

from dataclasses import dataclass
from datetime import datetime

from polyreel.core.ingest.tables import RemoteRow

__all__ = ["ACTIVE", "ENDED", "IMPORTING", "JOB", "STATUSES", "RemoteDownload", "job_key", "seen"]

ACTIVE = ("pending", "downloading", "importing", "canceling")
ENDED = ("completed", "failed", "canceled")
STATUSES = (*ACTIVE, *ENDED)

JOB = "ingest.remote"
IMPORTING = 0.95
"""The progress at which all bytes are there."""


@dataclass(frozen=True, kw_only=True)
class RemoteDownload:
    """A download as it stood when it was read. `progress` 0 to 1; `total_bytes` 0: not known.

    `duration_ms` was spent fetching. `video_id`, `video_uuid` and `media_id` are None until there is
    a video; `error` is a sentence for one that failed, else empty.
    """

    id: int
    user_id: int
    folder_id: int | None
    url: str
    name: str
    status: str
    progress: float
    error: str
    video_id: int | None
    video_uuid: str | None
    media_id: int | None
    received_bytes: int
    total_bytes: int
    duration_ms: int
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    canceled_at: datetime | None


def job_key(download_id: int) -> str:
    """The key of the job that does it."""
    return f"remote:{download_id}"


def seen(row: RemoteRow, live: float = 0.0) -> RemoteDownload:
    """What may be seen of a row; `live` is how far its job says it is."""
    names = RemoteDownload.__dataclass_fields__
    values = {name: getattr(row, name) for name in names if name != "progress"}
    return RemoteDownload(**values, progress=_progress(row, live))


def _progress(row: RemoteRow, live: float) -> float:
    match row.status:
        case "completed":
            return 1.0
        case "importing":
            return IMPORTING
        case "downloading":
            known = IMPORTING * row.received_bytes / row.total_bytes if row.total_bytes else 0.0
            return min(IMPORTING, max(known, live))
        case _:
            return 0.0
