"""Ingest: how bytes come in and become a video: uploads, files of this machine."""

from polyreel.core.ingest.errors import StorageFull, UploadLost
from polyreel.core.ingest.files import add_file
from polyreel.core.ingest.once import delete_expired_answers, find_answer
from polyreel.core.ingest.reservations import UploadLimits
from polyreel.core.ingest.sweep import list_upload_keys, sweep_uploads
from polyreel.core.ingest.uploads import Upload, begin_upload

__all__ = [
    "StorageFull",
    "Upload",
    "UploadLimits",
    "UploadLost",
    "add_file",
    "begin_upload",
    "delete_expired_answers",
    "find_answer",
    "list_upload_keys",
    "sweep_uploads",
]
