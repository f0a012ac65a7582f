"""The chapter "Tags". Contract: section 9; its LinkId has a small d."""

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, delete, post
from litestar.params import RawBody

from polyreel.core import library
from polyreel.dialects.videocms.answers import empty_answer, json_answer
from polyreel.dialects.videocms.binder import REQUIRED, Param, bind, most, sent_of
from polyreel.dialects.videocms.errors import missing_is_invalid
from polyreel.dialects.videocms.operations import told
from polyreel.dialects.videocms.shapes import Tag
from polyreel.dialects.videocms.translate import tag_to_row
from polyreel.http.face import KnownActor, ServerTools

__all__ = ["TAGS"]

CHAPTER = "Tags"


@dataclass(frozen=True)
class NewTag:
    """A word for a link."""

    name: Annotated[str, Param("Name", REQUIRED, most(120))]
    link_id: Annotated[int, Param("LinkId", REQUIRED)]


@dataclass(frozen=True)
class ChosenTag:
    """One tag of a link."""

    tag_id: Annotated[int, Param("TagId", REQUIRED)]
    link_id: Annotated[int, Param("LinkId", REQUIRED)]


@post(
    "/api/file/tag",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, takes=NewTag, gives=Tag),
)
def add_tag(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """The caller's tag of this name, made where there is none, for one of the caller's links."""
    wish = bind(NewTag, sent_of(request, body))
    with missing_is_invalid(), tools.db.write() as tx:
        tag = library.add_tag(tx, actor, wish.link_id, wish.name)
    return json_answer(tag_to_row(tag))


@delete(
    "/api/file/tag",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, query=ChosenTag, takes=ChosenTag),
)
def remove_tag(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """Take a tag from a link. The panel sends a multipart body here."""
    wish = bind(ChosenTag, sent_of(request, body), query=True)
    with missing_is_invalid(), tools.db.write() as tx:
        library.remove_tag(tx, actor, wish.link_id, wish.tag_id)
    return empty_answer(200)


TAGS = (add_tag, remove_tag)
"""The handlers of this chapter."""
