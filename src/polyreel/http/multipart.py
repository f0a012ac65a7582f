"""Multipart bodies: the parts of a form as they pass by, and what a client may call a file.

Parsing is the `multipart` library's; here are our limits, and the ways in which clients spell names.
Source: RFC 7578, RFC 5987, the WHATWG's multipart/form-data encoding.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

from polyreel.kit.errors import Invalid

__all__ = ["Form", "MalformedBody", "Part", "clean_filename", "text_parts"]

_MOST_PARTS = 64
_MOST_HEADERS = 8
_LONGEST_HEADER = 8192
_LONGEST_BOUNDARY = 200
_LONGEST_NAME_BYTES = 255
_LONGEST_SUFFIX_BYTES = 32

_EXTENDED = re.compile(r"""filename\*\s*=\s*"?([A-Za-z0-9-]{1,20})'[A-Za-z0-9-]{0,20}'([^;"\s]*)""")
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
# Also what turns the direction of the text after it: a name is to look as it is.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_SLASHES = re.compile(r"[/\\]")


class MalformedBody(Invalid):
    """The body is not the multipart form it should be."""

    default = "The request body is not a multipart form that can be read."


@dataclass(frozen=True)
class Part:
    """The head of one part. `filename` is clean; None for a file whose name says nothing.

    `head_bytes` is the length of its headers in the body.
    """

    name: str
    is_file: bool
    filename: str | None
    head_bytes: int


class Form:
    """One form being parsed. `edge_bytes` is what its boundary adds for each part, and once more."""

    def __init__(self, content_type: str | None) -> None:
        kind, options = parse_options_header(content_type or "")
        boundary = options.get("boundary", "")
        if kind != "multipart/form-data" or not 0 < len(boundary) <= _LONGEST_BOUNDARY:
            raise MalformedBody
        try:
            # Latin-1 takes every byte: how a name is really encoded is decided for each alone.
            self._parser = PushMultipartParser(
                boundary.encode("latin-1", "replace"),
                max_header_size=_LONGEST_HEADER,
                max_header_count=_MOST_HEADERS,
                max_segment_count=_MOST_PARTS,
                header_charset="latin-1",
            )
        except MultipartError:
            raise MalformedBody from None
        self.edge_bytes = len(boundary) + 6

    def parse(self, chunk: bytes) -> Iterator[Part | bytes | None]:
        """For each part its head, its bytes as they come, and None at its end.

        Raises MalformedBody.
        """
        try:
            for event in self._parser.parse(chunk):
                yield _part(event) if isinstance(event, MultipartSegment) else event
        except MultipartError:
            raise MalformedBody from None

    def close(self) -> None:
        """The body has ended. Raises MalformedBody when the form has not."""
        try:
            self._parser.close()
        except MultipartError:
            raise MalformedBody from None


def clean_filename(given: str) -> str | None:
    """The base name of what a client calls its file, fit to be stored and shown; None when nothing
    is left of it.

    Percent-encoding is undone where all of it is UTF-8, then everything up to the last slash of
    either kind goes, then control characters; at most 255 bytes of UTF-8, the suffix kept.
    """
    name = given
    if "%" in given and not _PERCENT.search(given):
        try:
            name = unquote_to_bytes(given).decode()
        except UnicodeDecodeError:
            name = given
    name = _CONTROL.sub("", _SLASHES.split(name)[-1]).strip()
    if not name.strip("."):
        return None
    return _shortened(name)


def _part(segment: MultipartSegment) -> Part:
    header = segment.header("Content-Disposition", "")
    name, filename = _text(segment.name or ""), segment.filename
    if filename is not None:
        filename = _text(filename)
    extended = _extended(header)
    filename = extended if extended is not None else filename
    return Part(
        name=name,
        is_file=filename is not None,
        filename=clean_filename(filename or ""),
        head_bytes=sum(len(key) + len(value) + 4 for key, value in segment.headerlist) + 2,
    )


def _text(latin: str) -> str:
    """The text of header bytes that were read as Latin-1: UTF-8 where they are that."""
    try:
        return latin.encode("latin-1").decode()
    except UnicodeError:
        return latin


def _extended(header: str) -> str | None:
    """The value of `filename*`, of which every client that sends it means it to win."""
    found = _EXTENDED.search(header)
    if found is None or found[1].lower() not in ("utf-8", "iso-8859-1"):
        return None
    try:
        # A percent sign that is left stands for itself: it must not be decoded a second time.
        return unquote_to_bytes(found[2]).decode(found[1]).replace("%", "%25")
    except UnicodeDecodeError:
        return None


def _shortened(name: str) -> str:
    if len(name.encode()) <= _LONGEST_NAME_BYTES:
        return name
    stem, dot, suffix = name.rpartition(".")
    tail = f"{dot}{suffix}".encode()
    if not stem or len(tail) > _LONGEST_SUFFIX_BYTES:
        stem, tail = name, b""
    kept = stem.encode()[: _LONGEST_NAME_BYTES - len(tail)].decode(errors="ignore")
    return kept + tail.decode()


def text_parts(content_type: str, body: bytes) -> list[tuple[str, str]]:
    """(name, text) of the parts of a whole form in memory; files are left out.

    Raises MalformedBody.
    """
    form = Form(content_type)
    pairs: list[tuple[str, str]] = []
    part, data = None, bytearray()
    for event in form.parse(body):
        if isinstance(event, Part):
            part = event
            data.clear()
        elif event is not None:
            data += event
        elif part is not None and not part.is_file:
            pairs.append((part.name, data.decode(errors="replace")))
    form.close()
    return pairs
