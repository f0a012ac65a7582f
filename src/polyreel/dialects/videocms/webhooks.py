"""The chapter "Webhooks": whom the player page calls while a video plays. Contract: section 13."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import RawBody

from polyreel.core import webhooks
from polyreel.core.webhooks import PlayerWebhook, WantedWebhook
from polyreel.dialects.videocms.answers import json_answer, text_answer
from polyreel.dialects.videocms.binder import REQUIRED, Param, bind, least, most, sent_of
from polyreel.dialects.videocms.operations import TEXT, told
from polyreel.dialects.videocms.rules import ALPHA, HTTP_URL
from polyreel.dialects.videocms.shapes import Row
from polyreel.dialects.videocms.translate import time_text
from polyreel.http.face import KnownActor, ServerTools

__all__ = ["WEBHOOKS"]

CHAPTER = "Webhooks"


class Webhook(Row, kw_only=True):
    """A webhook as its owner sees it."""

    Name: str
    Url: str
    Rpm: int
    ReqQuery: str
    ResField: str
    UserID: int


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A webhook as it shall be."""

    name: Annotated[str, Param("Name", REQUIRED, least(1), most(120))]
    url: Annotated[str, Param("Url", REQUIRED, HTTP_URL, least(4), most(255))]
    per_minute: Annotated[int, Param("Rpm", REQUIRED, least(1), most(60))]
    query_name: Annotated[str, Param("ReqQuery", REQUIRED, ALPHA, least(1), most(50))]
    field_name: Annotated[str, Param("ResField", REQUIRED, ALPHA, least(1), most(50))]

    def wanted(self) -> WantedWebhook:
        """In the words of the core."""
        return WantedWebhook(self.name, self.url, self.per_minute, self.query_name, self.field_name)


@dataclass(frozen=True, kw_only=True)
class Which:
    """One webhook."""

    webhook_id: Annotated[int, Param("WebhookID", REQUIRED)]


@get("/api/webhooks", sync_to_thread=True, opt=told(CHAPTER, gives=list[Webhook]))
def list_webhooks(actor: KnownActor, tools: ServerTools) -> Response[bytes]:
    """The caller's own."""
    with tools.db.read() as tx:
        found = webhooks.list_player_webhooks(tx, actor)
    return json_answer([_row(each) for each in found])


@post(
    "/api/webhook",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, takes=Wish, gives=TEXT, also=(409,)),
)
def create_webhook(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """A new one."""
    wish = bind(Wish, sent_of(request, body))
    with tools.db.write() as tx:
        webhooks.create_player_webhook(tx, actor, wish.wanted())
    return text_answer("ok")


@put(
    "/api/webhook",
    sync_to_thread=True,
    opt=told(CHAPTER, takes=(Which, Wish), gives=TEXT, also=(404,)),
)
def replace_webhook(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """All of it anew."""
    sent = sent_of(request, body)
    which, wish = bind(Which, sent), bind(Wish, sent)
    with tools.db.write() as tx:
        webhooks.replace_player_webhook(tx, actor, which.webhook_id, wish.wanted())
    return text_answer("ok")


@delete(
    "/api/webhook",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, query=Which, takes=Which, gives=TEXT, also=(404,)),
)
def delete_webhook(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """Gone."""
    which = bind(Which, sent_of(request, body), query=True)
    with tools.db.write() as tx:
        webhooks.delete_player_webhook(tx, actor, which.webhook_id)
    return text_answer("ok")


def _row(found: PlayerWebhook) -> Webhook:
    return Webhook(
        ID=found.id,
        CreatedAt=time_text(found.created_at),
        UpdatedAt=time_text(found.updated_at),
        Name=found.name,
        Url=found.url,
        Rpm=found.per_minute,
        ReqQuery=found.query_name,
        ResField=found.field_name,
        UserID=found.user_id,
    )


WEBHOOKS: Sequence[HTTPRouteHandler] = (
    list_webhooks,
    create_webhook,
    replace_webhook,
    delete_webhook,
)
"""Every route of this chapter."""
