"""What an answer says about itself: the name its file gets, whether it is a media file at all. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from email.message import Message
from email.utils import collapse_rfc2231_value, parsedate_to_datetime
from urllib.parse import unquote, urlsplit

from polyreel.kit.errors import Unsupported

__all__ = [
    "SUFFIXES",
    "IsPage",
    "NotMedia",
    "check_type",
    "name_of",
    "name_of_film",
    "strong_validator",
]

LONGEST_NAME = 128
_LONGEST_HEADER = 4096
_LONGEST_VALIDATOR = 250

# What is inside is looked at apart from that.
_LIST = "mp4 mkv webm avi mov ts m4v 3gp 3g2 wmv mpg mpeg asf flv f4v m2ts mts vob mxf divx ogv rm rmvb dv"
SUFFIXES = frozenset(_LIST.split())
_TYPES = {
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/x-matroska": "mkv",
    "video/matroska": "mkv",
    "video/quicktime": "mov",
    "video/mp2t": "ts",
    "video/x-msvideo": "avi",
    "video/mpeg": "mpg",
    "video/ogg": "ogv",
    "video/x-flv": "flv",
    "video/3gpp": "3gp",
    "video/3gpp2": "3g2",
    "video/x-ms-wmv": "wmv",
    "video/x-m4v": "m4v",
}
_PAGES = ("text/html", "application/xhtml+xml")
_PLAYLISTS = (
    "application/vnd.apple.mpegurl",
    "application/x-mpegurl",
    "audio/mpegurl",
    "audio/x-mpegurl",
    "application/dash+xml",
)
_NEVER = ("image/", "font/", "application/json", "application/xml", "text/xml", "text/css")
_UNFIT = re.compile(r'[<>:"|?*]')


class NotMedia(Unsupported):
    """What lies at the address is not a video file."""

    default = "The file at this address is not of a type that is accepted."


class IsPage(NotMedia):
    """A page, or a playlist: there may be a film behind it."""


def check_type(headers: Mapping[str, str]) -> None:
    """Raises NotMedia for an answer that says it is a page, a playlist (IsPage), an image, or data."""
    kind = _kind(headers)
    if kind in _PAGES:
        raise IsPage("This address is a web page, not a media file.")
    if kind in _PLAYLISTS:
        raise IsPage("This address is a streaming playlist, not a media file.")
    if kind.startswith(_NEVER):
        raise NotMedia(f"This address is not a media file (its type is {kind[:60]}).")


def name_of(headers: Mapping[str, str], *urls: str) -> str:
    """A safe file name of at most 128 characters: the one the answer gives, else the last part of
    one of the `urls`, with an ending that is accepted. Raises NotMedia when there is none.
    """
    found = [_safe(_told(headers)), *(_safe(_last_part(url)) for url in urls)]
    for name in found:
        if name.rpartition(".")[2].lower() in SUFFIXES and "." in name:
            return name
    suffix = _TYPES.get(_kind(headers))
    if suffix is None:
        raise NotMedia
    stem = next((name for name in found if name), "video")
    return f"{stem[: LONGEST_NAME - len(suffix) - 1]}.{suffix}"


def name_of_film(title: str, suffix: str) -> str:
    """The same for a film of a page; `suffix` with its dot. Raises NotMedia for one not accepted."""
    ending = suffix.removeprefix(".").lower()
    if ending not in SUFFIXES:
        raise NotMedia
    stem = _safe(title.replace("/", "_").replace("\\", "_")) or "video"
    return f"{stem[: LONGEST_NAME - len(ending) - 1]}.{ending}"


def strong_validator(headers: Mapping[str, str]) -> str | None:
    """What tells this exact file from every other, for If-Range; None where nothing does.

    A date does when it was a minute old at least when it was told. Source: RFC 9110, 8.8.
    """
    tag = headers.get("etag", "").strip()
    if tag.startswith('"') and tag.endswith('"') and 2 < len(tag) <= _LONGEST_VALIDATOR:
        return tag
    changed = headers.get("last-modified", "").strip()
    try:
        age = parsedate_to_datetime(headers["date"]) - parsedate_to_datetime(changed)
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
    return changed if not tag and age.total_seconds() >= 60 and len(changed) < 60 else None


def _kind(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _told(headers: Mapping[str, str]) -> str:
    value = headers.get("content-disposition", "")
    if not value or len(value) > _LONGEST_HEADER:
        return ""
    message = Message()
    try:
        message["content-disposition"] = value
        told = message.get_params(header="content-disposition") or []
        names = [each for name, each in told if name.lower() == "filename"]
        # One that names its character set goes first: RFC 6266, 4.3.
        names.sort(key=lambda each: not isinstance(each, tuple))
        return collapse_rfc2231_value(names[0]) if names else ""
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""


def _last_part(url: str) -> str:
    try:
        return unquote(urlsplit(url).path.rpartition("/")[2], errors="replace")
    except ValueError:
        return ""


def _safe(name: str) -> str:
    name = re.split(r"[/\\]", name)[-1]
    # Controls, and marks that turn the direction of writing: `gpj.exe` must not look like `exe.jpg`.
    name = "".join(
        letter
        for letter in name.replace("\t", " ")
        if unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
    )
    name = _UNFIT.sub("_", " ".join(name.split())).strip(". ")
    stem, dot, suffix = name.rpartition(".")
    if len(name) <= LONGEST_NAME or not dot or len(suffix) > 8:
        return name[:LONGEST_NAME]
    return f"{stem[: LONGEST_NAME - len(suffix) - 1]}.{suffix}"
