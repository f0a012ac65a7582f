"""The bodies of this API, their keys in the order of its document."""

import msgspec

__all__ = ["Accepted", "AcceptedUpload", "ListedUpload", "Upload", "UploadList", "UploadStatus"]


class AcceptedUpload(msgspec.Struct, frozen=True):
    """An upload just taken."""

    id: str
    status: int
    status_text: str


class Accepted(msgspec.Struct, frozen=True):
    """The answer to an upload."""

    message: str
    data: AcceptedUpload


class Upload(msgspec.Struct, frozen=True):
    """One upload, asked for by its id."""

    id: str
    filename: str
    status: int
    status_text: str


class UploadStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer about one upload. `message`, beside the document's keys, is why one failed."""

    data: Upload
    message: str | None = None


class ListedUpload(msgspec.Struct, frozen=True):
    """One upload of the list."""

    id: str
    filename: str
    status: int
    status_text: str
    created_at: str
    updated_at: str


class UploadList(msgspec.Struct, frozen=True):
    """The most recent uploads, newest first."""

    data: list[ListedUpload]
