"""Every option: its name, type, default, check and meaning, in one place.

To add one, add a field to Options. Units are in the names: bytes, bits per second.
"""

import dataclasses
import ipaddress
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from polyreel.kit.errors import Invalid

__all__ = ["HEIGHTS", "OPTIONS", "Between", "Option", "Options", "Rung", "check_option"]

HEIGHTS = (240, 360, 480, 720, 1080, 1440, 2160)

Check = Callable[[Any], str | None]


@dataclass(frozen=True)
class Rung:
    """One height of the ladder: whether it is made, its quality (x264 CRF) and its highest rate."""

    height: int
    is_enabled: bool
    max_bitrate_bps: int
    crf: int


@dataclass(frozen=True)
class Option:
    """One option as declared. `check` gives a sentence for a value that cannot be; None is no limit
    beyond the type. A `secret` is never shown.
    """

    name: str
    type: Any
    default: Any
    check: Check | None
    doc: str
    secret: bool


@dataclass(frozen=True)
class Between:
    """The check of a number: from `least` to `most`, both included."""

    least: int
    most: int

    def __call__(self, value: int) -> str | None:
        """A sentence for a number outside."""
        fits = self.least <= value <= self.most
        return None if fits else f"This must be from {self.least} to {self.most}."


def _between(least: int, most: int) -> Check:
    return Between(least, most)


def _characters(least: int, most: int) -> Check:
    def check(value: str) -> str | None:
        fits = least <= len(value) <= most and value.isprintable()
        return None if fits else f"This must have {least} to {most} printable characters."

    return check


def _networks(text: str) -> str | None:
    """A comma list of addresses and networks; it may be empty."""
    try:
        for name in text.split(","):
            if name.strip():
                ipaddress.ip_network(name.strip(), strict=False)
    except ValueError:
        return "This must be a comma list of addresses or networks."
    return None if len(text) <= 2000 else "This must have at most 2000 characters."


def _address(text: str) -> str | None:
    """The address of a server; it may be empty."""
    try:
        parts = urlsplit(text)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    fits = not text or (fits and text.isprintable() and len(text) <= 120)
    return None if fits else "This must be an address such as https://video.example.org."


def _option(default: Any, doc: str, *, check: Check | None = None, secret: bool = False) -> Any:
    return field(default=default, metadata={"doc": doc, "check": check, "secret": secret})


def _made(height: int, *, default: bool) -> Any:
    return _option(default, f"Make the {height}p rendition of sources at least that tall.")


def _rate(height: int, default: int) -> Any:
    doc = f"Highest bit rate of the {height}p picture, bits per second."
    return _option(default, doc, check=_between(50_000, 400_000_000))


def _crf(height: int) -> Any:
    doc = f"Quality of the {height}p picture, CRF as x264's preset medium takes it: smaller is better and larger."
    return _option(23, doc, check=_between(10, 45))


def _rate_limit(default: int, what: str) -> Any:
    doc = f"Requests per second and client: {what}."
    return _option(default, doc, check=_between(1, 1_000_000))


def _burst(default: int, what: str) -> Any:
    doc = f"Requests at once per client, before the rate counts: {what}."
    return _option(default, doc, check=_between(1, 1_000_000))


def _key(name: str, longest: int, *, secret: bool = False) -> Any:
    doc = f"{'Secret' if secret else 'Site'} key of {name}."
    return _option("", doc, check=_characters(0, longest), secret=secret)


_ANY_SIZE = _between(0, 2**50)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What an administrator changes while the server runs, as it was at one moment."""

    app_name: str = _option(
        "Polyreel", "Name of this server, as people see it.", check=_characters(1, 120)
    )
    encode_240: bool = _made(240, default=True)
    encode_360: bool = _made(360, default=True)
    encode_480: bool = _made(480, default=True)
    encode_720: bool = _made(720, default=True)
    encode_1080: bool = _made(1080, default=True)
    encode_1440: bool = _made(1440, default=False)
    encode_2160: bool = _made(2160, default=False)
    max_bitrate_240_bps: int = _rate(240, 600_000)
    max_bitrate_360_bps: int = _rate(360, 1_200_000)
    max_bitrate_480_bps: int = _rate(480, 2_500_000)
    max_bitrate_720_bps: int = _rate(720, 4_500_000)
    max_bitrate_1080_bps: int = _rate(1080, 8_000_000)
    max_bitrate_1440_bps: int = _rate(1440, 15_000_000)
    max_bitrate_2160_bps: int = _rate(2160, 25_000_000)
    crf_240: int = _crf(240)
    crf_360: int = _crf(360)
    crf_480: int = _crf(480)
    crf_720: int = _crf(720)
    crf_1080: int = _crf(1080)
    crf_1440: int = _crf(1440)
    crf_2160: int = _crf(2160)
    encoder_preset: Literal[
        "ultrafast",
        "superfast",
        "veryfast",
        "faster",
        "fast",
        "medium",
        "slow",
        "slower",
        "veryslow",
    ] = _option(
        "veryfast", "x264 preset of the ladder: slower ones make smaller files of the same quality."
    )
    max_fps: int = _option(
        60, "Frames per second above which pictures are thinned out.", check=_between(1, 240)
    )
    offer_native: bool = _option(
        True,
        "Offer HEVC, AV1 and VP9 sources as they are, too, to players that take them.",
    )
    max_duration_s: int = _option(
        36_000, "Longest film that is taken, in seconds; 0: no limit.", check=_between(0, 10**7)
    )
    max_side_px: int = _option(
        8192, "Largest width and height of a picture that is taken.", check=_between(16, 8192)
    )
    max_tracks: int = _option(
        64, "Most tracks that a file may have: pictures, sounds, subtitles.", check=_between(1, 64)
    )
    max_source_bps: int = _option(
        0,
        "Highest bit rate of a file that is taken, bits per second; 0: no limit.",
        check=_between(0, 10**11),
    )
    max_source_bytes: int = _option(
        0, "Largest file that is taken, however it comes, in bytes; 0: no limit.", check=_ANY_SIZE
    )
    keep_originals: bool = _option(
        True, "Keep the uploaded file after everything was made from it."
    )
    uploads_enabled: bool = _option(True, "People may upload videos.")
    downloads_enabled: bool = _option(True, "Players offer a download.")
    continue_watching: bool = _option(True, "Players offer to go on where a viewer stopped.")
    videocms_upload_max_bytes: int = _option(
        5 * 1024**3, "VideoCMS API: largest upload in bytes; 0: no limit.", check=_ANY_SIZE
    )
    videocms_chunk_max_bytes: int = _option(
        20 * 1024**2, "VideoCMS API: largest chunk of an upload.", check=_between(64 * 1024, 2**40)
    )
    videocms_upload_sessions: int = _option(
        10, "VideoCMS API: unfinished uploads per person.", check=_between(1, 10_000)
    )

    videocms_post_max_bytes: int = _option(
        100 * 1024**2,
        "VideoCMS API: largest body of a request that is no upload; forms and JSON never exceed 1 MiB.",
        check=_between(1024, 2**40),
    )
    public_url: str = _option(
        "",
        "Public address of the server, as it is told to others; empty: the setting base_url, else that "
        "of each request.",
        check=_address,
    )
    example_video: str = _option(
        "notfound", "UUID of a video that start pages show.", check=_characters(1, 512)
    )
    encoding_enabled: bool = _option(True, "Encode videos; read when a worker starts.")
    encodes_at_once: int = _option(
        0,
        "Encoding jobs at once per worker, read when it starts; 0: the setting worker_encode.",
        check=_between(0, 1000),
    )
    max_items_multi_delete: int = _option(
        1000, "Files or folders that one request may delete.", check=_between(1, 1_000_000)
    )
    remote_downloads_enabled: bool = _option(True, "People may have files fetched from the web.")
    remote_downloads_at_once: int = _option(
        1, "Remote downloads at once, over all people.", check=_between(1, 1000)
    )
    remote_download_timeout_s: int = _option(
        3600, "Longest time of one remote download, seconds.", check=_between(1, 30 * 86_400)
    )
    remote_pages_enabled: bool = _option(
        False,
        "Remote downloads of a web page fetch the video it shows, with yt-dlp, which runs the code of "
        "many sites' readers in a closed process.",
    )
    rate_limits_enabled: bool = _option(
        False, "VideoCMS API: limit the requests of each client; see rate_* and burst_*."
    )
    rate_global: int = _rate_limit(100, "all requests")
    burst_global: int = _burst(200, "all requests")
    rate_auth: int = _rate_limit(5, "each of login, check and refresh")
    burst_auth: int = _burst(10, "each of login, check and refresh")
    rate_api: int = _rate_limit(50, "requests with a token")
    burst_api: int = _burst(100, "requests with a token")
    rate_upload: int = _rate_limit(20, "resumable uploads")
    burst_upload: int = _burst(50, "resumable uploads")
    rate_web: int = _rate_limit(50, "each of player page, its status and media")
    burst_web: int = _burst(100, "each of player page, its status and media")
    trusted_proxies: str = _option(
        "",
        "Comma list of addresses or networks whose X-Forwarded-For and X-Forwarded-Proto count, beside "
        "those of the setting; read at start.",
        check=_networks,
    )
    trust_local_traffic: bool = _option(
        False, "Trust proxies on this machine and in private networks; read at start."
    )
    trust_cloudflare: bool = _option(False, "Trust the proxies of Cloudflare.")
    trust_bunny: bool = _option(False, "Trust the proxies of Bunny.")
    trust_fastly: bool = _option(False, "Trust the proxies of Fastly.")
    trust_keycdn: bool = _option(False, "Trust the proxies of KeyCDN.")
    cors_origins: str = _option(
        "*",
        "VideoCMS API: origins whose pages may read answers, a comma list; * is every one.",
        check=_characters(1, 1000),
    )
    cors_headers: str = _option(
        "*",
        "VideoCMS API: request headers that pages of others may send.",
        check=_characters(1, 1000),
    )
    cors_credentials: bool = _option(
        False,
        "VideoCMS API: pages of the listed origins may send cookies; never with * as the origin.",
    )
    captcha_enabled: bool = _option(False, "Ask for a captcha where the next two say so.")
    captcha_at_login: bool = _option(False, "VideoCMS API: ask for a captcha at the login.")
    captcha_at_player: bool = _option(False, "Ask for a captcha before the player.")
    captcha_type: Literal["", "recaptcha", "hcaptcha", "turnstile"] = _option(
        "", "Who makes and checks captchas."
    )
    recaptcha_private_key: str = _key("reCAPTCHA", 40, secret=True)
    recaptcha_public_key: str = _key("reCAPTCHA", 40)
    hcaptcha_private_key: str = _key("hCaptcha", 42, secret=True)
    hcaptcha_public_key: str = _key("hCaptcha", 36)
    turnstile_private_key: str = _key("Turnstile", 100, secret=True)
    turnstile_public_key: str = _key("Turnstile", 100)
    ocr_enabled: bool = _option(False, "Have pictures of subtitles read by the OCR server.")
    ocr_url: str = _option(
        "http://127.0.0.1:5000", "Address of the OCR server.", check=_characters(1, 512)
    )
    events_kept_days: int = _option(
        30,
        "Days after which events, and the log of their deliveries, are deleted.",
        check=_between(3, 3650),
    )
    webhook_disabled_after_days: int = _option(
        5,
        "Days without one success after which an endpoint of webhooks is switched off.",
        check=_between(1, 365),
    )
    player_v2: bool = _option(True, "VideoCMS API: which of upstream's players pages name.")
    reload_html: bool = _option(False, "VideoCMS API: kept for its panel; without effect.")

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """The ladder, smallest first, heights that are switched off included."""
        return tuple(
            Rung(
                height=height,
                is_enabled=getattr(self, f"encode_{height}"),
                max_bitrate_bps=getattr(self, f"max_bitrate_{height}_bps"),
                crf=getattr(self, f"crf_{height}"),
            )
            for height in HEIGHTS
        )


def _declared() -> dict[str, Option]:
    hints = typing.get_type_hints(Options)
    return {
        each.name: Option(
            name=each.name,
            type=hints[each.name],
            default=each.default,
            check=each.metadata["check"],
            doc=each.metadata["doc"],
            secret=each.metadata["secret"],
        )
        for each in dataclasses.fields(Options)
    }


OPTIONS: Mapping[str, Option] = _declared()
"""Every option by its name, in the order of declaration."""


def check_option(name: str, value: object) -> Any:
    """`value` when the option `name` may have it. Raises Invalid, for an unknown name too."""
    option = OPTIONS.get(name)
    if option is None:
        raise Invalid(fields={name: ["There is no such option."]})
    try:
        fitting = msgspec.convert(value, option.type, strict=True)
    except msgspec.ValidationError as error:
        raise Invalid(fields={name: [f"This is of the wrong kind: {error}."]}) from None
    complaint = option.check(fitting) if option.check else None
    if complaint:
        raise Invalid(fields={name: [complaint]})
    return fitting
