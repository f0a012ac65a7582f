"""Every path and method of this API."""

from polyreel.dialects.uploads.uploads import create_upload, get_upload, list_uploads

__all__ = ["ROUTES"]

ROUTES = [create_upload, list_uploads, get_upload]
