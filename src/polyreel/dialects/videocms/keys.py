"""The chapter "API keys", for people with a JWT alone. Contract: section 6."""

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, RawBody

from polyreel.core import users
from polyreel.core.users import Actor, KeyAudit
from polyreel.dialects.videocms.answers import empty_answer, json_answer
from polyreel.dialects.videocms.auth import require_login
from polyreel.dialects.videocms.binder import REQUIRED, Param, bind, least, most, sent_of
from polyreel.dialects.videocms.operations import told
from polyreel.dialects.videocms.schemas import ROW_ID
from polyreel.dialects.videocms.shapes_people import Key, KeyUse, NewKey
from polyreel.dialects.videocms.translate_people import (
    key_to_row,
    new_key_to_answer,
    path_id,
    time_of,
    use_to_row,
)
from polyreel.http.face import KnownActor, ServerTools

__all__ = ["create_key", "delete_key", "make_key_lists"]

CHAPTER = "API keys"

_KIND: users.KeyFor = "videocms"
_MOST_USES = 100


@dataclass(frozen=True)
class WantedKey:
    """A key to be made; `expires_at` RFC 3339 or empty."""

    name: Annotated[str, Param("Name", REQUIRED, least(3), most(32))]
    expires_at: Annotated[str, Param("expires_at")]


@post(
    "/api/apikey",
    status_code=201,
    sync_to_thread=True,
    opt=told(CHAPTER, who="login", takes=WantedKey, gives=NewKey, status=201),
)
def create_key(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """A new key of the caller's; its text is told this once."""
    _require_login(actor)
    wish = bind(WantedKey, sent_of(request, body))
    expires_at = time_of(wish.expires_at) if wish.expires_at else None
    with tools.db.write() as tx:
        made = users.create_key(tx, actor, _KIND, name=wish.name, expires_at=expires_at)
    return json_answer(new_key_to_answer(made), 201, cache_control="no-store")


@delete(
    "/api/apikey/{key_id:str}",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, who="login", path={"key_id": ROW_ID}, status=204, also=(404,)),
)
def delete_key(key_id: FromPath[str], actor: KnownActor, tools: ServerTools) -> Response[bytes]:
    """End a key of the caller's; what it was used for goes with it."""
    _require_login(actor)
    with tools.db.write() as tx:
        users.delete_key(tx, actor, path_id(key_id), key_for=_KIND)
    return empty_answer(204)


def make_key_lists(audit: KeyAudit | None) -> list[HTTPRouteHandler]:
    """The handlers that show what keys were used for, also what `audit` has not written yet."""

    def flush() -> None:
        if audit is not None:
            audit.flush()

    @get("/api/apikeys", sync_to_thread=True, opt=told(CHAPTER, who="login", gives=list[Key]))
    def list_keys(actor: KnownActor, tools: ServerTools) -> Response[bytes]:
        """The caller's keys, without their texts."""
        _require_login(actor)
        flush()
        with tools.db.read() as tx:
            keys = users.list_keys(tx, actor, key_for=_KIND)
        return json_answer([key_to_row(each) for each in keys])

    @get(
        "/api/apikey/{key_id:str}/audit",
        sync_to_thread=True,
        opt=told(CHAPTER, who="login", path={"key_id": ROW_ID}, gives=list[KeyUse], also=(404,)),
    )
    def list_uses(key_id: FromPath[str], actor: KnownActor, tools: ServerTools) -> Response[bytes]:
        """The last 100 requests made with a key, newest first."""
        _require_login(actor)
        number = path_id(key_id)
        flush()
        with tools.db.read() as tx:
            uses = users.list_key_uses(tx, actor, number, key_for=_KIND, limit=_MOST_USES)
        return json_answer([use_to_row(each) for each in uses])

    return [list_keys, list_uses]


def _require_login(actor: Actor) -> None:
    require_login(actor, "API Key Not Permitted to Manage API Keys")
