"""Every key of the settings: its rules, which option it is, and its text. Contract: section 17.

All values are texts there, flags and numbers too.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from polyreel.core.options import HEIGHTS, OPTIONS, Between
from polyreel.dialects.videocms.binder import REQUIRED, Param, Rule, least, most
from polyreel.dialects.videocms.rules import BOOLEAN, HTTP_URL, NUMBER, TRUE_TEXTS, UUID, one_of

__all__ = ["LOGIN_KEY", "MASK", "MEDIA_KEY", "SETTINGS", "Setting"]

MASK = "********"
"""What stands for a secret when read, and for "as it is" when written."""

LOGIN_KEY, MEDIA_KEY = "JwtSecretKey", "JwtMediaSecretKey"
"""The keys that upstream signs with. Ours are the server's own; another text ends what was signed."""

_RATE = re.compile(r"([0-9]{1,7})([kKmM]?)")
_UNITS = {"": 1, "k": 1000, "m": 1_000_000}


@dataclass(frozen=True)
class Setting:
    """`option` empty: there is none behind it. `show` makes the text of a value, `read` the reverse
    for a text that keeps `param`'s rules.
    """

    param: Param
    option: str
    show: Callable[[Any], str]
    read: Callable[[str], Any]
    is_secret: bool = False


def _flag(key: str, option: str) -> Setting:
    return Setting(
        param=Param(key, REQUIRED, BOOLEAN),
        option=option,
        show=lambda value: "true" if value else "false",
        read=lambda text: text in TRUE_TEXTS,
    )


def _number(key: str, option: str) -> Setting:
    limits = OPTIONS[option].check
    rules = _limits(limits) if isinstance(limits, Between) else []
    return Setting(Param(key, REQUIRED, NUMBER, *rules), option, str, int)


def _limits(limits: Between) -> list[Rule]:
    """The digits as a number, which upstream forgets to look at."""
    return [
        Rule("min", str(limits.least), lambda text: int(text[:40]) >= limits.least),
        Rule("max", str(limits.most), lambda text: int(text[:40]) <= limits.most),
    ]


def _text(key: str, option: str, *rules: Rule) -> Setting:
    return Setting(Param(key, *rules), option, str, str)


def _secret(key: str, option: str, *rules: Rule) -> Setting:
    return Setting(
        Param(key, *rules), option, lambda value: MASK if value else "", str, is_secret=True
    )


def _rate(key: str, option: str) -> Setting:
    limits = OPTIONS[option].check
    fits = Rule("bitrate", "", lambda text: _RATE.fullmatch(text) is not None)
    rules = [REQUIRED, least(1), most(7), fits]
    if isinstance(limits, Between):
        low, high = limits.least, limits.most
        rules.append(Rule("min", str(low), lambda text: _bits(text) >= low))
        rules.append(Rule("max", str(high), lambda text: _bits(text) <= high))
    return Setting(Param(key, *rules), option, _rate_text, _bits)


def _bits(text: str) -> int:
    found = _RATE.fullmatch(text)
    return int(found[1]) * _UNITS[found[2].lower()] if found else 0


def _rate_text(bps: int) -> str:
    """As ffmpeg writes it; what is no whole number of kilobits is told to the bit."""
    return f"{bps // 1000}k" if bps % 1000 == 0 else str(bps)


def _groups() -> list[Setting]:
    names = ("Global", "Auth", "Api", "Upload", "Web")
    return [
        _number(f"Ratelimit{kind}{name}", f"{kind.lower()}_{name.lower()}")
        for name in names
        for kind in ("Rate", "Burst")
    ]


_ALL = (
    _text("AppName", "app_name", REQUIRED, least(1), most(120)),
    _text("BaseUrl", "public_url", REQUIRED, least(1), most(120), HTTP_URL),
    _text("ProjectExampleVideo", "example_video", REQUIRED, least(1), most(512)),
    _secret(LOGIN_KEY, "", REQUIRED, least(8), most(512)),
    _secret(MEDIA_KEY, "", REQUIRED, least(8), most(512)),
    _flag("ReloadHtml", "reload_html"),
    _flag("EncodingEnabled", "encoding_enabled"),
    _flag("UploadEnabled", "uploads_enabled"),
    _flag("RatelimitEnabled", "rate_limits_enabled"),
    *_groups(),
    _flag("CloudflareEnabled", "trust_cloudflare"),
    _flag("BunnyCDNEnabled", "trust_bunny"),
    _flag("FastlyEnabled", "trust_fastly"),
    _flag("KeyCDNEnabled", "trust_keycdn"),
    _text("TrustedProxies", "trusted_proxies", most(2000)),
    _flag("TrustLocalTraffic", "trust_local_traffic"),
    _number("MaxItemsMultiDelete", "max_items_multi_delete"),
    _number("MaxRunningEncodes", "encodes_at_once"),
    _number("MaxFramerate", "max_fps"),
    _number("MaxUploadFilesize", "videocms_upload_max_bytes"),
    _number("MaxUploadChunkSize", "videocms_chunk_max_bytes"),
    _number("MaxUploadSessions", "videocms_upload_sessions"),
    _number("MaxPostSize", "videocms_post_max_bytes"),
    _text("CorsAllowOrigins", "cors_origins", REQUIRED, least(1), most(1000)),
    _text("CorsAllowHeaders", "cors_headers", REQUIRED, least(1), most(1000)),
    _flag("CorsAllowCredentials", "cors_credentials"),
    _flag("CaptchaEnabled", "captcha_enabled"),
    _flag("CaptchaLoginEnabled", "captcha_at_login"),
    _flag("CaptchaPlayerEnabled", "captcha_at_player"),
    _text("CaptchaType", "captcha_type", most(10), one_of("recaptcha", "hcaptcha", "turnstile")),
    _secret("Captcha_Recaptcha_PrivateKey", "recaptcha_private_key", most(40)),
    _text("Captcha_Recaptcha_PublicKey", "recaptcha_public_key", most(40)),
    _secret("Captcha_Hcaptcha_PrivateKey", "hcaptcha_private_key", most(42)),
    _text("Captcha_Hcaptcha_PublicKey", "hcaptcha_public_key", UUID),
    _secret("Captcha_Turnstile_PrivateKey", "turnstile_private_key", most(100)),
    _text("Captcha_Turnstile_PublicKey", "turnstile_public_key", most(100)),
    *(_flag(f"EncodeHls{height}p", f"encode_{height}") for height in HEIGHTS),
    *(_rate(f"Hls{height}pVideoBitrate", f"max_bitrate_{height}_bps") for height in HEIGHTS),
    *(_number(f"Hls{height}pCrf", f"crf_{height}") for height in HEIGHTS),
    _text("PluginPgsServer", "ocr_url", REQUIRED, most(512)),
    _flag("EnablePluginPgsServer", "ocr_enabled"),
    _flag("DownloadEnabled", "downloads_enabled"),
    _flag("RemoteDownloadEnabled", "remote_downloads_enabled"),
    _flag("ContinueWatchingPopupEnabled", "continue_watching"),
    _flag("PlayerV2Enabled", "player_v2"),
    _number("MaxParallelDownloads", "remote_downloads_at_once"),
    _number("RemoteDownloadTimeout", "remote_download_timeout_s"),
)

SETTINGS: Mapping[str, Setting] = {each.param.name: each for each in _ALL}
"""Every key, in the contract's order."""
