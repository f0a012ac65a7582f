"""The public configuration. Contract: section 5."""

from typing import Any

from litestar import Request, Response, get

from polyreel.core.options import read_options
from polyreel.dialects.videocms.answers import json_answer
from polyreel.dialects.videocms.limits import upload_limit
from polyreel.dialects.videocms.operations import told
from polyreel.dialects.videocms.settings import public_url_of
from polyreel.dialects.videocms.shapes import Config
from polyreel.http.face import ServerTools
from polyreel.http.media import PREFIX

__all__ = ["get_config"]

CHAPTER = "Public API"

# The panel compares with it; JavaScript knows no greater whole number.
_NO_LIMIT_BYTES = 2**53 - 1


@get("/api/config", sync_to_thread=True, opt=told(CHAPTER, who="anyone", gives=Config))
def get_config(request: Request[Any, Any, Any], tools: ServerTools) -> Response[bytes]:
    """What the panel and scripts must know before anyone signed in."""
    with tools.db.read() as tx:
        options = read_options(tx)
    return json_answer(
        Config(
            AppName=options.app_name,
            BaseUrl=public_url_of(tools, options, request),
            EncodingEnabled=options.encoding_enabled,
            UploadEnabled=options.uploads_enabled,
            MaxUploadFilesize=upload_limit(tools.settings, options) or _NO_LIMIT_BYTES,
            MaxUploadChunkSize=options.videocms_chunk_max_bytes,
            MaxUploadSessions=options.videocms_upload_sessions,
            FolderVideoQualitys=PREFIX,
            CaptchaEnabled=options.captcha_enabled,
            CaptchaLoginEnabled=options.captcha_at_login,
            CaptchaPlayerEnabled=options.captcha_at_player,
            CaptchaType=options.captcha_type,
            Captcha_Recaptcha_PublicKey=options.recaptcha_public_key,
            Captcha_Hcaptcha_PublicKey=options.hcaptcha_public_key,
            Captcha_Turnstile_PublicKey=options.turnstile_public_key,
            ContinueWatchingPopupEnabled=options.continue_watching,
            DownloadEnabled=options.downloads_enabled,
            RemoteDownloadEnabled=options.remote_downloads_enabled,
            PlayerV2Enabled=options.player_v2,
        )
    )
