"""The chapter "Authentication API": sign in, ask who one is, stay signed in. Contract: section 2."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import parse_qsl

from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import RawBody
from msgspec import UNSET

from polyreel.core import users
from polyreel.core.options import read_options
from polyreel.dialects.videocms.answers import empty_answer, json_answer
from polyreel.dialects.videocms.auth import authenticate
from polyreel.dialects.videocms.binder import (
    REQUIRED,
    Param,
    Sent,
    bind,
    bind_fields,
    least,
    most,
    sent_of,
)
from polyreel.dialects.videocms.operations import told
from polyreel.dialects.videocms.shapes import Checked, Login
from polyreel.dialects.videocms.translate import time_text
from polyreel.http.auth import bearer_token
from polyreel.http.face import AnyActor, ServerTools, raw_of
from polyreel.http.middleware import Exchange, ensure_exchange
from polyreel.http.throttle import LoginThrottle
from polyreel.infra.tools import Tools
from polyreel.kit import clock
from polyreel.kit.errors import Forbidden, Invalid, Unauthenticated

__all__ = ["check_login", "make_login", "refresh_login"]

CHAPTER = "Authentication"

_MOST_IN_QUERY = 50
_REFRESHED_WITHIN = timedelta(minutes=5)


@dataclass(frozen=True)
class Credentials:
    """What a person signs in with."""

    username: Annotated[str, Param("Username", REQUIRED, least(3), most(32))]
    password: Annotated[str, Param("Password", REQUIRED, least(8), most(250))]


def make_login(throttle: LoginThrottle) -> HTTPRouteHandler:
    """The handler of `POST /api/auth/login`, counting wrong passwords in `throttle`."""

    @post(
        "/api/auth/login",
        status_code=200,
        sync_to_thread=True,
        opt=told(CHAPTER, who="anyone", takes=Credentials, gives=Login, also=(403,)),
    )
    def sign_in(
        request: Request[Any, Any, Any], body: RawBody, tools: ServerTools
    ) -> Response[bytes]:
        """A token for a name and a password; where a captcha is asked for, for that too."""
        sent = sent_of(request, body)
        given = bind(Credentials, sent)
        login = _sign_in(tools, throttle, given, sent, _exchange_of(request))
        return json_answer(login, cache_control="no-store")

    return sign_in


@get(
    "/api/auth/check", sync_to_thread=True, opt={**told(CHAPTER, gives=Checked), "access": "anyone"}
)
def check_login(request: Request[Any, Any, Any], tools: ServerTools) -> Response[bytes]:
    """Who a token is. The panel asks every 15 seconds, so keys used for it are not noted."""
    scope, _ = raw_of(request)
    try:
        actor = authenticate(tools, scope)
    except (Unauthenticated, Forbidden):
        actor = None
    if actor is None:
        return empty_answer(403)
    exp = clock.iso(actor.expires_at) if actor.expires_at else None
    is_key = True if actor.via == "key" else UNSET
    return json_answer(Checked(username=actor.username, is_api_key=is_key, exp=exp))


@get(
    "/api/auth/refresh",
    sync_to_thread=True,
    opt={**told(CHAPTER, who="login", gives=Login), "access": "known"},
)
def refresh_login(
    request: Request[Any, Any, Any], actor: AnyActor, tools: ServerTools
) -> Response[bytes]:
    """A new JWT for one that is about to end."""
    scope, _ = raw_of(request)
    if bearer_token(scope["headers"]) is None:
        return empty_answer(403)
    if actor is None:
        raise Unauthenticated("This login is over or was never valid.")
    if actor.via != "jwt" or actor.expires_at is None:
        raise Forbidden("An API key cannot be refreshed.")
    if actor.expires_at - clock.now() > _REFRESHED_WITHIN:
        raise Forbidden("It is too early to refresh this login.")
    with tools.db.read() as tx:
        user = users.get_user(tx, actor.user_id)
    return json_answer(_login(users.issue_jwt(tools.secrets, user)), cache_control="no-store")


def _sign_in(
    tools: Tools, throttle: LoginThrottle, given: Credentials, sent: Sent, exchange: Exchange
) -> Login:
    if tools.settings.require_https and exchange.client.scheme != "https":
        raise Forbidden("Please sign in over HTTPS.")
    try:
        with throttle.attempt(exchange.client.address, given.username):
            _check_captcha(tools, sent, exchange.client.address)
            user = users.check_password(tools.db, given.username, given.password)
    except Unauthenticated as error:
        # In this API a wrong password is a wrong field.
        raise Invalid(error.message) from None
    return _login(users.issue_jwt(tools.secrets, user))


def _check_captcha(tools: Tools, sent: Sent, client_ip: str) -> None:
    """Where one is asked for at the login; its token may come beside the other fields or in the query.

    Contract: section 3.3.
    """
    with tools.db.read() as tx:
        options = read_options(tx)
    field = users.captcha_field(options) if options.captcha_at_login else None
    if field is None:
        return
    param = Param(field, most(users.LONGEST_CAPTCHA))
    token = bind_fields({field: param}, sent)[field]
    if not token:
        in_query = dict(parse_qsl(sent.query.decode("latin-1"), max_num_fields=_MOST_IN_QUERY))
        token = in_query.get(field, "")
    users.check_captcha(tools.outbound, options, token, client_ip=client_ip)


def _login(issued: users.Login) -> Login:
    return Login(exp=time_text(issued.expires_at), token=issued.token)


def _exchange_of(request: Request[Any, Any, Any]) -> Exchange:
    scope, _ = raw_of(request)
    return ensure_exchange(scope)
