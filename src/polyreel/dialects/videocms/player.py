"""How far a video is, for its player. Contract: section 4.3; the page itself is the web's."""

from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from polyreel.core import library
from polyreel.core.library import Video
from polyreel.core.media import list_renditions
from polyreel.dialects.videocms.answers import json_answer
from polyreel.dialects.videocms.shapes import Status
from polyreel.dialects.videocms.translate import video_to_status
from polyreel.http.auth import actor_by_cookie, actor_by_token, bearer_token
from polyreel.http.face import ServerTools, raw_of
from polyreel.http.middleware import Scope, ensure_exchange
from polyreel.infra.tools import Tools
from polyreel.infra.tx import Tx
from polyreel.kit.errors import Unauthenticated
from polyreel.kit.ids import parse_uuid

__all__ = ["get_status"]


@get("/v/{uuid:str}/status", opt={"access": "anyone"}, sync_to_thread=True)
def get_status(
    request: Request[Any, Any, Any], uuid: FromPath[str], tools: ServerTools
) -> Response[bytes]:
    """For whoever has the address; of a private video, for those who may watch it."""
    canonical = parse_uuid(uuid)
    if canonical is None:
        return _no_video("", 400)
    scope, _ = raw_of(request)
    with tools.db.read() as tx:
        video = library.find_video_by_uuid(tx, canonical)
        if video is None or not _may_watch(tools, tx, scope, video):
            return _no_video(canonical, 404)
        status = video_to_status(video, list_renditions(tx, video.media_id))
    return json_answer(status, cache_control="no-store")


def _may_watch(tools: Tools, tx: Tx, scope: Scope, video: Video) -> bool:
    """Who is asking matters for private videos alone; the player page signs people in by cookie."""
    if library.may_watch(None, video):
        return True
    token = bearer_token(scope["headers"])
    try:
        if token is not None:
            return library.may_watch(actor_by_token(tx, tools.secrets, token), video)
    except Unauthenticated:
        return False
    client = ensure_exchange(scope).client
    actor = actor_by_cookie(tx, scope["headers"], client, scope["method"])
    return library.may_watch(actor, video)


def _no_video(uuid: str, status: int) -> Response[bytes]:
    message = "There is no such video."
    found = Status(uuid=uuid, state="not_found", message=message)
    return json_answer(found, status, cache_control="no-store")
