"""Media and videos without bytes."""

from polyreel.core.library import Media, Video, create_media, create_video
from polyreel.core.users import Actor
from polyreel.infra.tx import Tx

__all__ = ["make_media", "make_video"]


def make_media(tx: Tx, uid: str = "0" * 36) -> Media:
    """One more media."""
    return create_media(tx, uid=uid, sha256=None, size_bytes=10, original_key=f"media/{uid}/o")


def make_video(
    tx: Tx, actor: Actor, media: Media, *, name: str = "film", visibility: str = "unlisted"
) -> Video:
    """An entry of the actor's for a media."""
    return create_video(
        tx,
        actor,
        media=media,
        name=name,
        filename=f"{name}.mp4",
        folder_id=None,
        source="web",
        visibility=visibility,
    )
