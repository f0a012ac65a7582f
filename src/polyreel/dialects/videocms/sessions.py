"""The chapter "Resumable uploads", beside tus itself: the list, and making videos of what has arrived.

Contract: section 10.8 and 10.9.
"""

import asyncio
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from polyreel.core import ingest
from polyreel.core.ingest import Importing, Resumable
from polyreel.core.library import FolderNotFound, Video
from polyreel.core.users import Actor
from polyreel.dialects.videocms.answers import json_answer
from polyreel.dialects.videocms.looking import check_suffix, wait_for_look
from polyreel.dialects.videocms.operations import told
from polyreel.dialects.videocms.schemas import UUID_TEXT
from polyreel.dialects.videocms.shapes import Link
from polyreel.dialects.videocms.translate import time_text, video_to_link
from polyreel.http.face import KnownActor, ServerTools
from polyreel.infra.tools import Tools
from polyreel.kit.errors import Invalid

__all__ = ["list_sessions", "make_finalize"]

CHAPTER = "Resumable uploads"


class Session(msgspec.Struct):
    """An unfinished upload. `TusID` is its name in addresses."""

    ID: int
    CreatedAt: str
    Name: str
    UUID: str
    ClientUploadUUID: str
    TusID: str
    Size: int
    Offset: int
    PartCount: int
    Status: str
    ExpiresAt: str


@get("/api/uploads/sessions", sync_to_thread=True, opt=told(CHAPTER, gives=list[Session]))
def list_sessions(
    request: Request[Any, Any, Any], actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """The caller's unfinished uploads, newest first, without the parts they are made of."""
    with tools.db.read() as tx:
        found = ingest.list_resumables(tx, actor)
    return json_answer([_session(each) for each in found])


def make_finalize(probe_wait_s: float) -> HTTPRouteHandler:
    """The handler; it waits at most so long for what is in the file."""

    @post(
        "/api/uploads/{upload_id:str}/finalize",
        status_code=200,
        opt=told(CHAPTER, path={"upload_id": UUID_TEXT}, gives=Link, also=(400, 404, 409, 410)),
    )
    async def finalize_upload(
        upload_id: FromPath[str], actor: KnownActor, tools: ServerTools
    ) -> Response[bytes]:
        """Make a link of an upload that has arrived; asked again, the same link."""
        found = await sync_to_thread(ingest.begin_import, tools.db, tools.storage, actor, upload_id)
        if isinstance(found, Importing):
            # Not broken off with the client: who comes back then gets its answer.
            work = asyncio.ensure_future(_import(tools, actor, found, probe_wait_s))
            found = await asyncio.shield(work)
        return json_answer(video_to_link(found))

    return finalize_upload


async def _import(tools: Tools, actor: Actor, importing: Importing, wait_s: float) -> Video:
    try:
        video = await sync_to_thread(_publish, tools, importing)
        video = await wait_for_look(tools, actor, video, wait_s)
        if video.state == "failed":
            reason = video.message or "The file is not a video."
            await sync_to_thread(importing.fail, reason)
            raise Invalid(reason)
        await sync_to_thread(importing.succeed)
        return video
    finally:
        importing.release()


def _publish(tools: Tools, importing: Importing) -> Video:
    upload = importing.upload
    try:
        if not upload.offset_bytes:
            raise Invalid("The file is empty.")
        check_suffix(tools, upload.sha256, upload.name)
        return importing.publish()
    except (Invalid, FolderNotFound) as error:
        importing.fail(error.message)
        raise Invalid(error.message) from None


def _session(upload: Resumable) -> Session:
    return Session(
        ID=upload.id,
        CreatedAt=time_text(upload.created_at),
        Name=upload.name,
        UUID=upload.uid,
        ClientUploadUUID=upload.group_uid,
        TusID=upload.uid,
        Size=upload.length_bytes or 0,
        Offset=upload.offset_bytes,
        PartCount=len(upload.parts),
        Status=upload.state,
        ExpiresAt=time_text(upload.expires_at),
    )
