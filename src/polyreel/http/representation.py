"""Send one representation of media: conditions, ranges, HEAD; from memory, a file, or pieces of many."""

import asyncio
import os
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol

from polyreel.core.delivery import Made, Place
from polyreel.http.bytes import ZERO_COPY, send_file_range
from polyreel.http.middleware import Headers, Message, Scope, Send, size_of
from polyreel.http.ranges import Selected, Validators, http_date, select
from polyreel.infra.storage import Storage
from polyreel.kit.errors import NotFound

__all__ = ["Pieces", "Representation", "choose", "encoded", "send_representation", "start_answer"]

# What is in memory goes out in such portions, so that a slow reader does not have it twice.
PORTION_BYTES = 1 << 20
# A film's picture and sound lie in files of their own, and parts follow each other.
MOST_OPEN = 8


class Pieces(Protocol):
    """A file that lies in many places."""

    size: int

    def pieces(self, start: int, length: int) -> Iterator[bytes | Place | Made]:
        """What `length` bytes from `start` consist of, in order."""


@dataclass(frozen=True)
class Representation:
    """One answer to GET: text, bytes, a place in a file, or pieces of several. `extra` are more headers."""

    kind: str
    etag: str
    modified_s: int
    cache: str
    body: bytes | Place | Pieces
    quality: str = ""
    """The rendition it belongs to, for the statistics."""
    extra: Mapping[str, str] = field(default_factory=dict)


async def send_representation(
    scope: Scope,
    send: Send,
    storage: Storage,
    item: Representation,
    *,
    count: Callable[[int], None],
) -> None:
    """Answer a GET or HEAD by its conditions and its range.

    `count` is told at the end how many bytes of the body went out, also when the client left before.
    Raises NotFound, before anything is sent, when the file is not there.
    """
    chosen, fields = choose(scope, item)
    if scope["method"] == "HEAD" or not chosen.length:
        await start_answer(send, chosen.status, fields)
        await send({"type": "http.response.body", "body": b""})
        return
    sent = 0

    async def counted(message: Message) -> None:
        nonlocal sent
        await send(message)
        sent += size_of(message)

    zero_copy = ZERO_COPY in scope.get("extensions", ())
    try:
        with (
            _OpenFiles(storage, zero_copy=zero_copy) as files,
            closing(_pieces(item.body, chosen.start, chosen.length)) as pieces,
        ):
            first = next(pieces)
            # A file that is gone is still an honest answer now, and no more once it has begun.
            files.check(first)
            await start_answer(counted, chosen.status, fields)
            left = await _send_piece(counted, files, first, chosen.length)
            for piece in pieces:
                left = await _send_piece(counted, files, piece, left)
    except ConnectionError:
        pass  # The client has left.
    finally:
        if sent:
            count(sent)


def choose(scope: Scope, item: Representation) -> tuple[Selected, dict[str, str]]:
    """Which bytes the conditions and the range of a GET or HEAD choose, and the headers of the answer."""
    headers = {name.decode("latin-1"): text.decode("latin-1") for name, text in scope["headers"]}
    if scope["method"] == "HEAD":
        # Ranges are defined for GET alone (RFC 9110, 14.2).
        headers.pop("range", None)
    size = len(item.body) if isinstance(item.body, bytes) else item.body.size
    chosen = select(headers, size, Validators(item.etag, item.modified_s))
    fields = {
        "content-type": item.kind,
        "etag": item.etag,
        "last-modified": http_date(item.modified_s),
        "cache-control": item.cache,
        "accept-ranges": "bytes",
        "x-content-type-options": "nosniff",
        "cross-origin-resource-policy": "cross-origin",
        **item.extra,
    }
    if chosen.status == 206:
        last = chosen.start + chosen.length - 1
        fields["content-range"] = f"bytes {chosen.start}-{last}/{size}"
    elif chosen.status == 416:
        fields["content-range"] = f"bytes */{size}"
    if chosen.status in (412, 416):
        fields["cache-control"] = "no-store"
    if chosen.status != 304:
        fields["content-length"] = str(chosen.length)
    return chosen, fields


def encoded(fields: Mapping[str, str]) -> Headers:
    """Headers as ASGI has them."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()]


async def start_answer(send: Send, status: int, fields: Mapping[str, str]) -> None:
    """The first message of an answer."""
    await send({"type": "http.response.start", "status": status, "headers": encoded(fields)})


def _pieces(
    body: bytes | Place | Pieces, start: int, length: int
) -> Generator[bytes | Place | Made]:
    if isinstance(body, bytes):
        yield body[start : start + length]
    elif isinstance(body, Place):
        yield Place(body.key, body.offset + start, length)
    else:
        yield from body.pieces(start, length)


async def _send_piece(
    send: Send, files: "_OpenFiles", piece: bytes | Place | Made, left: int
) -> int:
    """Send one of the pieces that are `left` bytes together; answers how many bytes are left then."""
    if isinstance(piece, Place):
        left -= piece.size
        fd = files.open(piece.key)
        if not left:
            await send_file_range(send, fd, piece.offset, piece.size, zero_copy=files.zero_copy)
            return 0

        async def going_on(message: Message) -> None:
            await send({**message, "more_body": True})

        await send_file_range(going_on, fd, piece.offset, piece.size, zero_copy=files.zero_copy)
        return left
    data = piece if isinstance(piece, bytes) else await asyncio.to_thread(piece.make)
    for at in range(0, len(data), PORTION_BYTES):
        portion = data[at : at + PORTION_BYTES]
        left -= len(portion)
        await send({"type": "http.response.body", "body": portion, "more_body": left > 0})
    return left


class _OpenFiles:
    """The files that one answer reads from; those it used last stay open until its end."""

    def __init__(self, storage: Storage, *, zero_copy: bool) -> None:
        self._storage = storage
        self.zero_copy = zero_copy
        self._fds: dict[str, int] = {}

    def __enter__(self) -> "_OpenFiles":
        return self

    def __exit__(self, *_: object) -> None:
        for fd in self._fds.values():
            os.close(fd)

    def check(self, piece: bytes | Place | Made) -> None:
        """Raises NotFound when the file of the piece is not there."""
        if isinstance(piece, Place):
            try:
                self.open(piece.key)
            except FileNotFoundError:
                raise NotFound("The file is being replaced.") from None

    def open(self, key: str) -> int:
        """A descriptor, ours. Raises FileNotFoundError."""
        fd = self._fds.pop(key, None)
        if fd is None:
            fd = self._storage.open_read(key)
            if len(self._fds) >= MOST_OPEN:
                os.close(self._fds.pop(next(iter(self._fds))))
        self._fds[key] = fd
        return fd
