"""The header fields of tus 1.0.0, read strictly. Source: the tus 1.0.0 text; contract: tus.md."""

import base64
import binascii
import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from polyreel.core.ingest import CHECKSUMS, Checksum
from polyreel.kit.errors import Invalid, Unsupported

__all__ = [
    "BadChecksum",
    "BadConcat",
    "BadContentType",
    "BadLength",
    "BadMetadata",
    "BadOffset",
    "Concat",
    "WrongVersion",
    "read_checksum",
    "read_concat",
    "read_length",
    "read_metadata",
    "read_number",
]

VERSION = "1.0.0"
_KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]+")
_MOST_DIGITS = 18


class WrongVersion(Unsupported):
    """The client speaks another version, or says none."""

    default = "This server speaks tus 1.0.0."


class BadContentType(Invalid):
    """Bytes of an upload come as application/offset+octet-stream."""

    default = "The Content-Type must be application/offset+octet-stream."


class BadOffset(Invalid):
    """No Upload-Offset, or none that is a number."""

    default = "The Upload-Offset is missing or invalid."


class BadLength(Invalid):
    """There must be an Upload-Length, or an Upload-Defer-Length of 1, and not both."""

    default = "The Upload-Length is missing or invalid."


class BadMetadata(Invalid):
    """Upload-Metadata that cannot be read, or used."""

    default = "The Upload-Metadata is malformed."


class BadConcat(Invalid):
    """Upload-Concat that is neither `partial` nor `final;` and addresses."""

    default = "The Upload-Concat is malformed."


class BadChecksum(Invalid):
    """Upload-Checksum that cannot be read, or of an algorithm that is not offered."""

    default = "The Upload-Checksum is malformed, or of an unknown algorithm."


@dataclass(frozen=True)
class Concat:
    """`kind` is single, partial or final; `parts` are the names of a final's partials, in order."""

    kind: str
    parts: tuple[str, ...] = ()


def read_number(text: str | None) -> int | None:
    """A plain decimal number, or None for anything else."""
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > _MOST_DIGITS:
        return None
    return int(text)


def read_length(length: str | None, deferred: str | None) -> int | None:
    """The declared length; None when it will be said later. Raises BadLength."""
    if deferred is not None:
        if deferred != "1" or length is not None:
            raise BadLength
        return None
    number = read_number(length)
    if number is None:
        raise BadLength
    return number


def read_metadata(text: str) -> dict[str, str]:
    """Key -> value, as text; bytes that are no UTF-8 are replaced. Raises BadMetadata.

    An empty header means that there is none: tuspy sends it so.
    """
    found: dict[str, str] = {}
    for pair in text.split(",") if text.strip() else ():
        key, _, value = pair.strip().partition(" ")
        if not _KEY.fullmatch(key) or key in found:
            raise BadMetadata
        try:
            found[key] = base64.b64decode(value, validate=True).decode(errors="replace")
        except (binascii.Error, ValueError):
            raise BadMetadata from None
    return found


def read_concat(text: str | None, collection: str) -> Concat:
    """What is asked for; addresses may be absolute or relative. Raises BadConcat."""
    if text is None:
        return Concat("single")
    if text.strip() == "partial":
        return Concat("partial")
    kind, _, addresses = text.partition(";")
    names = tuple(_name_of(address, collection) for address in addresses.split())
    if kind.strip() != "final" or not names:
        raise BadConcat
    return Concat("final", names)


def read_checksum(text: str | None) -> Checksum | None:
    """The checksum of this request's bytes. Raises BadChecksum."""
    if text is None:
        return None
    name, _, digest = text.partition(" ")
    try:
        found = base64.b64decode(digest, validate=True)
    except (binascii.Error, ValueError):
        raise BadChecksum from None
    if name not in CHECKSUMS or not found:
        raise BadChecksum
    return Checksum(name, found)


def _name_of(address: str, collection: str) -> str:
    """The last segment, where what is before it is nothing, or ends as our collection does."""
    try:
        path = unquote(urlsplit(address).path)
    except ValueError:
        raise BadConcat from None
    folder, _, name = path.rpartition("/")
    if not name or (folder not in ("", ".") and not folder.endswith(collection)):
        raise BadConcat
    return name
