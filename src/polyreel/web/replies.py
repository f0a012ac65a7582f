"""Whole answers, and the headers that say what a page may do.

A reply is an ASGI app, so that handlers can give it back and raw routes can call it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from polyreel.http.middleware import Receive, Scope, Send

__all__ = ["PageClass", "Reply", "empty_reply", "html_reply", "json_reply", "redirect"]

PageClass = Literal["plain", "player", "embed", "written"]
"""`plain` pages; `player` ones with the player in them; `embed`, which other sites may frame;
`written` by an administrator.
"""

Headers = list[tuple[str, str]]

_PLAIN = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "worker-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
# The player's controls carry their styles inside; hls.js feeds the picture through a blob: address.
_PLAYER = {
    **_PLAIN,
    "style-src": "'self' 'unsafe-inline'",
    "media-src": "'self' blob:",
    # Those that came with a film, for its subtitles.
    "font-src": "'self'",
}
_POLICIES: Mapping[PageClass, Mapping[str, str]] = {
    "plain": _PLAIN,
    "player": _PLAYER,
    "embed": {**_PLAYER, "frame-ancestors": "*"},
    # Page builders write styles into their elements, and show pictures that lie elsewhere.
    "written": {
        **_PLAIN,
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' https: data:",
    },
}


@dataclass(frozen=True)
class Reply:
    """Status, headers (names in lower case, one may come twice) and body; sent when called."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""

    def plus(self, more: Iterable[tuple[str, str]]) -> "Reply":
        """The same with more headers."""
        return Reply(self.status, [*self.headers, *more], self.body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; HEAD gets the headers alone."""
        lines = [(name.encode(), text.encode("latin-1")) for name, text in self.headers]
        if self.status not in (204, 304):
            lines.append((b"content-length", str(len(self.body)).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": lines})
        body = b"" if scope["method"] == "HEAD" else self.body
        await send({"type": "http.response.body", "body": body, "more_body": False})


def html_reply(
    body: bytes,
    *,
    status: int = 200,
    page: PageClass = "plain",
    connect: Iterable[str] = (),
    sources: Mapping[str, str] | None = None,
) -> Reply:
    """A page, with everything a browser is told to forbid it but to reach the origins in `connect`,
    and what `sources` adds to single rules of its policy.
    """
    rules = dict(_POLICIES[page])
    rules["connect-src"] = " ".join([rules["connect-src"], *sorted(set(connect))])
    for name, more in (sources or {}).items():
        rules[name] = f"{rules[name]} {more}" if name in rules else more
    policy = "; ".join(f"{name} {value}" for name, value in rules.items())
    headers = [
        ("content-type", "text/html; charset=utf-8"),
        # What one person sees is nobody else's, and is not shown again after signing out.
        ("cache-control", "private, no-store"),
        ("content-security-policy", policy),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ]
    if page == "embed":
        headers.append(("cross-origin-resource-policy", "cross-origin"))
    else:
        headers.append(("cross-origin-resource-policy", "same-origin"))
        headers.append(("x-frame-options", "DENY"))
    return Reply(status, headers, body)


def json_reply(value: object, *, status: int = 200) -> Reply:
    """A value for a script of ours."""
    headers = [
        ("content-type", "application/json"),
        ("cache-control", "private, no-store"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
    ]
    return Reply(status, headers, msgspec.json.encode(value))


def empty_reply() -> Reply:
    """Done, and nothing to say."""
    return Reply(204, [("cache-control", "private, no-store")])


def redirect(address: str) -> Reply:
    """Go there with GET; `address` is a path on this server."""
    return Reply(303, [("location", address), ("cache-control", "private, no-store")])
