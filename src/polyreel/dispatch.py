"""The whole URL map on one screen: which app answers an address.

Media, then exact prefixes of the dialects, then the web. See design, "Who answers".
"""

from dataclasses import dataclass

from polyreel.http.media import PREFIX
from polyreel.http.middleware import ASGIApp, Receive, Scope, Send
from polyreel.kit.ids import is_uuid

__all__ = ["Apps", "dispatch"]


@dataclass(frozen=True, kw_only=True)
class Apps:
    """One ASGI app for each voice the server speaks with."""

    media: ASGIApp
    uploads: ASGIApp
    videocms: ASGIApp
    web: ASGIApp


def dispatch(apps: Apps) -> ASGIApp:
    """One app out of many, by path."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await choose(apps, scope["path"])(scope, receive, send)

    return app


def choose(apps: Apps, path: str) -> ASGIApp:
    """The app that answers `path`."""
    first, _, rest = path[1:].partition("/")
    if path.startswith(PREFIX + "/") or (rest and is_uuid(first)):
        return apps.media
    if first == "api":
        uploads = path == "/api/client/v1" or path.startswith("/api/client/v1/")
        return apps.uploads if uploads else apps.videocms
    if first == "v" and rest.endswith("/status"):
        return apps.videocms
    return apps.web
