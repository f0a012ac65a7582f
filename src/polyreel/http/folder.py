"""Files of a folder as they lie there, for anyone: a built interface of somebody else's.

A name is walked down part by part and never through a symbolic link, so that nothing outside of the
folder can be named. Packed twins (`app.js.br`, `app.js.gz`) are used where they lie beside a file; where there
is none, texts are packed once and kept.
"""

import asyncio
import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from polyreel.http.bytes import send_file_range
from polyreel.http.encodings import choose_coding, is_packable, pack
from polyreel.http.middleware import Scope, Send
from polyreel.http.ranges import Selected, Validators, http_date, select

__all__ = ["TYPES", "Folder", "OpenFile", "find_file", "send_file"]

TYPES: Mapping[str, str] = {
    ".avif": "image/avif",
    ".css": "text/css; charset=utf-8",
    ".eot": "application/vnd.ms-fontobject",
    ".gif": "image/gif",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".otf": "font/otf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xml": "application/xml",
}
_UNKNOWN = "application/octet-stream"
_TWINS = {"br": ".br", "gzip": ".gz"}
_LONGEST_NAME = 1024
_MOST_PARTS = 32
_LEAST_PACKED = 1024
_LARGEST_PACKED = 4 * 1024 * 1024
_MOST_KEPT_BYTES = 32 * 1024 * 1024
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW


@dataclass(frozen=True)
class OpenFile:
    """One file, in the coding that was chosen for a client; `body` where it was packed here.

    `version` tells these bytes from others, `plain_version` the file from others.
    """

    fd: int
    name: str
    kind: str
    size: int
    modified_s: int
    version: str
    plain_version: str
    coding: str | None = None
    body: bytes | None = None

    def read(self) -> bytes:
        """All of it; to be called in a thread."""
        return os.pread(self.fd, self.size, 0) if self.body is None else self.body

    def close(self) -> None:
        """Let go of it."""
        os.close(self.fd)


class Folder:
    """The files below `root`; safe to use from several threads."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._kept_bytes = 0
        self._lock = threading.Lock()

    def find(self, names: Sequence[str], accepted: str | None = None) -> OpenFile | None:
        """The first of these (`a/b.js`) that is a regular file, for a client with this
        Accept-Encoding; the caller closes it, and calls this in a thread.
        """
        for name in names:
            parts = _parts(name)
            folder = _walk(self._root, parts[:-1]) if parts else None
            if folder is None:
                continue
            try:
                found = self._find_in(folder, parts[-1], name, accepted)
            finally:
                os.close(folder)
            if found is not None:
                return found
        return None

    def _find_in(self, folder: int, last: str, name: str, accepted: str | None) -> OpenFile | None:
        fd = _open_at(folder, last)
        if fd is None:
            return None
        found = _described(fd, name, TYPES.get(Path(last).suffix.lower(), _UNKNOWN))
        if not is_packable(found.kind):
            return found
        offered = list(_TWINS)
        while (coding := choose_coding(accepted, offered)) is not None:
            twin = _open_at(folder, last + _TWINS[coding])
            if twin is not None:
                found.close()
                return _described(twin, name, found.kind, coding, found.plain_version)
            offered.remove(coding)
        fits = _LEAST_PACKED <= found.size <= _LARGEST_PACKED
        wants = fits and choose_coding(accepted, ["gzip"]) is not None
        return self._packed(found) if wants else found

    def _packed(self, file: OpenFile) -> OpenFile:
        key = f"{file.name}\0{file.version}"
        with self._lock:
            body = self._kept.get(key)
            if body is not None:
                self._kept.move_to_end(key)
        if body is None:
            body = pack(file.read())
            with self._lock:
                self._kept_bytes += len(body) - len(self._kept.pop(key, b""))
                self._kept[key] = body
                while self._kept_bytes > _MOST_KEPT_BYTES:
                    self._kept_bytes -= len(self._kept.popitem(last=False)[1])
        return OpenFile(
            file.fd, file.name, file.kind, len(body), file.modified_s,
            f"{file.version}-gz", file.plain_version, "gzip", body,
        )  # fmt: skip


async def find_file(folder: Folder, names: Sequence[str], accepted: str | None) -> OpenFile | None:
    """`folder.find` in a thread; what it opens is closed too when the caller is cancelled meanwhile."""
    search = asyncio.ensure_future(asyncio.to_thread(folder.find, names, accepted))
    try:
        return await asyncio.shield(search)
    except asyncio.CancelledError:
        search.add_done_callback(_close_found)
        raise


def _close_found(search: "asyncio.Future[OpenFile | None]") -> None:
    if not search.cancelled() and search.exception() is None and (found := search.result()):
        found.close()


async def send_file(
    scope: Scope, send: Send, file: OpenFile, more: Sequence[tuple[str, str]]
) -> None:
    """Answer GET or HEAD with an open file and `more` headers, by the conditions of the request."""
    given = {name.decode("latin-1"): text.decode("latin-1") for name, text in scope["headers"]}
    if scope["method"] == "HEAD":
        given.pop("range", None)
    validators = Validators(f'"{file.version}"', file.modified_s)
    chosen = select(given, file.size, validators)
    fields = [
        ("content-type", file.kind),
        ("etag", validators.etag),
        ("last-modified", http_date(file.modified_s)),
        ("accept-ranges", "bytes"),
        *more,
    ]
    if is_packable(file.kind):
        fields.append(("vary", "Accept-Encoding"))
    if file.coding is not None:
        fields.append(("content-encoding", file.coding))
    fields += _of_selection(chosen, file.size)
    lines = [(name.encode(), text.encode("latin-1")) for name, text in fields]
    await send({"type": "http.response.start", "status": chosen.status, "headers": lines})
    if scope["method"] == "HEAD" or not chosen.length:
        await send({"type": "http.response.body", "body": b""})
    elif file.body is not None:
        piece = file.body[chosen.start : chosen.start + chosen.length]
        await send({"type": "http.response.body", "body": piece})
    else:
        await send_file_range(send, file.fd, chosen.start, chosen.length)


def _of_selection(chosen: Selected, size: int) -> list[tuple[str, str]]:
    fields = []
    if chosen.status == 206:
        last = chosen.start + chosen.length - 1
        fields.append(("content-range", f"bytes {chosen.start}-{last}/{size}"))
    elif chosen.status == 416:
        fields.append(("content-range", f"bytes */{size}"))
    if chosen.status != 304:
        fields.append(("content-length", str(chosen.length)))
    return fields


def _parts(name: str) -> list[str]:
    """The parts of a name that may be one of ours; [] for others, hidden files among them."""
    parts = name.split("/")
    if len(name) > _LONGEST_NAME or len(parts) > _MOST_PARTS:
        return []
    if any(not part or part.startswith(".") or "\0" in part or "\\" in part for part in parts):
        return []
    return parts


def _walk(root: Path, parts: Sequence[str]) -> int | None:
    """The open folder at the end of a way down that leaves by no link."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY
    try:
        fd = os.open(root, flags)
    except OSError:
        return None
    for part in parts:
        above = fd
        try:
            fd = os.open(part, flags | os.O_NOFOLLOW, dir_fd=above)
        except (OSError, UnicodeError):
            return None
        finally:
            os.close(above)
    return fd


def _open_at(folder: int, name: str) -> int | None:
    """A regular file of this folder, open."""
    try:
        # A pipe would be waited for.
        fd = os.open(name, _FLAGS | os.O_NONBLOCK, dir_fd=folder)
    except (OSError, UnicodeError):
        return None
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    return None


def _described(
    fd: int, name: str, kind: str, coding: str | None = None, plain_version: str = ""
) -> OpenFile:
    found = os.fstat(fd)
    version = f"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}"
    if coding is not None:
        version = f"{version}-{coding}"
    modified_s = int(found.st_mtime)
    return OpenFile(
        fd, name, kind, found.st_size, modified_s, version, plain_version or version, coding
    )
