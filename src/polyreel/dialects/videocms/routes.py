"""Every path and method of this API, and who may come without a token."""

from collections.abc import Sequence

from litestar.handlers import HTTPRouteHandler

from polyreel.core.options import OptionsCache
from polyreel.core.users import PASSWORDS, KeyAudit, Passwords
from polyreel.dialects.videocms.account import make_account
from polyreel.dialects.videocms.auth import authenticate
from polyreel.dialects.videocms.bodies import with_body_limit
from polyreel.dialects.videocms.clone import clone_file
from polyreel.dialects.videocms.config import get_config
from polyreel.dialects.videocms.cors import with_cors
from polyreel.dialects.videocms.encodings import ENCODINGS
from polyreel.dialects.videocms.endpoints import ENDPOINTS
from polyreel.dialects.videocms.errors import answer
from polyreel.dialects.videocms.event_stream import (
    STREAM_ROUTES,
    EventStreamRoute,
    is_event_stream,
)
from polyreel.dialects.videocms.events import EVENTS
from polyreel.dialects.videocms.files import FILES, make_search
from polyreel.dialects.videocms.folders import make_folders
from polyreel.dialects.videocms.keys import create_key, delete_key, make_key_lists
from polyreel.dialects.videocms.login import check_login, make_login, refresh_login
from polyreel.dialects.videocms.moving import move_items
from polyreel.dialects.videocms.pages import PAGES, PUBLIC_PAGES
from polyreel.dialects.videocms.people import make_people
from polyreel.dialects.videocms.player import get_status
from polyreel.dialects.videocms.rate import RateLimits
from polyreel.dialects.videocms.remote import REMOTE
from polyreel.dialects.videocms.sessions import list_sessions, make_finalize
from polyreel.dialects.videocms.settings import change_settings, read_settings
from polyreel.dialects.videocms.statistics import STATISTICS
from polyreel.dialects.videocms.steps import STEPS
from polyreel.dialects.videocms.tags import TAGS
from polyreel.dialects.videocms.thumbnail import THUMBNAILS
from polyreel.dialects.videocms.turns import Turns
from polyreel.dialects.videocms.tus import is_tus, make_tus
from polyreel.dialects.videocms.tus_operations import TUS_ROUTES
from polyreel.dialects.videocms.upload import make_uploads
from polyreel.dialects.videocms.version import check_version, get_example
from polyreel.dialects.videocms.webhooks import WEBHOOKS
from polyreel.http.face import make_face
from polyreel.http.middleware import Receive, Scope, Send
from polyreel.http.operations import Api, ApiApp, Route, routes_of
from polyreel.http.throttle import LoginThrottle, Throttle
from polyreel.infra.tools import Tools

__all__ = ["make_app"]


def make_app(  # noqa: PLR0913 - what the faces of one process share
    tools: Tools,
    audit: KeyAudit | None = None,
    *,
    logins: LoginThrottle | None = None,
    passwords: Passwords = PASSWORDS,
    options: OptionsCache | None = None,
    limits: RateLimits | None = None,
    searches: Throttle | None = None,
    probe_wait_s: float = 5.0,
) -> ApiApp:
    """The ASGI app of `/api/*` and `/v/<uuid>/status`; `audit` notes the use of keys.

    `logins` counts wrong passwords, `limits` requests, for all faces that share them; `searches`
    those of each person, 600 at once and ten a second unless another one is given. An upload is
    answered after at most `probe_wait_s` seconds of looking into the file.
    """
    options = options or OptionsCache(tools.db)
    public = [
        make_login(logins or LoginThrottle()),
        check_login,
        refresh_login,
        get_config,
        get_status,
        get_example,
        *PUBLIC_PAGES,
    ]
    own = [
        create_key,
        delete_key,
        *make_key_lists(audit),
        *make_account(passwords),
        *make_people(passwords),
        read_settings,
        change_settings,
        *PAGES,
        check_version,
    ]
    turns = Turns()
    files = [*FILES, make_search(searches or Throttle(burst=600, every_s=0.1)), clone_file]
    kept = [*make_folders(turns), *files, *STEPS, *THUMBNAILS, *TAGS, move_items, *ENCODINGS]
    uploads = [*make_uploads(probe_wait_s, turns), list_sessions, make_finalize(probe_wait_s)]
    private = [*own, *STATISTICS, *WEBHOOKS, *ENDPOINTS, *EVENTS, *REMOTE, *kept, *uploads]
    for_anyone = make_face(
        "videocms", public, tools=tools, answer=answer, authenticate=authenticate, audit=audit
    )
    for_known = make_face(
        "videocms",
        private,
        tools=tools,
        answer=answer,
        authenticate=authenticate,
        audit=audit,
        auth_first=True,
    )
    tus = make_tus(tools, options, audit)
    stream = EventStreamRoute(tools, audit)
    open_routes = _routes(public)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_tus(scope["method"], scope["path"]):
            await tus(scope, receive, send)
            return
        if scope["type"] == "http" and is_event_stream(scope["method"], scope["path"]):
            await stream(scope, receive, send)
            return
        # What is not open is asked for a token first, so that nobody unknown learns what there is.
        is_open = scope["type"] != "http" or (
            (scope["method"], scope["path"]) in open_routes or scope["path"].startswith("/v/")
        )
        await (for_anyone if is_open else for_known)(scope, receive, send)

    limited = (limits or RateLimits(options)).around(with_body_limit(app, options))
    readable = with_cors(limited, options, answers_options=lambda path: is_tus("OPTIONS", path))
    return ApiApp(
        api=_api([*routes_of([*public, *private]), *TUS_ROUTES, *STREAM_ROUTES]), app=readable
    )


def _api(routes: Sequence[Route]) -> Api:
    bearer = {"type": "http", "scheme": "bearer"}
    return Api(
        name="videocms",
        title="VideoCMS",
        says="The API of VideoCMS, as its panel, its player and scripts use it.",
        routes=routes,
        schemes={
            "login": {
                **bearer,
                "bearerFormat": "JWT",
                "description": "The token of `POST /api/auth/login`.",
            },
            "key": {**bearer, "description": "An API key, `ak_...`."},
        },
        security={
            "anyone": [],
            "known": ["login", "key"],
            "login": ["login"],
            "admin": ["login"],
        },
    )


def _routes(handlers: Sequence[HTTPRouteHandler]) -> frozenset[tuple[str, str]]:
    """(method, path) of every handler, HEAD beside each GET."""
    found = {
        (str(method), path) for one in handlers for path in one.paths for method in one.http_methods
    }
    return frozenset(found | {("HEAD", path) for method, path in found if method == "GET"})
