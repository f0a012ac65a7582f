"""The chapter "Remote downloads". Contract: section 11."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from litestar import Request, Response, delete, get, post
from litestar.params import FromPath, RawBody

from polyreel.core import ingest
from polyreel.dialects.videocms.answers import empty_answer, json_answer, text_answer
from polyreel.dialects.videocms.binder import REQUIRED, Param, bind, least, most, sent_of
from polyreel.dialects.videocms.errors import missing_is_invalid
from polyreel.dialects.videocms.operations import TEXT, told
from polyreel.dialects.videocms.rules import URL, Rule, one_of
from polyreel.dialects.videocms.schemas import ROW_ID
from polyreel.dialects.videocms.shapes_remote import Deleted, RemoteDownload
from polyreel.dialects.videocms.translate import folder_id_of, time_text
from polyreel.dialects.videocms.translate_people import path_id
from polyreel.http.face import KnownActor, ServerTools

__all__ = ["REMOTE"]

CHAPTER = "Remote downloads"

_USUAL_LIMIT, _HIGHEST_LIMIT = 50, 200
_HIGHEST_OFFSET = 2**31 - 1
_UNIQUE = Rule("unique", "", lambda items: len(set(items)) == len(items))


@dataclass(frozen=True)
class Wanted:
    """Files to be fetched; 0 is the root."""

    urls: Annotated[list[str], Param("Urls", REQUIRED, least(1), most(20), each=[REQUIRED, URL])]
    parent_folder_id: Annotated[int, Param("ParentFolderID")]


@dataclass(frozen=True)
class Which:
    """A stretch of a list; without a limit it is of the usual length."""

    status: Annotated[str, Param("Status")]
    limit: Annotated[int, Param("Limit")]
    offset: Annotated[int, Param("Offset")]


@dataclass(frozen=True)
class Ended:
    """Rows to be deleted, by how they ended."""

    statuses: Annotated[
        list[str],
        Param(
            "Statuses",
            REQUIRED,
            least(1),
            most(3),
            _UNIQUE,
            each=[one_of("completed", "failed", "canceled")],
        ),
    ]


@post(
    "/api/remote/download",
    status_code=201,
    sync_to_thread=True,
    opt=told(CHAPTER, takes=Wanted, gives=list[RemoteDownload], status=201),
)
def create_downloads(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """Have files fetched: a row for each address, in the same order."""
    wish = bind(Wanted, sent_of(request, body))
    folder_id = folder_id_of(wish.parent_folder_id)
    with missing_is_invalid():
        made = ingest.create_downloads(
            tools.db, tools.outbound, actor, wish.urls, folder_id=folder_id
        )
    return json_answer(_rows(made), 201)


@get(
    "/api/remote/downloads",
    sync_to_thread=True,
    opt=told(CHAPTER, query=Which, gives=list[RemoteDownload]),
)
def list_downloads(
    request: Request[Any, Any, Any], actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """The caller's own, newest first; the panel asks every few seconds."""
    wish = bind(Which, sent_of(request), query=True)
    with tools.db.read() as tx:
        found = ingest.list_downloads(
            tx,
            actor,
            status=wish.status or None,
            limit=min(wish.limit or _USUAL_LIMIT, _HIGHEST_LIMIT),
            offset=min(wish.offset, _HIGHEST_OFFSET),
        )
    return json_answer(_rows(found))


@post(
    "/api/remote/download/{download_id:str}/cancel",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, path={"download_id": ROW_ID}, gives=TEXT, also=(404, 409)),
)
def cancel_download(
    download_id: FromPath[str], actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """Stop one that has not ended."""
    ingest.cancel_download(tools.db, actor, path_id(download_id))
    return text_answer("ok")


@post(
    "/api/remote/download/{download_id:str}/retry",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, path={"download_id": ROW_ID}, gives=RemoteDownload, also=(404, 409)),
)
def retry_download(
    download_id: FromPath[str], actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """Try one again that failed or was canceled."""
    return json_answer(_row(ingest.retry_download(tools.db, actor, path_id(download_id))))


@delete(
    "/api/remote/download/{download_id:str}",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, path={"download_id": ROW_ID}, status=204, also=(404, 409)),
)
def delete_download(
    download_id: FromPath[str], actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """Forget one that has ended; its link stays."""
    ingest.delete_download(tools.db, tools.storage, actor, path_id(download_id))
    return empty_answer(204)


@delete(
    "/api/remote/downloads",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, query=Ended, takes=Ended, gives=Deleted),
)
def delete_downloads(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """Forget all that ended in these ways."""
    wish = bind(Ended, sent_of(request, body), query=True)
    deleted = ingest.delete_downloads(tools.db, tools.storage, actor, wish.statuses)
    return json_answer(Deleted(deleted=deleted))


REMOTE = (
    create_downloads,
    list_downloads,
    cancel_download,
    retry_download,
    delete_download,
    delete_downloads,
)
"""The handlers of this chapter."""


def _rows(found: Sequence[ingest.RemoteDownload]) -> list[RemoteDownload]:
    return [_row(each) for each in found]


def _row(found: ingest.RemoteDownload) -> RemoteDownload:
    # A retry begins with an empty row here, whatever bytes it goes on with.
    has_begun = found.status != "pending"
    return RemoteDownload(
        ID=found.id,
        CreatedAt=time_text(found.created_at),
        UpdatedAt=time_text(found.updated_at),
        UserID=found.user_id,
        ParentFolderID=found.folder_id or 0,
        Url=found.url,
        Name=found.name,
        Status=found.status,
        Progress=found.progress,
        Error=found.error,
        LinkID=found.video_id or 0,
        LinkUUID=found.video_uuid or "",
        FileID=found.media_id or 0,
        BytesDownloaded=found.received_bytes if has_begun else 0,
        TotalSize=found.total_bytes if has_begun else 0,
        Duration=found.duration_ms / 1000,
        StartedAt=_time(found.started_at),
        FinishedAt=_time(found.finished_at),
        CancelRequestedAt=_time(found.cancel_requested_at),
        CanceledAt=_time(found.canceled_at),
    )


def _time(moment: datetime | None) -> str | None:
    return time_text(moment) if moment is not None else None
