"""The whole URL map on one screen: which app answers an address.

Media, then exact prefixes of the dialects, then a panel where one is served, then the web.
"""

from dataclasses import dataclass
from typing import Protocol

from polyreel.http.media_routes import PREFIX, is_media
from polyreel.http.middleware import ASGIApp, Receive, Scope, Send

__all__ = ["ANYONE", "Apps", "dispatch"]

_MEDIA = ("/{uuid}/image/thumb/{image_file}", PREFIX + "/{uuid}/image/thumb/{image_file}")

ANYONE = frozenset(
    {
        ("POST", "/api/auth/login"),
        ("GET", "/api/config"),
        ("GET", "/api/docs"),
        ("GET", "/api/file/example"),
        ("GET", "/api/openapi.json"),
        ("GET", "/api/p/page"),
        ("GET", "/api/p/pages"),
        ("OPTIONS", "/api/uploads"),
        ("GET", "/captcha/challenge"),
        ("POST", "/captcha/verify"),
        ("GET", "/v/{uuid}"),
        ("GET", "/v/{uuid}/status"),
        *(("GET", path) for path in _MEDIA),
    }
)
"""What answers without credentials, of the APIs; of the pages that is `web.routes.ANYONE`. A video is
there for whoever has its address, unless it is private. A test holds the routes against this list.
"""


class Panel(Protocol):
    """The app of a panel; it says itself what is its own."""

    def wants(self, scope: Scope) -> bool:
        """Whether it answers this, of what is left to pages."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""


@dataclass(frozen=True, kw_only=True)
class Apps:
    """One ASGI app for each voice the server speaks with."""

    media: ASGIApp
    uploads: ASGIApp
    videocms: ASGIApp
    web: ASGIApp
    panel: Panel | None = None


def dispatch(apps: Apps) -> ASGIApp:
    """One app out of many, by path; of what is left to pages, the panel answers what it wants."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        chosen = choose(apps, scope["path"])
        if chosen is apps.web and apps.panel is not None and apps.panel.wants(scope):
            chosen = apps.panel
        await chosen(scope, receive, send)

    return app


def choose(apps: Apps, path: str) -> ASGIApp:
    """The app that answers `path`."""
    if is_media(path):
        return apps.media
    first, _, rest = path[1:].partition("/")
    if path in ("/api/docs", "/api/openapi.json"):
        return apps.web
    if first == "api":
        uploads = path == "/api/client/v1" or path.startswith("/api/client/v1/")
        return apps.uploads if uploads else apps.videocms
    if first == "v" and rest.endswith("/status"):
        return apps.videocms
    return apps.web
