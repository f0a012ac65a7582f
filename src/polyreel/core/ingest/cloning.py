"""One more video of bytes that the library has already, without sending them again."""

from polyreel.core import library
from polyreel.core.ingest.reservations import within_quota
from polyreel.core.library import Video
from polyreel.core.users import Actor
from polyreel.infra.tx import Tx
from polyreel.kit.errors import NotFound

__all__ = ["BytesNotFound", "clone_by_sha256"]


class BytesNotFound(NotFound):
    """The actor has no video of these bytes; who else has is not told."""

    default = "There is no such file."


def clone_by_sha256(
    tx: Tx, actor: Actor, sha256: str, *, name: str, folder_id: int | None, source: str
) -> Video:
    """Make a video of the actor's from bytes that one of their videos has.

    To know the hash of a stranger's file is not to have it.
    Raises BytesNotFound, FolderNotFound, QuotaExceeded, Invalid.
    """
    library.may_add_to(tx, actor, folder_id)
    own = library.find_own_video_by_sha256(tx, actor, sha256)
    if own is None:
        raise BytesNotFound
    within_quota(tx, actor.user_id, least=own.size_bytes, wanted=own.size_bytes)
    video = library.create_video(
        tx,
        actor,
        media=library.get_media(tx, own.media_id),
        name=name,
        filename=own.filename,
        folder_id=folder_id,
        source=source,
        visibility=own.visibility,
    )
    library.tell_state(tx, own.media_id)
    return video
