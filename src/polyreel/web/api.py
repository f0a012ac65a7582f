"""/api/docs and /api/openapi.json: every API of this server, for people and for programs.

Both are made of what the routes say about themselves; the page is the document, read aloud.
"""

from litestar import get

from polyreel.http.auth import header
from polyreel.http.face import AnyActor
from polyreel.web.asking import PageRequest, client_of, scope_of
from polyreel.web.operations import told
from polyreel.web.render import render
from polyreel.web.replies import Reply, html_reply
from polyreel.web.site import OurSite

__all__ = ["show_api", "show_document"]

_CHAPTER = "About itself"
_JSON = "application/json"


@get(
    "/api/openapi.json",
    opt={"access": "anyone", **told(_CHAPTER, gives={_JSON: {"type": "object"}})},
    sync_to_thread=True,
)
def show_document(request: PageRequest, site: OurSite) -> Reply:
    """Every API of this server as an OpenAPI document."""
    document = site.api_document
    headers = [
        ("content-type", _JSON),
        ("etag", document.etag),
        ("cache-control", "no-cache"),
        # It says what is in the source; viewers on other sites may show it.
        ("access-control-allow-origin", "*"),
        ("cross-origin-resource-policy", "cross-origin"),
    ]
    if header(scope_of(request)["headers"], "if-none-match") == document.etag:
        return Reply(304, headers)
    return Reply(200, headers, document.text)


@get("/api/docs", opt={"access": "known", **told(_CHAPTER)}, sync_to_thread=True)
def show_api(request: PageRequest, site: OurSite, actor: AnyActor) -> Reply:
    """Every API of this server as a page."""
    document = site.api_document
    body = render(
        "api.html",
        actor,
        client_of(scope_of(request)),
        info=document.whole["info"],
        chapters=document.chapters,
        shapes=document.shapes,
        schemes=document.whole["components"]["securitySchemes"],
    )
    return html_reply(body)
