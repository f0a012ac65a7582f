"""The chapter "Files": listing, showing, searching, renaming, deleting. Contract: section 8."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, delete, get, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import RawBody

from polyreel.core import library
from polyreel.core.library import Video
from polyreel.core.media import list_renditions, list_subtitles
from polyreel.core.options import read_options
from polyreel.dialects.videocms.answers import empty_answer, json_answer
from polyreel.dialects.videocms.binder import REQUIRED, Param, bind, most, sent_of
from polyreel.dialects.videocms.errors import missing_is_invalid
from polyreel.dialects.videocms.limits import check_selection
from polyreel.dialects.videocms.operations import told
from polyreel.dialects.videocms.shapes import File, Link
from polyreel.dialects.videocms.translate import folder_id_of, video_to_file, video_to_link
from polyreel.http.face import KnownActor, ServerTools
from polyreel.http.throttle import Throttle
from polyreel.infra.tx import Tx

__all__ = ["FILES", "make_search"]

CHAPTER = "Files"


@dataclass(frozen=True)
class WhichFolder:
    """A folder, 0 for the root, and whose: 0 for the caller's own."""

    parent_folder_id: Annotated[int, Param("ParentFolderID")]
    user_id: Annotated[int, Param("UserID")]


@dataclass(frozen=True)
class Question:
    """Part of a name, and whose files: 0 for the caller's own."""

    text: Annotated[str, Param("Query", REQUIRED, most(120))]
    user_id: Annotated[int, Param("UserID")]


@dataclass(frozen=True)
class ChosenLink:
    """One link."""

    link_id: Annotated[int, Param("LinkID", REQUIRED)]


@dataclass(frozen=True)
class ChosenLinks:
    """Any number of links."""

    links: Annotated[list[ChosenLink], Param("LinkIDs", REQUIRED)]


@dataclass(frozen=True)
class RenamedLink:
    """A link and its new name."""

    link_id: Annotated[int, Param("LinkID", REQUIRED)]
    name: Annotated[str, Param("Name", REQUIRED, most(120))]


@get(
    "/api/files",
    sync_to_thread=True,
    opt=told(CHAPTER, admins=True, query=WhichFolder, gives=list[Link]),
)
def list_files(
    request: Request[Any, Any, Any], actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """What lies directly in a folder, by name; another person's for administrators."""
    wish = bind(WhichFolder, sent_of(request), query=True)
    folder_id = folder_id_of(wish.parent_folder_id)
    with missing_is_invalid(), tools.db.read() as tx:
        videos = library.list_videos(tx, actor, folder_id, owner_id=wish.user_id or None)
        links = _links(tx, videos)
    return json_answer(links)


def make_search(throttle: Throttle) -> HTTPRouteHandler:
    """The handler of `GET /api/files/search`, counting everybody's searches in `throttle`."""

    @get(
        "/api/files/search",
        sync_to_thread=True,
        opt=told(CHAPTER, admins=True, query=Question, gives=list[Link]),
    )
    def search_files(
        request: Request[Any, Any, Any], actor: KnownActor, tools: ServerTools
    ) -> Response[bytes]:
        """Links in any folder whose name holds a text; another person's for administrators."""
        wish = bind(Question, sent_of(request), query=True)
        throttle.take(actor.user_id)
        with tools.db.read() as tx:
            videos = library.search_videos(tx, actor, wish.text, owner_id=wish.user_id or None)
            links = _links(tx, videos)
        return json_answer(links)

    return search_files


@get(
    "/api/file",
    sync_to_thread=True,
    opt=told(CHAPTER, admins=True, query=ChosenLink, gives=File, also=(404,)),
)
def get_file(
    request: Request[Any, Any, Any], actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """One of the caller's links, any for administrators; the panel asks every two seconds."""
    wish = bind(ChosenLink, sent_of(request), query=True)
    with tools.db.read() as tx:
        video = library.get_video(tx, actor, wish.link_id)
        renditions = list_renditions(tx, video.media_id)
        tags = library.list_tags(tx, [video.id])
        texts = list_subtitles(tx, video.media_id, video.id)
    return json_answer(video_to_file(video, renditions, tags.get(video.id, []), texts))


@put(
    "/api/file",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, admins=True, takes=RenamedLink),
)
def rename_file(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """Another name for a link."""
    wish = bind(RenamedLink, sent_of(request, body))
    with missing_is_invalid(), tools.db.write() as tx:
        library.rename_video(tx, actor, wish.link_id, wish.name)
    return empty_answer(200)


@delete(
    "/api/file",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, admins=True, query=ChosenLink, takes=ChosenLink),
)
def delete_file(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """One link; its bytes go when it was the last."""
    wish = bind(ChosenLink, sent_of(request, body), query=True)
    with missing_is_invalid(), tools.db.write() as tx:
        library.delete_videos(tx, actor, [wish.link_id])
    return empty_answer(200)


@delete(
    "/api/files",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, admins=True, takes=ChosenLinks),
)
def delete_files(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """Many links, all or none. The panel takes an answer without content, 204, for a failure."""
    wish = bind(ChosenLinks, sent_of(request, body))
    with missing_is_invalid(), tools.db.write() as tx:
        most_items = read_options(tx).max_items_multi_delete
        ids = check_selection([each.link_id for each in wish.links], most_items)
        library.delete_videos(tx, actor, ids)
    return empty_answer(200)


def _links(tx: Tx, videos: Sequence[Video]) -> list[Link]:
    tags = library.list_tags(tx, [each.id for each in videos])
    return [video_to_link(each, tags.get(each.id, [])) for each in videos]


FILES = (list_files, get_file, rename_file, delete_file, delete_files)
"""The handlers of this chapter that need nothing else."""
