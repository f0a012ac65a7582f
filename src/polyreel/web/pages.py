"""/p/<path>: a page that an administrator wrote, for everybody."""

from litestar import get
from litestar.params import FromPath

from polyreel.core.pages import Page, PageNotFound, find_page, list_page_titles, safe_html
from polyreel.http.face import AnyActor
from polyreel.infra.tx import Tx
from polyreel.web.asking import PageRequest, client_of, scope_of
from polyreel.web.render import render
from polyreel.web.replies import Reply, html_reply
from polyreel.web.site import OurSite

__all__ = ["show_page"]


@get("/p/{path:path}", opt={"access": "known"}, sync_to_thread=True)
def show_page(request: PageRequest, site: OurSite, actor: AnyActor, path: FromPath[str]) -> Reply:
    """The page of this path, with or without the slash at its end; its HTML is made safe."""
    with site.db.read() as tx:
        page = _find(tx, path.strip("/"))
        titles = list_page_titles(tx)
    body = render(
        "page.html",
        actor,
        client_of(scope_of(request)),
        title=page.title,
        html=safe_html(page.html),
        footer=[
            {"title": each.title, "address": "/p/" + each.path.strip("/") + "/"}
            for each in titles
            if each.in_footer
        ],
    )
    return html_reply(body, page="written")


def _find(tx: Tx, bare: str) -> Page:
    """Paths are kept as their authors wrote them; the API's own client writes /terms/."""
    for path in (f"/{bare}/", f"/{bare}", f"{bare}/", bare):
        try:
            return find_page(tx, path)
        except PageNotFound:
            continue
    raise PageNotFound
