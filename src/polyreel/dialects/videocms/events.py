"""The chapter "Events", which is ours: what has happened, since any moment. See docs/webhooks.md."""

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from polyreel.core import webhooks
from polyreel.core.webhooks import Event, event_to_json
from polyreel.dialects.videocms.answers import json_answer
from polyreel.dialects.videocms.binder import Param, bind, most, sent_of
from polyreel.dialects.videocms.operations import told
from polyreel.http.face import KnownActor, ServerTools

__all__ = ["CHAPTER", "EVENTS", "EventShape", "kinds_of"]

CHAPTER = "Events"
_USUAL_LIMIT = 100


class OwnerShape(msgspec.Struct):
    """Whose event it is, by the name they had."""

    id: int
    name: str


class EventShape(msgspec.Struct):
    """One event, as it is in lists, in the stream and in the body of a webhook."""

    id: str
    sequence: int
    type: str
    timestamp: str
    owner: OwnerShape
    data: dict[str, Any]


class EventPageShape(msgspec.Struct):
    """Events, oldest first. `Next` is the `since` of the next question; `Missed`: what came after
    `since` has been deleted meanwhile, or the log never came so far.
    """

    Events: list[EventShape]
    Next: int
    Missed: bool


@dataclass(frozen=True, kw_only=True)
class Which:
    """Events after `since`, of these types (a comma list), everybody's where `all` is true."""

    since: Annotated[int, Param("since")]
    limit: Annotated[int, Param("limit", most(1000))]
    types: Annotated[str, Param("types", most(500))]
    all: Annotated[bool, Param("all")]


@get("/api/events", sync_to_thread=True, opt=told(CHAPTER, query=Which, gives=EventPageShape))
def list_events(
    request: Request[Any, Any, Any], actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """What has happened to the caller's videos, uploads and remote downloads; with `all`, for an
    administrator's login, to everybody's.
    """
    wish = bind(Which, sent_of(request), query=True)
    with tools.db.read() as tx:
        page = webhooks.list_events(
            tx,
            actor,
            since=wish.since,
            limit=wish.limit or _USUAL_LIMIT,
            kinds=kinds_of(wish.types),
            of_all=wish.all,
        )
    events = [_shape(each) for each in page.events]
    return json_answer(EventPageShape(events, page.next_since, page.has_missed))


def kinds_of(text: str) -> list[str]:
    """The types of a comma list."""
    return [each.strip() for each in text.split(",") if each.strip()]


def _shape(event: Event) -> EventShape:
    return msgspec.json.decode(event_to_json(event), type=EventShape)


EVENTS: list[HTTPRouteHandler] = [list_events]
"""Every route of this chapter but the stream."""
