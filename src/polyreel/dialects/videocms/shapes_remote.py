"""The JSON of the chapter "Remote downloads"."""

import msgspec

from polyreel.dialects.videocms.shapes import Row

__all__ = ["Deleted", "RemoteDownload"]


class RemoteDownload(Row, kw_only=True):
    """A download. `Progress` 0 to 1, `Duration` in seconds, `TotalSize` 0: not known; ids are 0 until
    there is a link.
    """

    UserID: int
    ParentFolderID: int
    Url: str
    Name: str
    Status: str
    Progress: float
    Error: str
    LinkID: int
    LinkUUID: str
    FileID: int
    BytesDownloaded: int
    TotalSize: int
    Duration: float
    StartedAt: str | None
    FinishedAt: str | None
    CancelRequestedAt: str | None
    CanceledAt: str | None


class Deleted(msgspec.Struct, kw_only=True):
    """How many rows went."""

    deleted: int
