"""From our words to this API's, and back."""

from polyreel.core.library import Video
from polyreel.dialects.uploads.shapes import Accepted, AcceptedUpload, ListedUpload, Upload
from polyreel.kit import clock
from polyreel.kit.errors import Invalid

__all__ = ["path_to_names", "video_to_accepted", "video_to_listed", "video_to_upload"]

_PENDING = (1, "pending")
_PROCESSING = (3, "processing")
_COMPLETED = (6, "completed")
_FAILED = (7, "failed")

# 5 (uploading) would be the way of finished files to a remote storage; ours are made where they stay.
# A video plays long before 6, which the API's clients take for "nothing more will happen".
_STATUS = {
    "received": _PENDING,
    "processing": _PROCESSING,
    "playable": _PROCESSING,
    "ready": _COMPLETED,
    "damaged": _COMPLETED,
    "failed": _FAILED,
}


def video_to_accepted(video: Video) -> Accepted:
    """The answer to an upload: always pending, also where a twin is ready already."""
    number, text = _PENDING
    return Accepted(
        message="Upload accepted and is now being processed.",
        data=AcceptedUpload(id=video.uuid, status=number, status_text=text),
    )


def video_to_upload(video: Video) -> Upload:
    """One upload, without times."""
    number, text = _STATUS[video.state]
    return Upload(id=video.uuid, filename=video.filename, status=number, status_text=text)


def video_to_listed(video: Video) -> ListedUpload:
    """One upload of the list."""
    number, text = _STATUS[video.state]
    return ListedUpload(
        id=video.uuid,
        filename=video.filename,
        status=number,
        status_text=text,
        created_at=clock.iso(video.created_at),
        updated_at=clock.iso(video.changed_at),
    )


def path_to_names(path: str) -> list[str] | None:
    """Folder names below the root of a collection path; None for one that does not begin there.

    Blanks around it and one slash at its end do not count. Raises Invalid.
    """
    names = path.strip().removesuffix("/").split("/")
    if any(name in ("", ".", "..") or "\0" in name for name in names):
        raise Invalid(
            fields={"folder": ["The folder field must be a path such as root/my-folder."]}
        )
    return names[1:] if names[0] == "root" else None
