"""Ingest: how bytes come in and become a video: uploads, in one request or many, files of other
servers, files of this machine.
"""

from polyreel.core.ingest.appending import CHECKSUMS, Appending, Checksum
from polyreel.core.ingest.cloning import BytesNotFound, clone_by_sha256
from polyreel.core.ingest.concatenating import concatenate
from polyreel.core.ingest.errors import (
    BodyTooLong,
    ChecksumMismatch,
    ForeignUpload,
    ImportRunning,
    PartRejected,
    PartUnfinished,
    StorageFull,
    TooManyUploads,
    UploadComplete,
    UploadExpired,
    UploadIncomplete,
    UploadInterrupted,
    UploadLocked,
    UploadLost,
    UploadNotFound,
    UploadsDisabled,
    WrongLength,
    WrongOffset,
)
from polyreel.core.ingest.files import add_file
from polyreel.core.ingest.holding import (
    Digests,
    Hold,
    ask_to_let_go,
    asked_to_let_go,
    hold_resumable,
)
from polyreel.core.ingest.importing import Importing, begin_import
from polyreel.core.ingest.once import delete_expired_answers, find_answer
from polyreel.core.ingest.remote import (
    DownloadNotFound,
    DownloadsDisabled,
    RemoteDownload,
    TooManyDownloads,
    cancel_download,
    create_downloads,
    delete_download,
    delete_downloads,
    follow_options,
    list_downloads,
    retry_download,
    sweep_downloads,
)
from polyreel.core.ingest.reservations import UploadLimits
from polyreel.core.ingest.resumable import (
    NewResumable,
    Resumable,
    ResumableLimits,
    create_resumable,
    get_resumable,
    list_resumables,
    sweep_resumables,
)
from polyreel.core.ingest.sweep import list_upload_keys, sweep_uploads
from polyreel.core.ingest.tasks import KINDS
from polyreel.core.ingest.uploads import Upload, begin_upload

__all__ = [
    "CHECKSUMS",
    "KINDS",
    "Appending",
    "BodyTooLong",
    "BytesNotFound",
    "Checksum",
    "ChecksumMismatch",
    "Digests",
    "DownloadNotFound",
    "DownloadsDisabled",
    "ForeignUpload",
    "Hold",
    "ImportRunning",
    "Importing",
    "NewResumable",
    "PartRejected",
    "PartUnfinished",
    "RemoteDownload",
    "Resumable",
    "ResumableLimits",
    "StorageFull",
    "TooManyDownloads",
    "TooManyUploads",
    "Upload",
    "UploadComplete",
    "UploadExpired",
    "UploadIncomplete",
    "UploadInterrupted",
    "UploadLimits",
    "UploadLocked",
    "UploadLost",
    "UploadNotFound",
    "UploadsDisabled",
    "WrongLength",
    "WrongOffset",
    "add_file",
    "ask_to_let_go",
    "asked_to_let_go",
    "begin_import",
    "begin_upload",
    "cancel_download",
    "clone_by_sha256",
    "concatenate",
    "create_downloads",
    "create_resumable",
    "delete_download",
    "delete_downloads",
    "delete_expired_answers",
    "find_answer",
    "follow_options",
    "get_resumable",
    "hold_resumable",
    "list_downloads",
    "list_resumables",
    "list_upload_keys",
    "retry_download",
    "sweep_downloads",
    "sweep_resumables",
    "sweep_uploads",
]
