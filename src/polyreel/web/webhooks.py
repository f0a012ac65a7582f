"""/webhooks: whom the server tells what happens to a person's videos, and what came of it."""

from datetime import datetime
from typing import Any

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody

from polyreel.core import webhooks
from polyreel.core.users import Actor
from polyreel.core.webhooks import (
    Delivery,
    DeliveryNotFound,
    Endpoint,
    EndpointNotFound,
    WantedEndpoint,
)
from polyreel.http.face import KnownActor
from polyreel.infra.tx import Tx
from polyreel.kit.clock import iso
from polyreel.web.asking import PageRequest, client_of, scope_of
from polyreel.web.render import render
from polyreel.web.replies import Reply, empty_reply, html_reply, json_reply
from polyreel.web.site import OurSite

__all__ = ["KIND_WORDS", "WEBHOOK_PAGES"]

_AT_ONCE = 50
KIND_WORDS = {
    "upload.finished": "An upload has arrived",
    "video.playable": "A video can be watched",
    "video.ready": "All qualities of a video are made",
    "video.failed": "A video cannot be played",
    "video.deleted": "A video was deleted",
    "remote_download.finished": "A remote download is done",
    "remote_download.failed": "A remote download failed",
}


class Wish(msgspec.Struct):
    """What the dialog sends. `kinds` empty: every kind."""

    url: str
    description: str = ""
    kinds: list[str] = msgspec.field(default_factory=list)
    is_for_all: bool = False
    is_enabled: bool = True

    def wanted(self) -> WantedEndpoint:
        """In the words of the core."""
        return WantedEndpoint(
            url=self.url.strip(),
            description=self.description.strip(),
            kinds=self.kinds,
            is_for_all=self.is_for_all,
            is_enabled=self.is_enabled,
        )


@get("/webhooks", sync_to_thread=True)
def show_endpoints(request: PageRequest, site: OurSite, actor: KnownActor) -> Reply:
    """The person's endpoints, and the dialog for one more."""
    with site.db.read() as tx:
        found = webhooks.list_endpoints(tx, actor)
    shown = [_endpoint(each) for each in found]
    return _page("webhooks.html", request, actor, endpoints=shown, wish=_blank())


@post("/webhooks", sync_to_thread=True)
def make_endpoint(site: OurSite, actor: KnownActor, data: JSONBody[Wish]) -> Reply:
    """A new endpoint; the answer has its secret, which is told this once."""
    tools = site.tools
    with site.db.write() as tx:
        made = webhooks.create_endpoint(
            tx, actor, data.wanted(), outbound=tools.outbound, secrets=tools.secrets
        )
    return json_reply(_told(made), status=201)


@get("/webhooks/{number:str}", sync_to_thread=True)
def show_endpoint(
    request: PageRequest, site: OurSite, actor: KnownActor, number: FromPath[str]
) -> Reply:
    """One endpoint, and what was sent to it."""
    with site.db.read() as tx:
        found = _get(tx, actor, number)
        log = _log(tx, actor, found, None)
    shown = _endpoint(found)
    return _page("webhook.html", request, actor, endpoint=shown, wish=shown, **log)


@get("/webhooks/{number:str}/deliveries", sync_to_thread=True)
def show_deliveries(
    request: PageRequest, site: OurSite, actor: KnownActor, number: FromPath[str]
) -> Reply:
    """The list alone; `?before=<delivery id>` goes on with older ones."""
    text = request.query_params.get("before")
    before = _id(text, DeliveryNotFound) if text else None
    with site.db.read() as tx:
        found = _get(tx, actor, number)
        log = _log(tx, actor, found, before)
    return html_reply(render("_deliveries.html", actor, endpoint=_endpoint(found), **log))


@put("/webhooks/{number:str}", sync_to_thread=True)
def change_endpoint(
    site: OurSite, actor: KnownActor, number: FromPath[str], data: JSONBody[Wish]
) -> Reply:
    """Change all of it but its secret."""
    with site.db.write() as tx:
        found = _get(tx, actor, number)
        outbound = site.tools.outbound
        changed = webhooks.replace_endpoint(tx, actor, found.id, data.wanted(), outbound=outbound)
    return json_reply(_endpoint(changed))


@delete("/webhooks/{number:str}", status_code=200, sync_to_thread=True)
def forget_endpoint(site: OurSite, actor: KnownActor, number: FromPath[str]) -> Reply:
    """Delete an endpoint and the log of its deliveries."""
    with site.db.write() as tx:
        webhooks.delete_endpoint(tx, actor, _get(tx, actor, number).id)
    return empty_reply()


@post("/webhooks/{number:str}/secret", sync_to_thread=True)
def renew_secret(site: OurSite, actor: KnownActor, number: FromPath[str]) -> Reply:
    """A new secret, told this once."""
    with site.db.write() as tx:
        found = _get(tx, actor, number)
        made = webhooks.rotate_secret(tx, actor, found.id, secrets=site.tools.secrets)
    return json_reply(_told(made))


@post("/webhooks/{number:str}/test", sync_to_thread=True)
def try_endpoint(site: OurSite, actor: KnownActor, number: FromPath[str]) -> Reply:
    """Send it an event that means nothing; the list tells what came of it."""
    with site.db.write() as tx:
        ordered = webhooks.send_test(tx, actor, _get(tx, actor, number).id)
    return json_reply({"id": ordered.id})


@post("/webhooks/{number:str}/deliveries/{delivery:str}", sync_to_thread=True)
def send_again(
    site: OurSite, actor: KnownActor, number: FromPath[str], delivery: FromPath[str]
) -> Reply:
    """Send one again."""
    with site.db.write() as tx:
        _get(tx, actor, number)
        ordered = webhooks.redeliver(tx, actor, _id(delivery, DeliveryNotFound))
    return json_reply({"id": ordered.id})


def _page(template: str, request: PageRequest, actor: Actor, **context: Any) -> Reply:
    client = client_of(scope_of(request))
    return html_reply(render(template, actor, client, kinds=KIND_WORDS, **context))


def _get(tx: Tx, actor: Actor, text: str) -> Endpoint:
    return webhooks.get_endpoint(tx, actor, _id(text, EndpointNotFound))


def _id(text: str, missing: type[Exception]) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise missing
    return int(text)


def _blank() -> dict[str, Any]:
    return {"url": "", "description": "", "kinds": [], "is_for_all": False, "is_enabled": True}


def _told(made: webhooks.NewEndpoint) -> dict[str, Any]:
    return {"secret": made.secret, **_endpoint(made.endpoint)}


def _endpoint(found: Endpoint) -> dict[str, Any]:
    state, word = _standing(found)
    return {
        "id": found.id,
        "address": f"/webhooks/{found.id}",
        "url": found.url,
        "description": found.description,
        "kinds": list(found.kinds),
        "is_for_all": found.is_for_all,
        "is_enabled": found.is_enabled,
        "reason": found.disabled_reason or "",
        "state": state,
        "state_text": word,
        "delivered": _time(found.delivered_at),
        "rests_until": _time(found.rests_until),
    }


def _standing(found: Endpoint) -> tuple[str, str]:
    """The badge's colour and its word."""
    if not found.is_enabled:
        return ("failed", "Switched off") if found.disabled_reason else ("off", "Off")
    if found.failures:
        return "damaged", "Failing"
    return "ready", "On"


def _log(tx: Tx, actor: Actor, endpoint: Endpoint, before: int | None) -> dict[str, Any]:
    found = webhooks.list_deliveries(
        tx, actor, endpoint_id=endpoint.id, before_id=before, limit=_AT_ONCE + 1
    )
    shown = found[:_AT_ONCE]
    has_more = len(found) > len(shown)
    older = f"/webhooks/{endpoint.id}/deliveries?before={shown[-1].id}" if has_more else None
    deliveries = [_delivery(each, endpoint.rests_until) for each in shown]
    return {"deliveries": deliveries, "next_url": older}


def _delivery(found: Delivery, rests_until: datetime | None) -> dict[str, Any]:
    state, word = _course(found)
    due = found.next_try_at
    next_try = _time(max(due, rests_until or due) if due else None)
    return {
        "id": found.id,
        "kind": found.event_kind,
        "event": found.event_uid,
        "sequence": found.sequence,
        "state": state,
        "state_text": word,
        "attempts": found.attempts,
        "status": found.status,
        "took_ms": found.took_ms,
        "error": found.error or "",
        "answer": found.answer or "",
        "created": iso(found.created_at),
        "tried": _time(found.tried_at),
        "next_try": next_try,
        # What a page has already, it does not change.
        "version": f"{found.state}-{found.attempts}-{next_try}",
    }


def _course(found: Delivery) -> tuple[str, str]:
    if found.state == "delivered":
        return "ready", "Delivered"
    if found.state == "failed":
        return "failed", "Failed"
    return ("damaged", "Tried again later") if found.error else ("processing", "Sending")


def _time(moment: datetime | None) -> str:
    return iso(moment) if moment else ""


WEBHOOK_PAGES = (
    show_endpoints, make_endpoint,         # GET POST        /webhooks
    show_endpoint, change_endpoint,        # GET PUT         /webhooks/<id>
    forget_endpoint,                       # DELETE          /webhooks/<id>
    show_deliveries,                       # GET             /webhooks/<id>/deliveries?before=
    renew_secret, try_endpoint,            # POST            /webhooks/<id>/secret, /webhooks/<id>/test
    send_again,                            # POST            /webhooks/<id>/deliveries/<id>
)  # fmt: skip
"""Every address of these pages; all of them for people who are signed in."""
