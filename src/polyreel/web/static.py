"""The interface's own files: scripts, styles, pictures. Raw ASGI, from memory.

`/static/<version>/<file>` never means other bytes later, so it may be kept for ever. The version is
one for the whole tree and part of the path: the modules of a script name each other relatively, and
so get the same version.
"""

import asyncio
import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from polyreel.http.auth import header
from polyreel.http.encodings import choose_coding, is_packable, pack
from polyreel.http.middleware import Receive, Scope, Send
from polyreel.kit.errors import NotFound
from polyreel.web.replies import Reply

__all__ = ["PREFIX", "StaticFiles", "load_static_files"]

PREFIX = "/static/"
_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_FOREVER = "public, max-age=31536000, immutable"
_JS = "text/javascript"
# Opened by itself, an SVG is a page; it gets to do nothing.
_INERT = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
# A worker lives by the policy of its own script: live-worker.js reads /events.
_SCRIPT = "default-src 'none'; connect-src 'self'"


@dataclass(frozen=True)
class _File:
    kind: str
    body: bytes
    etag: str

    @functools.cached_property
    def packed(self) -> bytes:
        """The same, compressed; made when the first client wants it."""
        return pack(self.body)


class StaticFiles:
    """ASGI app for the files of one folder, read once; what is not among them does not exist."""

    def __init__(self, folder: Path) -> None:
        self._files = _read(folder)
        tree = "".join(f"{name} {file.etag}\n" for name, file in self._files.items())
        self.version = hashlib.sha256(tree.encode()).hexdigest()[:12]

    def address(self, name: str) -> str:
        """Where a page finds a file. Raises KeyError for one that is not there."""
        if name not in self._files:
            raise KeyError(name)
        return f"{PREFIX}{self.version}/{name}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer GET and HEAD. Raises NotFound."""
        path = scope["path"].removeprefix(PREFIX)
        version, _, name = path.partition("/")
        file = self._files.get(name) or self._files.get(path)
        if file is None or scope["method"] not in ("GET", "HEAD"):
            raise NotFound
        # A page of the version before an update still gets its files, but does not keep them.
        cache = _FOREVER if version == self.version else "no-cache"
        reply = await asyncio.to_thread(self._reply, file, cache, scope)
        await reply(scope, receive, send)

    def _reply(self, file: _File, cache: str, scope: Scope) -> Reply:
        accepted = header(scope["headers"], "accept-encoding")
        is_packed = is_packable(file.kind) and choose_coding(accepted, ["gzip"]) is not None
        etag = f'"{file.etag}-gz"' if is_packed else f'"{file.etag}"'
        headers = [
            ("content-type", file.kind),
            ("etag", etag),
            ("cache-control", cache),
            ("vary", "accept-encoding"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-resource-policy", "same-origin"),
            ("content-security-policy", _SCRIPT if file.kind.startswith(_JS) else _INERT),
        ]
        if is_packed:
            headers.append(("content-encoding", "gzip"))
        known = header(scope["headers"], "if-none-match") or ""
        if etag in [each.strip().removeprefix("W/") for each in known.split(",")]:
            return Reply(304, headers)
        return Reply(200, headers, file.packed if is_packed else file.body)


@functools.cache
def load_static_files() -> StaticFiles:
    """The files of this package, read once in this process."""
    return StaticFiles(_FOLDER)


def _read(folder: Path) -> Mapping[str, _File]:
    found = {}
    for path in sorted(folder.rglob("*")):
        kind = _TYPES.get(path.suffix)
        if kind is None or not path.is_file():
            continue
        body = path.read_bytes()
        etag = hashlib.sha256(body).hexdigest()[:20]
        found[path.relative_to(folder).as_posix()] = _File(kind, body, etag)
    return found
