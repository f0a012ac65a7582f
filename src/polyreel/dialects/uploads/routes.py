"""Every path and method of this API."""

from polyreel.dialects.uploads.uploads import create_upload, get_upload, list_uploads
from polyreel.http.operations import Api, routes_of

__all__ = ["API", "ROUTES"]

ROUTES = [create_upload, list_uploads, get_upload]

API = Api(
    name="uploads",
    title="Video Uploads API",
    says="Send a file, ask how far it is; for watch-folder scripts.",
    routes=routes_of(ROUTES),
    schemes={"uploadsKey": {"type": "http", "scheme": "bearer", "description": "A key, `sk-...`."}},
    security={"known": ["uploadsKey"]},
)
"""How this API introduces itself."""
