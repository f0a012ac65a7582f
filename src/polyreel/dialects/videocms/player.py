"""How far a video is, for its player. Contract: section 4.3; the page itself is the web's."""

from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from polyreel.core import library
from polyreel.core.media import list_renditions, list_subtitles
from polyreel.core.options import read_options
from polyreel.core.users import Actor
from polyreel.dialects.videocms.answers import json_answer
from polyreel.dialects.videocms.operations import told
from polyreel.dialects.videocms.schemas import UUID_TEXT
from polyreel.dialects.videocms.shapes import Status
from polyreel.dialects.videocms.translate import video_to_status
from polyreel.http.auth import actor_by_cookie, actor_by_token, bearer_token
from polyreel.http.face import ServerTools, raw_of
from polyreel.http.middleware import Scope, ensure_exchange
from polyreel.http.player import must_solve_captcha
from polyreel.infra.tools import Tools
from polyreel.infra.tx import Tx
from polyreel.kit.errors import Unauthenticated
from polyreel.kit.ids import parse_uuid

__all__ = ["get_status"]

CHAPTER = "Player and media"


@get(
    "/v/{uuid:str}/status",
    sync_to_thread=True,
    opt=told(
        CHAPTER,
        who="anyone",
        path={"uuid": UUID_TEXT},
        gives=Status,
        fails={400: Status, 403: Status, 404: Status},
    ),
)
def get_status(
    request: Request[Any, Any, Any], uuid: FromPath[str], tools: ServerTools
) -> Response[bytes]:
    """For whoever has the address; of a private video, for those who may watch it."""
    canonical = parse_uuid(uuid)
    if canonical is None:
        return _no_video("", 400)
    scope, _ = raw_of(request)
    with tools.db.read() as tx:
        options = read_options(tx)
        actor = _viewer(tools, tx, scope)
        video = library.find_video_by_uuid(tx, canonical)
        if video is None or not library.may_watch(actor, video):
            return _no_video(canonical, 404)
        if must_solve_captcha(options, tools.secrets, scope, actor, video.user_id):
            return _captcha_required(canonical)
        texts = list_subtitles(tx, video.media_id, video.id)
        status = video_to_status(video, list_renditions(tx, video.media_id), texts)
    return json_answer(status, cache_control="no-store")


def _viewer(tools: Tools, tx: Tx, scope: Scope) -> Actor | None:
    """Who is asking, where that is told: the player page signs people in by cookie."""
    token = bearer_token(scope["headers"])
    try:
        if token is not None:
            return actor_by_token(tx, tools.secrets, token)
    except Unauthenticated:
        return None
    client = ensure_exchange(scope).client
    return actor_by_cookie(tx, scope["headers"], client, scope["method"])


def _captcha_required(uuid: str) -> Response[bytes]:
    message = "Solve the captcha of the player page first."
    found = Status(uuid=uuid, state="captcha_required", message=message)
    return json_answer(found, 403, cache_control="no-store")


def _no_video(uuid: str, status: int) -> Response[bytes]:
    message = "There is no such video."
    found = Status(uuid=uuid, state="not_found", message=message)
    return json_answer(found, status, cache_control="no-store")
