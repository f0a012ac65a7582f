"""Where a panel is at /, our own pages are at /library: those of them whose addresses it has too.

The others (videos, the player, set-up) stay where they are.
"""

from polyreel.http.middleware import ASGIApp, Message, Receive, Scope, Send

__all__ = ["HOME", "moved"]

HOME = "/library"
_MOVED = ("/login", "/p/")


def moved(app: ASGIApp) -> ASGIApp:
    """`app`, whose start page, sign-in and written pages are reached below /library."""

    async def elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path.startswith("/captcha/"):
            # Without a video these lead to the start page, whosever it is.
            await app(scope, receive, send)
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [
                    (name, _address(value) if name == b"location" else value)
                    for name, value in message.get("headers", ())
                ]
                message = {**message, "headers": headers}
            await send(message)

        await app({**scope, "path": _ours(path)}, receive, told)

    return elsewhere


def _ours(path: str) -> str:
    """The address that the pages themselves know."""
    if path in (HOME, HOME + "/"):
        return "/"
    inner = path.removeprefix(HOME)
    return inner if inner != path and inner.startswith(_MOVED) else path


def _address(location: bytes) -> bytes:
    """Where a redirect of theirs leads."""
    text = location.decode("latin-1")
    if text == "/" or text.startswith("/?"):
        return (HOME + text[1:]).encode("latin-1")
    return (HOME + text).encode("latin-1") if text.startswith(_MOVED) else location
