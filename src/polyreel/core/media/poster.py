"""A picture that someone chose for a video: decoded, made small enough, written anew, shown."""

import threading
import uuid
from pathlib import Path

from polyreel.core.library import get_video, set_poster
from polyreel.core.users import Actor
from polyreel.infra.ffmpeg import FFmpeg
from polyreel.infra.pictures import HEAD_BYTES, find_kind, picture_input_args, picture_limits
from polyreel.infra.tools import Tools
from polyreel.kit.errors import Busy, Invalid

MAX_WIDTH, MAX_HEIGHT = 1920, 1080
_MAX_BYTES = 8 * 1024 * 1024
_TIMEOUT_S = 30.0
# Each takes a core and some hundred megabytes; who comes meanwhile waits for a while.
_turns = threading.BoundedSemaphore(2)
_PATIENCE_S = 15.0


def choose_poster(tools: Tools, actor: Actor, video_id: int, picture: Path) -> None:
    """Show `picture`, a JPEG, PNG or WebP file, for a video, as WebP that fits 1920x1080.

    Raises VideoNotFound; Invalid for what is none of these, or broken; Busy.
    """
    with tools.db.read() as tx:
        get_video(tx, actor, video_id)
    image = _written_anew(tools.ffmpeg, picture)
    uid = str(uuid.uuid4())
    key = f"posters/{uid[:2]}/{uid}.webp"
    with tools.storage.create(key) as staged:
        staged.path.write_bytes(image)
        staged.commit()
    try:
        with tools.db.write() as tx:
            set_poster(tx, actor, video_id, key)
    except BaseException:
        # No row names it; the sweep would find it later.
        tools.storage.delete(key)
        raise


def _written_anew(ffmpeg: FFmpeg, picture: Path) -> bytes:
    with picture.open("rb") as file:
        kind = find_kind(file.read(HEAD_BYTES))
    if kind is None:
        raise Invalid("Only JPEG, PNG and WebP pictures are taken.")
    if not _turns.acquire(timeout=_PATIENCE_S):
        raise Busy("Too many pictures are being made; please try again.", retry_after_s=5)
    made = bytearray()
    size = f"w='min(iw,{MAX_WIDTH})':h='min(ih,{MAX_HEIGHT})'"
    args = [
        *picture_input_args(picture, kind),
        *("-map", "0:v:0", "-frames:v", "1", "-map_metadata", "-1"),
        *("-vf", f"scale={size}:force_original_aspect_ratio=decrease:flags=bicubic,setsar=1"),
        *("-c:v", "libwebp", "-quality", "82", "-f", "webp", "{sink0}"),
    ]
    try:
        done = ffmpeg.run(args, sinks=[made.extend], timeout_s=_TIMEOUT_S, limits=picture_limits())
    finally:
        _turns.release()
    # Exit code 0 proves nothing.
    is_whole = find_kind(bytes(made[:HEAD_BYTES])) is not None and len(made) <= _MAX_BYTES
    if not done.is_success or not is_whole:
        raise Invalid("The picture cannot be read.")
    return bytes(made)
