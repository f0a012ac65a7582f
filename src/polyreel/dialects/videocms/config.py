"""The public configuration. Contract: section 5."""

from typing import Any

from litestar import Request, Response, get

from polyreel.core.options import read_options
from polyreel.dialects.videocms.answers import json_answer
from polyreel.dialects.videocms.limits import upload_limit
from polyreel.dialects.videocms.shapes import Config
from polyreel.http.face import ServerTools, raw_of
from polyreel.http.media import PREFIX
from polyreel.http.middleware import ensure_exchange

__all__ = ["get_config"]

# The panel compares with it; JavaScript knows no greater whole number.
_NO_LIMIT_BYTES = 2**53 - 1


@get("/api/config", opt={"access": "anyone"}, sync_to_thread=True)
def get_config(request: Request[Any, Any, Any], tools: ServerTools) -> Response[bytes]:
    """What the panel and scripts must know before anyone signed in."""
    scope, _ = raw_of(request)
    client = ensure_exchange(scope).client
    with tools.db.read() as tx:
        options = read_options(tx)
    return json_answer(
        Config(
            AppName=options.app_name,
            BaseUrl=tools.settings.base_url or f"{client.scheme}://{client.host}",
            EncodingEnabled=True,
            UploadEnabled=options.uploads_enabled,
            MaxUploadFilesize=upload_limit(tools.settings, options) or _NO_LIMIT_BYTES,
            MaxUploadChunkSize=options.videocms_chunk_max_bytes,
            MaxUploadSessions=options.videocms_upload_sessions,
            FolderVideoQualitys=PREFIX,
            ContinueWatchingPopupEnabled=options.continue_watching,
            DownloadEnabled=options.downloads_enabled,
            # Their endpoints are not built yet: the panel must not offer them.
            RemoteDownloadEnabled=False,
            PlayerV2Enabled=True,
        )
    )
