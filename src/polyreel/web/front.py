"""The front of the web interface: what holds for every request, then the route that answers it."""

import logging
from collections.abc import Sequence

from polyreel.core.options import OptionsCache
from polyreel.core.users import PASSWORDS, Passwords
from polyreel.http.auth import is_same_origin
from polyreel.http.face import WrongMethod, kind_of, make_face, send_answer
from polyreel.http.middleware import Message, Receive, Scope, Send
from polyreel.http.operations import Api
from polyreel.http.throttle import LoginThrottle
from polyreel.infra.tools import Tools
from polyreel.kit.errors import Forbidden
from polyreel.web.asking import Asking, asked, client_of, read_asking
from polyreel.web.errors import answer
from polyreel.web.events import EventsRoute
from polyreel.web.moved import HOME, moved
from polyreel.web.replies import Reply, redirect
from polyreel.web.routes import PAGES_API, page_routes, raw_routes
from polyreel.web.site import Site
from polyreel.web.static import PREFIX, load_static_files

__all__ = ["WebApp", "make_app"]

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# It changes nothing but what its sender may watch, and asks for more than where a form came from.
_FROM_ANYWHERE = frozenset({"/captcha/verify"})
_HEALTHY = Reply(200, [("content-type", "text/plain"), ("cache-control", "no-store")], b"ok")

_log = logging.getLogger(__name__)


def make_app(
    tools: Tools,
    *,
    options: OptionsCache | None = None,
    logins: LoginThrottle | None = None,
    passwords: Passwords = PASSWORDS,
    apis: Sequence[Api] = (),
) -> "WebApp":
    """The ASGI app of all pages; close it before its tools.

    `logins` is best shared with the other faces, so that a password is tried in one place only.
    `apis` are described at /api/docs, with the pages that belong to one.
    """
    described = [*apis, PAGES_API]
    return WebApp(Site(tools, options=options, logins=logins, passwords=passwords, apis=described))


class WebApp:
    """ASGI app. Changes are taken from our own pages only; every error is answered."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._static = load_static_files()
        self._events = EventsRoute(site.tools)
        is_moved = site.settings.has_panel_at_root
        self._home = HOME if is_moved else "/"
        self._within = moved(self._answer) if is_moved else self._answer
        self._raw = raw_routes(site, self._events)
        self._face = make_face(
            "web",
            page_routes(site),
            tools=site.tools,
            answer=answer,
            authenticate=site.authenticate,
        )

    def close(self) -> None:
        """End the event streams, which would stay open for ever; before the tools are closed."""
        self._events.close()
        self._site.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        if scope["path"] == "/healthz":
            await _HEALTHY(scope, receive, send)
            return
        has_started = False

        async def watched(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        with asked(self._read_asking(scope)):
            try:
                await self._within(scope, receive, watched)
            except Exception as error:
                if has_started:
                    raise
                await send_answer(send, answer(kind_of(error, scope, "web")))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if method not in _SAFE and path not in _FROM_ANYWHERE and not self._is_ours(scope):
            raise Forbidden("This request did not come from a page of this server.")
        if path.startswith(PREFIX):
            await self._static(scope, receive, send)
        elif path == "/favicon.ico":
            await redirect(self._static.address("img/icon.svg"))(scope, receive, send)
        elif path in self._raw:
            wanted, app = self._raw[path]
            if method != wanted:
                raise WrongMethod(method, path, [wanted])
            await app(scope, receive, send)
        else:
            await self._face(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        urls = self._site.public_urls
        return is_same_origin(scope["headers"], client_of(scope), base_urls=urls)

    def _read_asking(self, scope: Scope) -> Asking:
        site = self._site
        return read_asking(
            scope,
            app_name=lambda: site.app_name,
            embed_allowed=site.settings.embed_allowed,
            home=self._home,
        )
