"""Pages: write, list, find them. Administrators write, everybody reads."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from polyreel.core.pages.tables import PageRow
from polyreel.core.users import Actor, require_admin
from polyreel.infra.tx import Tx
from polyreel.kit.errors import Conflict, Invalid, NotFound

__all__ = [
    "Draft",
    "Page",
    "PageNotFound",
    "PageTitle",
    "PathTaken",
    "create_page",
    "delete_page",
    "find_page",
    "list_page_titles",
    "list_pages",
    "update_page",
]

_LONGEST_PATH, _LONGEST_TITLE, _LONGEST_HTML = 51, 128, 50_000


class PageNotFound(NotFound):
    """No page of this id or path."""

    default = "There is no such page."


class PathTaken(Conflict):
    """Two pages cannot have one address."""

    default = "There is a page with this path already."


@dataclass(frozen=True)
class Draft:
    """What someone wrote. `path` such as /terms/ is where it is found, `html` is foreign text."""

    path: str
    title: str
    html: str
    in_footer: bool


@dataclass(frozen=True)
class Page:
    """A page as it was written; `html` is to be made safe before it is shown to anyone."""

    id: int
    path: str
    title: str
    html: str
    in_footer: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class PageTitle:
    """What a list for everybody shows of a page."""

    path: str
    title: str
    in_footer: bool


def list_pages(tx: Tx, actor: Actor) -> list[Page]:
    """Every page, oldest first. Raises Forbidden for who is no administrator."""
    require_admin(actor)
    return [_page(row) for row in tx.session.scalars(select(PageRow).order_by(PageRow.id))]


def list_page_titles(tx: Tx) -> list[PageTitle]:
    """Every page, oldest first, without its text."""
    query = select(PageRow.path, PageRow.title, PageRow.in_footer).order_by(PageRow.id)
    return [PageTitle(*row) for row in tx.session.execute(query)]


def find_page(tx: Tx, path: str) -> Page:
    """The page of exactly this path. Raises PageNotFound."""
    row = tx.session.scalar(select(PageRow).where(PageRow.path == path))
    if row is None:
        raise PageNotFound
    return _page(row)


def create_page(tx: Tx, actor: Actor, draft: Draft) -> Page:
    """Raises Forbidden for who is no administrator, Invalid, PathTaken."""
    require_admin(actor)
    row = PageRow(created_at=tx.now)
    _write(tx, row, draft)
    tx.session.add(row)
    tx.session.flush()
    return _page(row)


def update_page(tx: Tx, actor: Actor, page_id: int, draft: Draft) -> Page:
    """Put `draft` in the place of a page. Raises Forbidden, PageNotFound, Invalid, PathTaken."""
    require_admin(actor)
    row = tx.session.get(PageRow, page_id)
    if row is None:
        raise PageNotFound
    _write(tx, row, draft)
    tx.session.flush()
    return _page(row)


def delete_page(tx: Tx, actor: Actor, page_id: int) -> None:
    """Raises Forbidden for who is no administrator, PageNotFound."""
    require_admin(actor)
    gone = delete(PageRow).where(PageRow.id == page_id).returning(PageRow.id)
    if tx.session.scalar(gone) is None:
        raise PageNotFound


def _write(tx: Tx, row: PageRow, draft: Draft) -> None:
    _check(draft)
    other = tx.session.scalar(select(PageRow.id).where(PageRow.path == draft.path))
    if other is not None and other != row.id:
        raise PathTaken
    row.path, row.title, row.html = draft.path, draft.title, draft.html
    row.in_footer, row.updated_at = draft.in_footer, tx.now


def _check(draft: Draft) -> None:
    for field, text, most in (
        ("path", draft.path, _LONGEST_PATH),
        ("title", draft.title, _LONGEST_TITLE),
    ):
        if not 1 <= len(text) <= most or not text.isprintable():
            raise Invalid(fields={field: [f"A {field} has 1 to {most} printable characters."]})
    if len(draft.html) > _LONGEST_HTML or "\0" in draft.html:
        raise Invalid(fields={"html": [f"A page has at most {_LONGEST_HTML} characters."]})


def _page(row: PageRow) -> Page:
    return Page(
        id=row.id,
        path=row.path,
        title=row.title,
        html=row.html,
        in_footer=row.in_footer,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
