"""Every address of the web interface, on one screen."""

from typing import Any

from litestar.di import Provide

from polyreel.http.face import Routes
from polyreel.http.middleware import ASGIApp
from polyreel.http.operations import Api, find_operation, routes_of
from polyreel.web.api import show_api, show_document
from polyreel.web.captcha import show_challenge, verify_challenge
from polyreel.web.library import make_folder, show_library
from polyreel.web.login import check_login, show_login
from polyreel.web.logout import ask_session, log_out
from polyreel.web.pages import show_page
from polyreel.web.setup import finish_setup, show_setup
from polyreel.web.site import Site
from polyreel.web.steps import STEPS
from polyreel.web.subtitles import SUBTITLES
from polyreel.web.upload import UploadRoute
from polyreel.web.video import change_video, forget_video, show_poster, show_state, show_video
from polyreel.web.watch import show_player
from polyreel.web.webhooks import WEBHOOK_PAGES

__all__ = ["ANYONE", "PAGES_API", "page_routes", "raw_routes"]

PAGES = (
    show_setup, finish_setup,      # GET POST  /setup?token=          anyone
    show_login, check_login,       # GET POST  /login?next=           anyone
    log_out,                       # POST      /logout                anyone
    ask_session,                   # GET       /session
    show_library, make_folder,     # GET       /?folder=&before=      POST /folders
    show_video, show_state,        # GET       /video/<uuid>          GET  /video/<uuid>/state
    change_video, forget_video,    # PATCH DELETE  /video/<uuid>
    *SUBTITLES,                    # GET POST  /video/<uuid>/subtitles      DELETE .../<id>
    *STEPS,                        # GET POST  /video/<uuid>/steps          /video/<uuid>/retry
    show_poster,                   # GET       /video/<uuid>/poster.webp
    show_player,                   # GET       /v/<uuid>              anyone, unless it is private
    show_page,                     # GET       /p/<path>              anyone
    show_challenge,                # GET       /captcha/challenge?uuid=   anyone
    verify_challenge,              # POST      /captcha/verify        anyone
    *WEBHOOK_PAGES,                # ...       /webhooks...
    show_api, show_document,       # GET       /api/docs              GET  /api/openapi.json, anyone
)  # fmt: skip

ANYONE = frozenset(
    {
        "/setup", "/login", "/logout", "/v/{uuid}", "/p/{path}", "/healthz", "/favicon.ico",
        "/captcha/challenge", "/captcha/verify", "/api/docs", "/api/openapi.json",
    }
)  # fmt: skip
"""What answers people who are not signed in; all else sends them to /login or says 401. /static/ too."""


PAGES_API = Api(
    name="pages",
    title="VideoCMS",
    says="The API of VideoCMS, as its panel, its player and scripts use it.",
    routes=routes_of(each for each in PAGES if find_operation(each) is not None),
    schemes={},
    security={"anyone": []},
)
"""Those of the pages that an API speaks of."""


def page_routes(site: Site) -> list[Any]:
    """The handlers, each given `site` when it asks."""
    given = {"site": Provide(lambda: site, sync_to_thread=False)}
    return [Routes(path="/", route_handlers=list(PAGES), dependencies=given)]


def raw_routes(site: Site, events: ASGIApp) -> dict[str, tuple[str, ASGIApp]]:
    """Path -> (method, ASGI app), where bytes flow."""
    return {"/upload": ("POST", UploadRoute(site)), "/events": ("GET", events)}
