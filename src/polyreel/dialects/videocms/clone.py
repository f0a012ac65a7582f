"""`POST /api/file/clone`: one more link to bytes that are here already. Contract: section 8.

Upstream hands out anyone's file to who knows its hash; here only the caller's own.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, post
from litestar.params import RawBody

from polyreel.core import ingest
from polyreel.core.library import FolderNotFound
from polyreel.dialects.videocms.answers import json_answer
from polyreel.dialects.videocms.binder import REQUIRED, Param, bind, most, sent_of
from polyreel.dialects.videocms.operations import told
from polyreel.dialects.videocms.rules import SHA256
from polyreel.dialects.videocms.shapes import Link
from polyreel.dialects.videocms.translate import folder_id_of, video_to_link
from polyreel.http.face import KnownActor, ServerTools
from polyreel.kit.errors import Invalid

__all__ = ["clone_file"]

CHAPTER = "Files"


@dataclass(frozen=True)
class Clone:
    """A link to be made of known bytes."""

    name: Annotated[str, Param("Name", REQUIRED, most(120))]
    sha256: Annotated[str, Param("Sha256", REQUIRED, SHA256)]
    parent_folder_id: Annotated[int, Param("ParentFolderID")]


@post(
    "/api/file/clone",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, takes=Clone, gives=Link, also=(404,)),
)
def clone_file(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """A new link of the caller's to a file that one of the caller's links has."""
    wish = bind(Clone, sent_of(request, body))
    try:
        with tools.db.write() as tx:
            video = ingest.clone_by_sha256(
                tx,
                actor,
                wish.sha256,
                name=wish.name,
                folder_id=folder_id_of(wish.parent_folder_id),
                source="videocms",
            )
    except FolderNotFound as error:
        raise Invalid(error.message) from None
    return json_answer(video_to_link(video))
