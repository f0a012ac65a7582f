"""The panel of this API as its authors built it: the files of a folder, and its start page for every
address that is none. Contract: section 1.1.
"""

import asyncio
import base64
import hashlib
import re
from pathlib import Path

from polyreel.core.options import Options, OptionsCache
from polyreel.dialects.videocms.rate import RateLimits
from polyreel.http.auth import header
from polyreel.http.face import send_answer
from polyreel.http.folder import TYPES, Folder, OpenFile, find_file, send_file
from polyreel.http.media import PREFIX
from polyreel.http.middleware import Receive, Scope, Send, ensure_exchange
from polyreel.http.options import options_now

__all__ = ["INDEX", "PanelApp"]

INDEX = "index.html"
# What its builder puts here is named after its content.
_HASHED_FOLDERS = ("_nuxt/", "assets/")
_HASHED_NAME = re.compile(r"(?=[^/]*\d)(?=[^/]*[A-Za-z])[A-Za-z0-9_-]{8}\.\w+$")
_FOREVER = "public, max-age=31536000, immutable"
_ASK_EACH_TIME = "no-cache"
_INLINE = re.compile(rb"<script\b([^>]*)>(.*?)</script\s*>", re.DOTALL | re.IGNORECASE)
_CAPTCHAS = {
    "recaptcha": "https://www.google.com/recaptcha/ https://www.gstatic.com/recaptcha/",
    "hcaptcha": "https://hcaptcha.com https://*.hcaptcha.com",
    "turnstile": "https://challenges.cloudflare.com",
}


class PanelApp:
    """ASGI app. Answers GET and HEAD on `host`, on every host where that is empty, of all that is
    neither this API, nor player and media, nor a page of our own.
    """

    def __init__(self, root: Path, host: str, options: OptionsCache, limits: RateLimits) -> None:
        self._folder = Folder(root)
        self._limited = limits.around(self._answer)
        self._host = host.lower()
        self._options = options
        self._inline: tuple[str, str] = ("", "")

    def wants(self, scope: Scope) -> bool:
        """Whether this request is for it, among those that no API and no media answers."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            return False
        asked = ensure_exchange(scope).client.host.lower().rsplit(":", 1)[0]
        if self._host and asked != self._host:
            return False
        path = scope["path"]
        first = path[1:].partition("/")[0]
        return first not in _RESERVED and not path.startswith(PREFIX)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; what it does not know, and is no file by its name, is its start page."""
        await self._limited(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        accepted = header(scope["headers"], "accept-encoding")
        found = await find_file(self._folder, _names(scope["path"]), accepted)
        if found is None:
            kind = "text/plain; charset=UTF-8"
            headers = {"Content-Type": kind, "Cache-Control": "no-store"}
            await send_answer(send, (404, headers, b"There is no such file."))
            return
        try:
            await send_file(scope, send, found, await self._headers(found))
        finally:
            found.close()

    async def _headers(self, file: OpenFile) -> list[tuple[str, str]]:
        is_hashed = file.name.startswith(_HASHED_FOLDERS) and _HASHED_NAME.search(file.name)
        found = [
            ("cache-control", _FOREVER if is_hashed else _ASK_EACH_TIME),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-resource-policy", "same-origin"),
        ]
        if not file.kind.startswith("text/html"):
            # Opened by itself, an SVG is a page; it gets to do nothing.
            inert = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
            return [*found, ("content-security-policy", inert)] if "svg" in file.kind else found
        policy = _policy(await self._hashes(file), await options_now(self._options))
        return [
            *found,
            ("content-security-policy", policy),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ]

    async def _hashes(self, file: OpenFile) -> str:
        """The scripts inside a page, as its policy names them: those of its authors run, others not."""
        key = f"{file.name} {file.plain_version}"
        if self._inline[0] != key:
            plain = await find_file(self._folder, [file.name], None)
            if plain is None:
                return ""
            try:
                page = await asyncio.to_thread(plain.read)
            finally:
                plain.close()
            self._inline = (key, " ".join(_hashes(page)))
        return self._inline[1]


# The first parts of addresses that are never the panel's. `library` is where our own pages are then.
_RESERVED = frozenset(
    {
        "api", "captcha", "events", "healthz", "library", "logout", "session", "setup", "static",
        "upload", "v", "video", "webhooks",
    }
)  # fmt: skip


def _names(path: str) -> list[str]:
    """The files that may be meant, likeliest first."""
    name = path.strip("/")
    if not name:
        return [INDEX]
    if Path(name).suffix.lower() in TYPES or name.startswith(_HASHED_FOLDERS):
        # A script that is gone is gone: a page instead of it would only confuse.
        return [name]
    return [name, f"{name}/{INDEX}", INDEX]


def _hashes(page: bytes) -> list[str]:
    return [
        f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'"
        for attributes, text in _INLINE.findall(page)
        if text and b"src=" not in attributes.lower()
    ]


def _policy(hashes: str, options: Options) -> str:
    """What a panel needs that we did not write: its own scripts, styles anywhere, and pictures, films
    and addresses of others, which people may give it. No script that somebody slipped in.
    """
    captcha = _CAPTCHAS.get(options.captcha_type, "") if options.captcha_enabled else ""
    rules = {
        "default-src": "'self'",
        "script-src": f"'self' 'unsafe-eval' {hashes} {captcha}",
        "style-src": f"'self' 'unsafe-inline' {captcha}",
        "img-src": "'self' https: data: blob:",
        "media-src": "'self' https: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self' https:",
        "frame-src": "'self' https:",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {' '.join(text.split())}" for name, text in rules.items())
