"""The chapter "Folders". Contract: section 7."""

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import RawBody

from polyreel.core import library
from polyreel.core.options import read_options
from polyreel.core.users import Actor
from polyreel.dialects.videocms.answers import empty_answer, json_answer
from polyreel.dialects.videocms.binder import REQUIRED, Param, bind, most, sent_of
from polyreel.dialects.videocms.errors import missing_is_invalid
from polyreel.dialects.videocms.limits import check_selection
from polyreel.dialects.videocms.operations import told
from polyreel.dialects.videocms.shapes import Folder
from polyreel.dialects.videocms.translate import folder_id_of, folder_to_row
from polyreel.dialects.videocms.turns import Turns
from polyreel.http.face import KnownActor, ServerTools
from polyreel.infra.tools import Tools

__all__ = ["make_folders"]

CHAPTER = "Folders"


@dataclass(frozen=True)
class WhichFolder:
    """A folder, 0 for the root, and whose: 0 for the caller's own."""

    parent_folder_id: Annotated[int, Param("ParentFolderID")]
    user_id: Annotated[int, Param("UserID")]


@dataclass(frozen=True)
class NewFolder:
    """A folder to be made; `parent_folder_id` 0 is the root."""

    name: Annotated[str, Param("Name", REQUIRED, most(120))]
    parent_folder_id: Annotated[int, Param("ParentFolderID")]


@dataclass(frozen=True)
class RenamedFolder:
    """A folder and its new name."""

    folder_id: Annotated[int, Param("FolderID", REQUIRED)]
    name: Annotated[str, Param("Name", REQUIRED, most(120))]


@dataclass(frozen=True)
class ChosenFolder:
    """One folder."""

    folder_id: Annotated[int, Param("FolderID", REQUIRED)]


@dataclass(frozen=True)
class ChosenFolders:
    """Folders of one parent."""

    folders: Annotated[list[ChosenFolder], Param("FolderIDs", REQUIRED)]


@get(
    "/api/folders",
    sync_to_thread=True,
    opt=told(CHAPTER, admins=True, query=WhichFolder, gives=list[Folder]),
)
def list_folders(
    request: Request[Any, Any, Any], actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """What lies directly in a folder, by name; another person's for administrators."""
    wish = bind(WhichFolder, sent_of(request), query=True)
    parent_id = folder_id_of(wish.parent_folder_id)
    with missing_is_invalid(), tools.db.read() as tx:
        folders = library.list_folders(tx, actor, parent_id, owner_id=wish.user_id or None)
    return json_answer([folder_to_row(each) for each in folders])


@post(
    "/api/folder",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, takes=NewFolder, gives=Folder),
)
def create_folder(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """A new folder of the caller's."""
    wish = bind(NewFolder, sent_of(request, body))
    parent_id = folder_id_of(wish.parent_folder_id)
    with missing_is_invalid(), tools.db.write() as tx:
        folder = library.create_folder(tx, actor, wish.name, parent_id)
    return json_answer(folder_to_row(folder))


@put(
    "/api/folder",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, admins=True, takes=RenamedFolder),
)
def rename_folder(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """Another name for a folder."""
    wish = bind(RenamedFolder, sent_of(request, body))
    with missing_is_invalid(), tools.db.write() as tx:
        library.rename_folder(tx, actor, wish.folder_id, wish.name)
    return empty_answer(200)


def make_folders(turns: Turns) -> list[HTTPRouteHandler]:
    """The handlers of this chapter; folders are deleted by one call of a person's at a time."""

    @delete(
        "/api/folder",
        status_code=200,
        sync_to_thread=True,
        opt=told(CHAPTER, admins=True, query=ChosenFolder, takes=ChosenFolder),
    )
    def delete_folder(
        request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
    ) -> Response[bytes]:
        """A folder and all that is in it."""
        wish = bind(ChosenFolder, sent_of(request, body), query=True)
        with turns.taken(actor.user_id):
            _delete(tools, actor, [wish])
        return empty_answer(200)

    @delete(
        "/api/folders",
        status_code=200,
        sync_to_thread=True,
        opt=told(CHAPTER, admins=True, takes=ChosenFolders),
    )
    def delete_folders(
        request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
    ) -> Response[bytes]:
        """Folders of one parent and all that is in them, all or none."""
        wish = bind(ChosenFolders, sent_of(request, body))
        with turns.taken(actor.user_id):
            _delete(tools, actor, wish.folders)
        return empty_answer(200)

    return [list_folders, create_folder, rename_folder, delete_folder, delete_folders]


def _delete(tools: Tools, actor: Actor, chosen: list[ChosenFolder]) -> None:
    with missing_is_invalid(), tools.db.write() as tx:
        most_items = read_options(tx).max_items_multi_delete
        ids = check_selection([each.folder_id for each in chosen], most_items)
        library.delete_folders(tx, actor, ids, most_videos=most_items)
