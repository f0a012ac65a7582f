"""The chapter "Files": listing and showing. Contract: section 8."""

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, get

from polyreel.core import library
from polyreel.core.library import FolderNotFound
from polyreel.core.media import list_renditions
from polyreel.dialects.videocms.answers import json_answer
from polyreel.dialects.videocms.binder import REQUIRED, Param, bind, sent_of
from polyreel.dialects.videocms.translate import folder_id_of, video_to_file, video_to_link
from polyreel.http.face import KnownActor, ServerTools
from polyreel.kit.errors import Invalid

__all__ = ["get_file", "list_files"]


@dataclass(frozen=True)
class WhichFolder:
    """A folder, 0 for the root, and whose: 0 for the caller's own."""

    parent_folder_id: Annotated[int, Param("ParentFolderID")]
    user_id: Annotated[int, Param("UserID")]


@dataclass(frozen=True)
class WhichLink:
    """One link."""

    link_id: Annotated[int, Param("LinkID", REQUIRED)]


@get("/api/files", sync_to_thread=True)
def list_files(
    request: Request[Any, Any, Any], actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """What lies directly in a folder, by name; another person's for administrators."""
    wish = bind(WhichFolder, sent_of(request), query=True)
    folder_id = folder_id_of(wish.parent_folder_id)
    try:
        with tools.db.read() as tx:
            videos = library.list_videos(tx, actor, folder_id, owner_id=wish.user_id or None)
    except FolderNotFound as error:
        raise Invalid(error.message) from None
    return json_answer([video_to_link(each) for each in videos])


@get("/api/file", sync_to_thread=True)
def get_file(
    request: Request[Any, Any, Any], actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """One of the caller's links, any for administrators; the panel asks every two seconds."""
    wish = bind(WhichLink, sent_of(request), query=True)
    with tools.db.read() as tx:
        video = library.get_video(tx, actor, wish.link_id)
        renditions = list_renditions(tx, video.media_id)
    return json_answer(video_to_file(video, renditions))
