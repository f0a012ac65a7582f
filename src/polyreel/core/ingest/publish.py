"""Where the bytes of every way in lie, and how they become a video, in the caller's transaction."""

import uuid
from dataclasses import dataclass

from polyreel.core import library
from polyreel.core.library import Media, Video
from polyreel.core.media import ask_for_look
from polyreel.core.stats import Count, add_counts
from polyreel.core.users import Actor
from polyreel.infra.tx import Tx

__all__ = ["Entry", "StoredBytes", "keep_bytes", "key_of", "new_uid", "publish"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredBytes:
    """A whole file, durable under `key`. `sha256` None: nobody has read it in order yet; that is done
    behind the publication. `uid` becomes that of its media.
    """

    uid: str
    key: str
    size_bytes: int
    sha256: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What the video shall be."""

    name: str
    filename: str
    folder_id: int | None
    source: str
    visibility: str


def new_uid() -> str:
    """A name for a new original. Random from the first digit on, unlike our sortable ids: it is cut
    into folders.
    """
    return str(uuid.uuid4())


def key_of(uid: str) -> str:
    """The storage key of an original."""
    return f"media/{uid[:2]}/{uid}/original"


def publish(tx: Tx, actor: Actor, stored: StoredBytes, entry: Entry) -> tuple[Video, bool]:
    """The new video of the actor's, and whether the file is kept: False when the library has the same
    bytes already. Raises Invalid, FolderNotFound.
    """
    media, is_kept = keep_bytes(tx, actor, stored)
    video = library.create_video(
        tx,
        actor,
        media=media,
        name=entry.name,
        filename=entry.filename,
        folder_id=entry.folder_id,
        source=entry.source,
        visibility=entry.visibility,
    )
    if entry.source != "remote":
        # What was fetched has figures, and an event, of its own.
        add_counts(tx, [Count("upload", actor.user_id, stored.size_bytes, media.id)])
        _tell_finished(tx, video, stored.size_bytes)
    # Its twin may be ready for years.
    library.tell_state(tx, media.id)
    return video, is_kept


def _tell_finished(tx: Tx, video: Video, size_bytes: int) -> None:
    facts = {"uuid": video.uuid, "name": video.name, "size_bytes": size_bytes}
    data = {"video": facts, "source": video.source}
    tx.emit("upload.finished", owner_id=video.user_id, data=data)


def keep_bytes(
    tx: Tx, actor: Actor, stored: StoredBytes, *, priority: int | None = None
) -> tuple[Media, bool]:
    """The media of these bytes, its twin's or a new one that names the file, and whether the file is
    kept. `priority` of the job that looks at it, None: as usual. The caller makes a video of it.
    """
    twin = library.find_media_by_sha256(tx, stored.sha256) if stored.sha256 else None
    if twin is not None:
        if twin.state == "failed":
            # Whoever sends it again wants it tried again.
            library.update_media(tx, twin.id, state="received", message=None, progress=0.0)
            ask_for_look(tx, twin.id, actor.user_id, priority=priority)
        return twin, False
    media = library.create_media(
        tx,
        uid=stored.uid,
        sha256=stored.sha256,
        size_bytes=stored.size_bytes,
        original_key=stored.key,
    )
    ask_for_look(tx, media.id, actor.user_id, priority=priority)
    if stored.sha256 is None:
        key = f"hash:{media.id}"
        tx.enqueue("ingest.hash", key=key, owner_id=actor.user_id, media_id=media.id)
    return media, True
