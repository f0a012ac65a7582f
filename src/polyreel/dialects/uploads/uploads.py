"""The chapter "Uploads": send a file, ask how far it is. Source: the Video Uploads API's document."""

from collections.abc import Mapping
from typing import Any

from litestar import Request, Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.params import FromPath

from polyreel.core import ingest, library
from polyreel.core.ingest import Upload, UploadLimits
from polyreel.core.library import Video, VideoNotFound
from polyreel.core.users import Actor
from polyreel.dialects.uploads.errors import UPLOADS_AT_ONCE
from polyreel.dialects.uploads.operations import told
from polyreel.dialects.uploads.shapes import Accepted, UploadList, UploadStatus
from polyreel.dialects.uploads.translate import (
    path_to_names,
    video_to_accepted,
    video_to_listed,
    video_to_upload,
)
from polyreel.http.auth import header
from polyreel.http.face import KnownActor, ServerTools, raw_of
from polyreel.http.middleware import Scope
from polyreel.http.multipart import MalformedBody
from polyreel.http.operations import Parameter
from polyreel.http.throttle import Throttle
from polyreel.http.uploads import Received, receive_upload
from polyreel.infra.tools import Tools
from polyreel.infra.tx import Tx
from polyreel.kit.errors import Invalid, NotFound

__all__ = ["THROTTLE", "create_upload", "get_upload", "list_uploads"]

_BASE = "/api/client/v1"
_LISTED = 50
_LONGEST_KEY = 255
_NO_STORE = {"Cache-Control": "no-store"}
_ONCE = "The same key within a day gives the same answer, and no second upload."
_UUID = {"type": "string", "format": "uuid"}
_FORM = {
    "type": "object",
    "properties": {
        "video": {"type": "string", "format": "binary"},
        "folder": {"type": "string", "description": "A collection, such as root/my-folder."},
    },
    "required": ["video", "folder"],
}

# Per server and tenant.
THROTTLE = Throttle(burst=UPLOADS_AT_ONCE, every_s=0.5)


class CollectionNotFound(NotFound):
    """A folder path that leads nowhere."""

    default = "The specified collection path was not found."


@post(
    f"{_BASE}/uploads",
    status_code=202,
    opt=told(
        Accepted,
        *(404, 413, 422, 429, 507),
        status=202,
        takes={"multipart/form-data": _FORM},
        parameters=(Parameter(name="Idempotency-Key", place="header", note=_ONCE),),
    ),
)
async def create_upload(
    request: Request[Any, Any, Any], actor: KnownActor, tools: ServerTools
) -> Response[Accepted]:
    """Take a file. The body is not touched before the key is known, and never held as a whole."""
    scope, receive = raw_of(request)
    THROTTLE.take((tools.settings.data_dir, actor.user_id))
    once = _idempotency_key(scope)
    earlier = await sync_to_thread(_find_answer, tools, actor, once) if once else None
    if earlier is not None:
        return _accepted(earlier)

    def begin(filename: str, declared_bytes: int | None, fields: Mapping[str, str]) -> Upload:
        if "folder" in fields:
            _check_folder(tools, actor, fields["folder"])
        return ingest.begin_upload(
            tools.db,
            tools.storage,
            actor,
            source="uploads",
            declared_bytes=declared_bytes,
            limits=UploadLimits(
                max_bytes=tools.settings.upload_max_bytes,
                min_free_bytes=tools.settings.min_free_bytes,
            ),
        )

    try:
        async with receive_upload(
            scope, receive, file_field="video", text_fields=["folder"], begin=begin
        ) as received:
            return _accepted(await sync_to_thread(_finish, tools, actor, received, once))
    except MalformedBody:
        # Whatever came is no form: none of its fields did.
        raise _faults(Received()) from None


@get(f"{_BASE}/uploads", sync_to_thread=True, opt=told(UploadList))
def list_uploads(actor: KnownActor, tools: ServerTools) -> Response[UploadList]:
    """The tenant's 50 most recent videos, whichever way they came in."""
    with tools.db.read() as tx:
        videos = library.list_recent_videos(tx, actor, limit=_LISTED)
    return Response(UploadList([video_to_listed(each) for each in videos]), headers=_NO_STORE)


@get(
    f"{_BASE}/uploads/{{video_id:str}}",
    sync_to_thread=True,
    opt=told(
        UploadStatus,
        404,
        parameters=(Parameter(name="video_id", place="path", schema=_UUID),),
    ),
)
def get_upload(
    video_id: FromPath[str], actor: KnownActor, tools: ServerTools
) -> Response[UploadStatus]:
    """One upload of the tenant's own; those of others do not exist."""
    with tools.db.read() as tx:
        video = library.find_video_by_uuid(tx, video_id)
    if video is None or video.user_id != actor.user_id:
        raise VideoNotFound
    reason = video.message if video.state == "failed" else None
    return Response(UploadStatus(video_to_upload(video), reason), headers=_NO_STORE)


def _accepted(video: Video) -> Response[Accepted]:
    return Response(video_to_accepted(video), status_code=202, headers=_NO_STORE)


def _idempotency_key(scope: Scope) -> str | None:
    key = (header(scope["headers"], "idempotency-key") or "").strip()
    if len(key) > _LONGEST_KEY:
        raise Invalid(fields={"Idempotency-Key": ["The Idempotency-Key header is too long."]})
    return key or None


def _find_answer(tools: Tools, actor: Actor, once: str) -> Video | None:
    with tools.db.read() as tx:
        return ingest.find_answer(tx, actor, once)


def _finish(tools: Tools, actor: Actor, received: Received, once: str | None) -> Video:
    upload, folder = received.sink, received.fields.get("folder", "")
    if not isinstance(upload, Upload) or not upload.size or not folder.strip():
        raise _faults(received)
    return upload.finish(
        name=received.filename,
        filename=received.filename,
        folder_id=_folder_id(tools, actor, folder),
        once=once,
    )


def _faults(received: Received) -> Invalid:
    """What is wrong with a form, field by field in the order of the document."""
    found: dict[str, list[str]] = {}
    if received.sink is None:
        is_wrong = received.is_file_text or received.is_unnamed
        text = "must be a file with a name" if is_wrong else "is required"
        found["video"] = [f"The video field {text}."]
    elif not received.sink.size:
        found["video"] = ["The video field must not be an empty file."]
    folder = received.fields.get("folder", "")
    if not folder.strip():
        found["folder"] = ["The folder field is required."]
    else:
        try:
            path_to_names(folder)
        except Invalid as error:
            found |= error.fields
    return Invalid(fields=found)


def _check_folder(tools: Tools, actor: Actor, path: str) -> None:
    """Where the folder comes first, say that there is none before the file is read."""
    names = path_to_names(path)
    with tools.db.read() as tx:
        if names is None or (names and not _may_be_made(tools, tx, actor, names)):
            raise CollectionNotFound


def _may_be_made(tools: Tools, tx: Tx, actor: Actor, names: list[str]) -> bool:
    return (
        tools.settings.uploads_create_folders
        or library.find_folder_by_path(tx, actor, names) is not None
    )


def _folder_id(tools: Tools, actor: Actor, path: str) -> int | None:
    """The id of a folder path; None for the root. Raises Invalid, CollectionNotFound."""
    names = path_to_names(path)
    if names is None:
        raise CollectionNotFound
    if not names:
        return None
    with tools.db.read() as tx:
        found = library.find_folder_by_path(tx, actor, names)
    if found is None and tools.settings.uploads_create_folders:
        with tools.db.write() as tx:
            found = library.ensure_folder_path(tx, actor, names)
    if found is None:
        raise CollectionNotFound
    return found.id
