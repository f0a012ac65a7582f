"""Errors of ingest, by name."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from polyreel.kit.errors import (
    Busy,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    TooLarge,
    Unavailable,
)

__all__ = [
    "BodyTooLong",
    "ChecksumMismatch",
    "ForeignUpload",
    "ImportRunning",
    "PartRejected",
    "PartUnfinished",
    "StorageFull",
    "TooManyUploads",
    "UploadComplete",
    "UploadExpired",
    "UploadIncomplete",
    "UploadInterrupted",
    "UploadLocked",
    "UploadLost",
    "UploadNotFound",
    "UploadsDisabled",
    "WrongLength",
    "WrongOffset",
    "full_disk_is_said",
]


class StorageFull(Unavailable):
    """The disk has no room for this."""

    def __init__(self) -> None:
        super().__init__("Storage space")


class UploadLost(Gone):
    """Its row is gone: swept because nothing arrived for too long, or its owner was deleted."""

    default = "The upload took too long and was given up."


class UploadsDisabled(Forbidden):
    """An administrator has switched uploads off."""

    default = "Uploads are switched off on this server."


class UploadNotFound(NotFound):
    """There is no such upload, or its bytes are lost, or it has become a video."""

    default = "The upload does not exist."


class ForeignUpload(Forbidden):
    """It is another person's."""

    default = "This upload belongs to someone else."


class UploadExpired(Gone):
    """It was not finished in its time."""

    default = "The upload has expired."


class TooManyUploads(Invalid):
    """This person has as many unfinished uploads as they may have."""

    default = "Too many unfinished uploads; finish or cancel one of them first."


class WrongLength(Invalid):
    """The length that is declared cannot be that of this upload."""

    default = "The length does not fit this upload."


class WrongOffset(Conflict):
    """Bytes were sent for another place than `offset_bytes`, where the upload goes on."""

    def __init__(self, offset_bytes: int) -> None:
        self.offset_bytes = offset_bytes
        super().__init__("The upload goes on at another offset.")


class BodyTooLong(TooLarge):
    """More bytes than the upload has room for; none of this request count."""

    default = "The body is longer than what is left of the upload."


class ChecksumMismatch(Invalid):
    """The bytes are not those that the checksum was made of; none of this request count."""

    default = "The checksum does not match."


class UploadLocked(Busy):
    """Another request changes this upload, and cannot be stopped."""

    default = "Another request is changing this upload."


class UploadInterrupted(Conflict):
    """A newer request for the same upload took over; what arrived before is kept."""

    default = "A newer request took this upload over."


class UploadComplete(Forbidden):
    """It is made of parts: nothing can be added to it."""

    default = "A concatenated upload cannot be changed."


class PartRejected(Invalid):
    """What shall be concatenated is no partial upload of this person's."""

    default = "Only partial uploads of your own can be concatenated."


class PartUnfinished(Invalid):
    """A part still misses bytes."""

    default = "A part of the upload is not finished."


class UploadIncomplete(Conflict):
    """Bytes are missing."""

    default = "The upload is not complete."


class ImportRunning(Conflict):
    """It is being made a video at this moment."""

    default = "The upload is being imported already."


@contextmanager
def full_disk_is_said() -> Iterator[None]:
    """Turn the system's words for a full disk into StorageFull."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageFull from error
        raise
