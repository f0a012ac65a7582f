"""Remote downloads: a file of another server becomes a video, by a job that survives what breaks.

`orders.py` is what people ask for, `waiting.py` whose turn it is, `transfer.py` how bytes arrive and
go on after a break, `naming.py` what an answer says about itself, `work.py` the job around it.
"""

from polyreel.core.ingest.remote.orders import (
    DownloadNotFound,
    DownloadsDisabled,
    TooManyDownloads,
    cancel_download,
    create_downloads,
    delete_download,
    delete_downloads,
    follow_options,
    list_downloads,
    retry_download,
)
from polyreel.core.ingest.remote.states import ENDED, STATUSES, RemoteDownload
from polyreel.core.ingest.remote.waiting import start_waiting, sweep_downloads
from polyreel.core.ingest.remote.work import KINDS

__all__ = [
    "ENDED",
    "KINDS",
    "STATUSES",
    "DownloadNotFound",
    "DownloadsDisabled",
    "RemoteDownload",
    "TooManyDownloads",
    "cancel_download",
    "create_downloads",
    "delete_download",
    "delete_downloads",
    "follow_options",
    "list_downloads",
    "retry_download",
    "start_waiting",
    "sweep_downloads",
]
