"""The chapter "Folders". Contract: section 7."""

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, post
from litestar.params import RawBody

from polyreel.core import library
from polyreel.core.library import FolderNotFound
from polyreel.dialects.videocms.answers import json_answer
from polyreel.dialects.videocms.binder import REQUIRED, Param, bind, most, sent_of
from polyreel.dialects.videocms.translate import folder_id_of, folder_to_row
from polyreel.http.face import KnownActor, ServerTools
from polyreel.kit.errors import Invalid

__all__ = ["create_folder"]


@dataclass(frozen=True)
class NewFolder:
    """A folder to be made; `parent_folder_id` 0 is the root."""

    name: Annotated[str, Param("Name", REQUIRED, most(120))]
    parent_folder_id: Annotated[int, Param("ParentFolderID")]


@post("/api/folder", status_code=200, sync_to_thread=True)
def create_folder(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """A new folder of the caller's."""
    wish = bind(NewFolder, sent_of(request, body))
    try:
        with tools.db.write() as tx:
            folder = library.create_folder(
                tx, actor, wish.name, folder_id_of(wish.parent_folder_id)
            )
    except FolderNotFound as error:
        raise Invalid(error.message) from None
    return json_answer(folder_to_row(folder))
