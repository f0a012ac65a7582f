"""The chapter "Web pages", and what everybody reads of them. Contract: sections 5 and 18."""

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, delete, get, post, put
from litestar.params import RawBody

from polyreel.core import pages
from polyreel.core.pages import Draft, PageNotFound, PathTaken
from polyreel.dialects.videocms.answers import json_answer, text_answer
from polyreel.dialects.videocms.auth import require_admin
from polyreel.dialects.videocms.binder import REQUIRED, Param, bind, least, most, sent_of
from polyreel.dialects.videocms.operations import TEXT, told
from polyreel.dialects.videocms.shapes_people import Page, PublicPage
from polyreel.dialects.videocms.translate import time_text
from polyreel.http.face import KnownActor, ServerTools
from polyreel.kit.errors import Invalid

__all__ = ["PAGES", "PUBLIC_PAGES"]

CHAPTER = "Web pages"


@dataclass(frozen=True)
class _Written:
    """What someone wrote."""

    path: Annotated[str, Param("Path", REQUIRED, least(2), most(50))]
    title: Annotated[str, Param("Title", REQUIRED, least(2), most(128))]
    html: Annotated[str, Param("Html", REQUIRED, most(50_000))]
    in_footer: Annotated[bool | None, Param("ListInFooter", REQUIRED)]


@dataclass(frozen=True)
class _Which:
    """One page by its row."""

    page_id: Annotated[int, Param("WebPageID", REQUIRED)]


@dataclass(frozen=True)
class _Where:
    """One page by its path."""

    path: Annotated[str, Param("Path", REQUIRED, least(2), most(50))]


@get("/api/pages", sync_to_thread=True, opt=told(CHAPTER, who="admin", gives=list[Page]))
def list_pages(actor: KnownActor, tools: ServerTools) -> Response[bytes]:
    """Every page as it was written, for the editor."""
    require_admin(actor)
    with tools.db.read() as tx:
        found = pages.list_pages(tx, actor)
    return json_answer([_row(each) for each in found])


@post(
    "/api/page",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, who="admin", takes=_Written, gives=TEXT),
)
def create_page(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """A new page; its path ends in a slash."""
    require_admin(actor)
    wish = bind(_Written, sent_of(request, body))
    path = wish.path if wish.path.endswith("/") else f"{wish.path}/"
    try:
        with tools.db.write() as tx:
            pages.create_page(tx, actor, _draft(wish, path))
    except PathTaken as error:
        raise Invalid(error.message) from None
    return text_answer("ok")


@put(
    "/api/page",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, who="admin", takes=(_Which, _Written), gives=TEXT, also=(404,)),
)
def change_page(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """Another text for a page, its path as it was sent."""
    require_admin(actor)
    sent = sent_of(request, body)
    page_id, wish = bind(_Which, sent).page_id, bind(_Written, sent)
    try:
        with tools.db.write() as tx:
            pages.update_page(tx, actor, page_id, _draft(wish, wish.path))
    except PathTaken as error:
        raise Invalid(error.message) from None
    return text_answer("ok")


@delete(
    "/api/page",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, who="admin", takes=_Which, gives=TEXT),
)
def delete_page(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """Take a page away."""
    require_admin(actor)
    wish = bind(_Which, sent_of(request, body))
    try:
        with tools.db.write() as tx:
            pages.delete_page(tx, actor, wish.page_id)
    except PageNotFound as error:
        raise Invalid(error.message) from None
    return text_answer("ok")


@get("/api/p/pages", sync_to_thread=True, opt=told(CHAPTER, who="anyone", gives=list[PublicPage]))
def list_public_pages(tools: ServerTools) -> Response[bytes]:
    """What there is to read, for everybody."""
    with tools.db.read() as tx:
        found = pages.list_page_titles(tx)
    return json_answer(
        [
            PublicPage(Path=each.path, Title=each.title, ListInFooter=each.in_footer)
            for each in found
        ]
    )


@get(
    "/api/p/page",
    sync_to_thread=True,
    opt=told(CHAPTER, who="anyone", query=_Where, gives=TEXT, also=(404,)),
)
def read_public_page(request: Request[Any, Any, Any], tools: ServerTools) -> Response[bytes]:
    """A page's HTML as text: the panel puts it into a page of its own, so it is made safe here."""
    wish = bind(_Where, sent_of(request), query=True)
    with tools.db.read() as tx:
        found = pages.find_page(tx, wish.path)
    return text_answer(pages.safe_html(found.html))


def _draft(wish: _Written, path: str) -> Draft:
    return Draft(path=path, title=wish.title, html=wish.html, in_footer=bool(wish.in_footer))


def _row(page: pages.Page) -> Page:
    return Page(
        ID=page.id,
        CreatedAt=time_text(page.created_at),
        UpdatedAt=time_text(page.updated_at),
        Path=page.path,
        Title=page.title,
        Html=page.html,
        ListInFooter=page.in_footer,
    )


PAGES = (list_pages, create_page, change_page, delete_page)
PUBLIC_PAGES = (list_public_pages, read_public_page)
