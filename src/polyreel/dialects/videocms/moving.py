"""Moving links and folders. Contract: section 19; its document says GET, its panel sends PUT."""

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, route
from litestar.params import RawBody

from polyreel.core import library
from polyreel.dialects.videocms.answers import empty_answer
from polyreel.dialects.videocms.binder import Param, bind, sent_of
from polyreel.dialects.videocms.errors import missing_is_invalid
from polyreel.dialects.videocms.operations import told
from polyreel.dialects.videocms.translate import folder_id_of
from polyreel.http.face import KnownActor, ServerTools, WrongMethod
from polyreel.http.middleware import was_head

__all__ = ["move_items"]

CHAPTER = "Folders"


@dataclass(frozen=True)
class Move:
    """What to move, and where to: 0 is the root."""

    parent_folder_id: Annotated[int, Param("ParentFolderID")]
    folder_ids: Annotated[list[int], Param("FolderIDs")]
    link_ids: Annotated[list[int], Param("LinkIDs")]


@route(
    "/api/move",
    http_method=["PUT", "GET"],
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, admins=True, query=Move, takes=Move),
)
def move_items(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """All of these, or none. That a key may write is asked by the core: GET does not tell."""
    if was_head(request.scope):
        # A HEAD asks what there is; it moves nothing.
        raise WrongMethod("HEAD", request.url.path, ["GET", "PUT"])
    wish = bind(Move, sent_of(request, body), query=True)
    with missing_is_invalid(), tools.db.write() as tx:
        library.move_items(
            tx,
            actor,
            folder_id_of(wish.parent_folder_id),
            folder_ids=wish.folder_ids,
            video_ids=wish.link_ids,
        )
    return empty_answer(200)
