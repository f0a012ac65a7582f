"""How large a request may be that is no upload. Contract: section 1.8."""

from polyreel.core.options import OptionsCache
from polyreel.dialects.videocms.errors import answer
from polyreel.http.auth import header
from polyreel.http.face import send_answer
from polyreel.http.middleware import ASGIApp, Receive, Scope, Send
from polyreel.http.options import options_now
from polyreel.kit.errors import TooLarge

__all__ = ["with_body_limit"]

# What brings files measures the files themselves.
_WITH_FILES = frozenset({"/api/file", "/api/file/thumbnail", "/api/file/upload"})
_RESUMABLE = "/api/uploads"


def with_body_limit(app: ASGIApp, options: OptionsCache) -> ASGIApp:
    """`app`, for bodies that announce no more than the options allow for all but files. What is
    read into memory is measured besides, by the routes that do.
    """

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _brings_files(scope["path"]):
            announced = header(scope["headers"], "content-length") or ""
            size = int(announced[:19]) if announced.isascii() and announced.isdigit() else 0
            if size and size > (await options_now(options)).videocms_post_max_bytes:
                await send_answer(send, answer(TooLarge()))
                return
        await app(scope, receive, send)

    return limited


def _brings_files(path: str) -> bool:
    return path in _WITH_FILES or path.startswith(_RESUMABLE)
