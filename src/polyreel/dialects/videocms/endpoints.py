"""The chapter "Webhook endpoints", which is ours: whom the server itself tells what happens. See
docs/webhooks.md.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import RawBody

from polyreel.core import webhooks
from polyreel.core.webhooks import EVENT_KINDS, WantedEndpoint
from polyreel.dialects.videocms.answers import json_answer, text_answer
from polyreel.dialects.videocms.binder import REQUIRED, Param, bind, most, sent_of
from polyreel.dialects.videocms.operations import TEXT, told
from polyreel.dialects.videocms.rules import HTTP_URL, one_of
from polyreel.dialects.videocms.shapes_endpoints import (
    Delivery,
    Endpoint,
    NewEndpoint,
    delivery_to_row,
    endpoint_to_row,
    new_endpoint_to_answer,
)
from polyreel.http.face import KnownActor, ServerTools
from polyreel.kit.errors import Invalid

__all__ = ["ENDPOINTS"]

CHAPTER = "Webhook endpoints"
_USUAL_LIMIT = 50
_STATES = webhooks.DELIVERY_STATES


@dataclass(frozen=True, kw_only=True)
class Wish:
    """An endpoint as it shall be; without `Types` it hears everything."""

    url: Annotated[str, Param("Url", REQUIRED, HTTP_URL, most(1024))]
    description: Annotated[str, Param("Description", most(255))]
    types: Annotated[list[str], Param("Types", each=(one_of(*EVENT_KINDS),))]
    all: Annotated[bool, Param("All")]
    enabled: Annotated[bool | None, Param("Enabled")]

    def wanted(self) -> WantedEndpoint:
        """In the words of the core."""
        return WantedEndpoint(
            url=self.url,
            description=self.description,
            kinds=self.types,
            is_for_all=self.all,
            is_enabled=self.enabled is not False,
        )


@dataclass(frozen=True, kw_only=True)
class Which:
    """One endpoint."""

    endpoint_id: Annotated[int, Param("EndpointID", REQUIRED)]


@dataclass(frozen=True, kw_only=True)
class WhichDeliveries:
    """Deliveries to the caller's endpoints; 0 and empty: any."""

    endpoint_id: Annotated[int, Param("EndpointID")]
    state: Annotated[str, Param("State", one_of(*_STATES))]
    before_id: Annotated[int, Param("BeforeID")]
    limit: Annotated[int, Param("Limit", most(200))]


@dataclass(frozen=True, kw_only=True)
class Again:
    """A delivery of the log; or an endpoint, and the sequence number of an event."""

    delivery_id: Annotated[int, Param("DeliveryID")]
    endpoint_id: Annotated[int, Param("EndpointID")]
    sequence: Annotated[int, Param("Sequence")]


@get("/api/webhooks/endpoints", sync_to_thread=True, opt=told(CHAPTER, gives=list[Endpoint]))
def list_endpoints(actor: KnownActor, tools: ServerTools) -> Response[bytes]:
    """The caller's own, oldest first."""
    with tools.db.read() as tx:
        found = webhooks.list_endpoints(tx, actor)
    return json_answer([endpoint_to_row(each) for each in found])


@post(
    "/api/webhooks/endpoints",
    status_code=201,
    sync_to_thread=True,
    opt=told(CHAPTER, takes=Wish, gives=NewEndpoint, status=201, also=(409,)),
)
def create_endpoint(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """A new one; its secret is told this once. Everybody's events (`All`) want an administrator's login."""
    wish = bind(Wish, sent_of(request, body))
    with tools.db.write() as tx:
        made = webhooks.create_endpoint(
            tx, actor, wish.wanted(), outbound=tools.outbound, secrets=tools.secrets
        )
    return json_answer(new_endpoint_to_answer(made), 201, cache_control="no-store")


@put(
    "/api/webhooks/endpoints",
    sync_to_thread=True,
    opt=told(CHAPTER, takes=(Which, Wish), gives=Endpoint, also=(404,)),
)
def replace_endpoint(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """All of it anew but its secret."""
    sent = sent_of(request, body)
    which, wish = bind(Which, sent), bind(Wish, sent)
    with tools.db.write() as tx:
        changed = webhooks.replace_endpoint(
            tx, actor, which.endpoint_id, wish.wanted(), outbound=tools.outbound
        )
    return json_answer(endpoint_to_row(changed))


@delete(
    "/api/webhooks/endpoints",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, query=Which, takes=Which, gives=TEXT, also=(404,)),
)
def delete_endpoint(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """Gone, and the log of its deliveries."""
    which = bind(Which, sent_of(request, body), query=True)
    with tools.db.write() as tx:
        webhooks.delete_endpoint(tx, actor, which.endpoint_id)
    return text_answer("ok")


@post(
    "/api/webhooks/secret",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, takes=Which, gives=NewEndpoint, also=(404,)),
)
def rotate_secret(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """A new secret, told this once; the old one signs beside it for a day."""
    which = bind(Which, sent_of(request, body))
    with tools.db.write() as tx:
        made = webhooks.rotate_secret(tx, actor, which.endpoint_id, secrets=tools.secrets)
    return json_answer(new_endpoint_to_answer(made), cache_control="no-store")


@post(
    "/api/webhooks/test",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, takes=Which, gives=Delivery, also=(404, 409)),
)
def send_test(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """Send one endpoint an event of the type `webhook.test`; the log tells what came of it."""
    which = bind(Which, sent_of(request, body))
    with tools.db.write() as tx:
        ordered = webhooks.send_test(tx, actor, which.endpoint_id)
    return json_answer(delivery_to_row(ordered))


@get(
    "/api/webhooks/deliveries",
    sync_to_thread=True,
    opt=told(CHAPTER, query=WhichDeliveries, gives=list[Delivery], also=(404,)),
)
def list_deliveries(
    request: Request[Any, Any, Any], actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """What was sent to the caller's endpoints and what was answered, newest first."""
    which = bind(WhichDeliveries, sent_of(request), query=True)
    with tools.db.read() as tx:
        found = webhooks.list_deliveries(
            tx,
            actor,
            endpoint_id=which.endpoint_id or None,
            state=which.state or None,
            before_id=which.before_id or None,
            limit=which.limit or _USUAL_LIMIT,
        )
    return json_answer([delivery_to_row(each) for each in found])


@post(
    "/api/webhooks/redeliver",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, takes=Again, gives=Delivery, also=(404, 409)),
)
def redeliver(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """Send an event again, under its old id; or one that an endpoint was never sent."""
    which = bind(Again, sent_of(request, body))
    if not which.delivery_id and not (which.endpoint_id and which.sequence):
        raise Invalid("DeliveryID is wanted, or EndpointID and Sequence.")
    with tools.db.write() as tx:
        if which.delivery_id:
            ordered = webhooks.redeliver(tx, actor, which.delivery_id)
        else:
            ordered = webhooks.redeliver_event(tx, actor, which.endpoint_id, which.sequence)
    return json_answer(delivery_to_row(ordered))


ENDPOINTS: list[HTTPRouteHandler] = [
    list_endpoints,
    create_endpoint,
    replace_endpoint,
    delete_endpoint,
    rotate_secret,
    send_test,
    list_deliveries,
    redeliver,
]
"""Every route of this chapter."""
