"""`POST /api/file/upload` and `POST /api/file`: one file in one request. Contract: section 8, 8.1.

They differ in how the link is named and in how much they take. The answer waits until the file was looked into, since clients are told at once what is no video.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, post
from litestar.concurrency import sync_to_thread
from litestar.handlers import HTTPRouteHandler

from polyreel.core import ingest, library
from polyreel.core.ingest import Upload, UploadLimits
from polyreel.core.library import Video
from polyreel.core.options import Options, read_options
from polyreel.core.users import Actor
from polyreel.dialects.videocms.answers import json_answer
from polyreel.dialects.videocms.binder import REQUIRED, Param, bind_texts, most
from polyreel.dialects.videocms.limits import upload_limit
from polyreel.dialects.videocms.looking import check_suffix, wait_for_look
from polyreel.dialects.videocms.operations import file_told, told
from polyreel.dialects.videocms.shapes import Link
from polyreel.dialects.videocms.translate import folder_id_of, video_to_link
from polyreel.dialects.videocms.turns import Turns
from polyreel.http.auth import header
from polyreel.http.face import KnownActor, ServerTools, raw_of
from polyreel.http.middleware import Receive, Scope
from polyreel.http.uploads import Received, receive_upload
from polyreel.infra.tools import Tools
from polyreel.kit.errors import AppError, Forbidden, Invalid, NotFound, TooLarge, Unavailable

__all__ = ["make_uploads"]

CHAPTER = "Files"

_FORM_BYTES = 1024 * 1024
# Fields that come after the file count in its announced length: so much they may be.
_FIELDS_BYTES = 4096


@dataclass(frozen=True)
class Target:
    """Where a file shall go; 0 is the root."""

    parent_folder_id: Annotated[int, Param("ParentFolderID")]


@dataclass(frozen=True)
class NamedFile:
    """A file to be made a link of this name."""

    name: Annotated[str, Param("Name", REQUIRED, most(128))]
    parent_folder_id: Annotated[int, Param("ParentFolderID")]

    def link_name(self, filename: str) -> str:
        """What the link of a file is called."""
        return self.name


@dataclass(frozen=True)
class PlainFile:
    """A file to be made a link of the file's own name; upstream means it so, and never gets there."""

    name: Annotated[str, Param("Name", most(120))]
    parent_folder_id: Annotated[int, Param("ParentFolderID")]

    def link_name(self, filename: str) -> str:
        """What the link of a file is called."""
        return filename or self.name


@dataclass(frozen=True, kw_only=True)
class _Way:
    """What makes one endpoint different from the other; `limit` in bytes, 0: any size."""

    model: type[NamedFile] | type[PlainFile]
    limit: Callable[[Tools, Options], int]
    disabled: Callable[[], AppError]


def _post_limit(tools: Tools, options: Options) -> int:
    limit = upload_limit(tools.settings, options)
    return min(limit or options.videocms_post_max_bytes, options.videocms_post_max_bytes)


_UPLOAD = _Way(
    model=NamedFile,
    limit=lambda tools, options: upload_limit(tools.settings, options),
    disabled=lambda: Forbidden("Uploads are disabled."),
)
_CREATE = _Way(model=PlainFile, limit=_post_limit, disabled=lambda: Unavailable("Uploading"))


def make_uploads(probe_wait_s: float, turns: Turns) -> list[HTTPRouteHandler]:
    """The handlers; they wait at most so long for what is in the file, and take one file of a
    person's at a time.
    """

    async def take(request: Request[Any, Any, Any], actor: Actor, tools: Tools, way: _Way) -> Video:
        scope, receive = raw_of(request)
        with turns.taken(actor.user_id):
            video = await _receive(tools, actor, way, scope, receive)
            return await _look(tools, actor, video, probe_wait_s)

    @post(
        "/api/file/upload",
        status_code=200,
        opt=told(CHAPTER, takes=file_told("file", NamedFile), gives=Link),
    )
    async def upload_file(
        request: Request[Any, Any, Any], actor: KnownActor, tools: ServerTools
    ) -> Response[bytes]:
        """A file of any size in one form, and the link it became."""
        return json_answer(video_to_link(await take(request, actor, tools, _UPLOAD)))

    @post(
        "/api/file",
        status_code=200,
        opt=told(CHAPTER, takes=file_told("file", PlainFile), gives=Link),
    )
    async def create_file(
        request: Request[Any, Any, Any], actor: KnownActor, tools: ServerTools
    ) -> Response[bytes]:
        """The same for small files, named as the file is."""
        return json_answer(video_to_link(await take(request, actor, tools, _CREATE)))

    return [upload_file, create_file]


async def _receive(tools: Tools, actor: Actor, way: _Way, scope: Scope, receive: Receive) -> Video:
    """The bytes, safe on the disk, as a video."""
    options = await sync_to_thread(_options, tools)
    limit = way.limit(tools, options)
    refusal = None if options.uploads_enabled else way.disabled()
    refusal = refusal or _refusal(limit, scope)
    if refusal is not None:
        raise refusal
    limits = UploadLimits(max_bytes=limit, min_free_bytes=tools.settings.min_free_bytes)

    def begin(filename: str, declared_bytes: int | None, fields: Mapping[str, str]) -> Upload:
        _check_early(tools, actor, way, fields)
        return _begin(tools, actor, limits, declared_bytes)

    async with receive_upload(
        scope,
        receive,
        file_field="file",
        text_fields=["Name", "ParentFolderID"],
        begin=begin,
        fold_case=True,
    ) as received:
        return await sync_to_thread(_finish, tools, actor, way, received)


def _options(tools: Tools) -> Options:
    with tools.db.read() as tx:
        return read_options(tx)


def _refusal(limit: int, scope: Scope) -> AppError | None:
    """What the announced length says before the body is read."""
    announced = header(scope["headers"], "content-length") or ""
    if limit and announced.isdigit() and int(announced[:19]) > limit + _FORM_BYTES:
        return TooLarge()
    return None


def _check_early(tools: Tools, actor: Actor, way: _Way, fields: Mapping[str, str]) -> None:
    """Say what is wrong with the fields that came before the file before the file is read."""
    if "Name" in fields:
        bind_texts(way.model, fields)
    folder_id = folder_id_of(bind_texts(Target, fields).parent_folder_id)
    try:
        with tools.db.read() as tx:
            library.may_add_to(tx, actor, folder_id)
    except NotFound:
        raise _no_folder() from None


def _begin(tools: Tools, actor: Actor, limits: UploadLimits, declared_bytes: int | None) -> Upload:
    def begin(announced: int | None) -> Upload:
        return ingest.begin_upload(
            tools.db,
            tools.storage,
            actor,
            source="videocms",
            declared_bytes=announced,
            limits=limits,
        )

    try:
        return begin(declared_bytes)
    except TooLarge as error:
        # It may be the fields behind the file that are too much; the file itself is measured anyway.
        if declared_bytes is None:
            raise
        try:
            return begin(max(1, declared_bytes - _FIELDS_BYTES))
        except TooLarge:
            raise error from None


def _finish(tools: Tools, actor: Actor, way: _Way, received: Received) -> Video:
    wish: NamedFile | PlainFile = bind_texts(way.model, received.fields)
    upload = received.sink
    if not isinstance(upload, Upload):
        raise Invalid("There is no file in the form.")
    if not upload.size:
        raise Invalid("The file is empty.")
    check_suffix(tools, upload.sha256, wish.name, received.filename)
    try:
        return upload.finish(
            name=wish.link_name(received.filename),
            filename=received.filename,
            folder_id=folder_id_of(wish.parent_folder_id),
        )
    except NotFound:
        raise _no_folder() from None


async def _look(tools: Tools, actor: Actor, video: Video, wait_s: float) -> Video:
    """Wait until something is known of the file; one that is no video goes again.

    Raises Invalid with the reason.
    """
    video = await wait_for_look(tools, actor, video, wait_s)
    if video.state == "failed":
        await sync_to_thread(_delete, tools, actor, video.uuid)
        raise Invalid(video.message or "The file is not a video.")
    return video


def _delete(tools: Tools, actor: Actor, uuid: str) -> None:
    with suppress(NotFound), tools.db.write() as tx:
        library.delete_video(tx, actor, uuid)


def _no_folder() -> Invalid:
    return Invalid("The parent folder does not exist.")
