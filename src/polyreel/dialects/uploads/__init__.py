"""The Video Uploads API (`/api/client/v1`), as watch-folder scripts use it: its three upload endpoints.

Left out are the vendor's further endpoints (collections, videos, shareable links, live streams), which
its uploads page does not describe: they are answered 404.
"""

from polyreel.core.users import KeyAudit
from polyreel.dialects.uploads.auth import authenticate
from polyreel.dialects.uploads.errors import answer
from polyreel.dialects.uploads.routes import API, ROUTES
from polyreel.http.face import make_face
from polyreel.http.operations import ApiApp
from polyreel.infra.tools import Tools

__all__ = ["make_app"]


def make_app(tools: Tools, audit: KeyAudit | None = None) -> ApiApp:
    """The ASGI app of every path that begins with `/api/client/v1`."""
    face = make_face(
        "uploads",
        ROUTES,
        tools=tools,
        answer=answer,
        authenticate=authenticate,
        audit=audit,
        auth_first=True,
    )
    return ApiApp(api=API, app=face)
