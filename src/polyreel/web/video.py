"""/video/<uuid>: the signed-in page of one video, and what its owner may do with it."""

import os
from typing import Any

import msgspec
from litestar import delete, get, patch
from litestar.params import FromPath, JSONBody

from polyreel.core.delivery import load_view
from polyreel.core.library import (
    Video,
    VideoNotFound,
    delete_video,
    find_probe,
    folder_path,
    get_video_by_uuid,
    update_video,
)
from polyreel.core.media import list_renditions
from polyreel.core.users import Actor
from polyreel.core.webhooks import list_webhooks_of_player
from polyreel.http.face import KnownActor
from polyreel.infra.tx import Tx
from polyreel.kit.ids import parse_uuid
from polyreel.web.asking import PageRequest, client_of, now_asked, scope_of
from polyreel.web.captcha import challenge_address
from polyreel.web.cards import make_card
from polyreel.web.downloads import list_downloads
from polyreel.web.facts import list_facts
from polyreel.web.library import folder_address
from polyreel.web.render import render
from polyreel.web.replies import Reply, empty_reply, html_reply, json_reply, redirect
from polyreel.web.site import OurSite
from polyreel.web.watch import make_player

__all__ = ["change_video", "forget_video", "show_poster", "show_state", "show_video"]

_EMBED_WIDTH = 640


class Changes(msgspec.Struct):
    """What may be changed; None: as it is."""

    name: str | None = None
    visibility: str | None = None


@get("/video/{uuid:str}", sync_to_thread=True)
def show_video(
    request: PageRequest, site: OurSite, actor: KnownActor, uuid: FromPath[str]
) -> Reply:
    """The player, the video's facts and its state as it changes."""
    with site.db.read() as tx:
        video = _find(tx, actor, uuid)
        renditions = list_renditions(tx, video.media_id)
        card = make_card(video, actor, renditions)
        crumbs = (
            _crumbs(tx, video) if card["mine"] else [{"name": "Library", "url": now_asked().home}]
        )
        facts = list_facts(video, find_probe(tx, video.media_id))
        webhooks = list_webhooks_of_player(tx, video.user_id)
    if site.must_solve_captcha(scope_of(request), actor, video.user_id):
        return redirect(challenge_address(video.uuid))
    base = next(iter(site.public_urls), "")
    status_url = "" if card["mine"] else f"/v/{video.uuid}/status"
    body = render(
        "video.html",
        actor,
        client_of(scope_of(request)),
        card=card,
        player=make_player(video, status_url=status_url, fill=False, webhooks=webhooks),
        embed_path=f"/v/{video.uuid}",
        share_url=f"{base}/v/{video.uuid}" if base else None,
        embed_width=_EMBED_WIDTH,
        embed_height=_embed_height(video),
        crumbs=crumbs,
        facts=facts,
        downloads=list_downloads(video, renditions) if site.options.downloads_enabled else [],
    )
    tickets = site.ticket_headers(scope_of(request), video.uuid, video.policy_version)
    connect = [each.origin for each in webhooks]
    return html_reply(body, page="player", connect=connect).plus(tickets)


@get("/video/{uuid:str}/state", sync_to_thread=True)
def show_state(site: OurSite, actor: KnownActor, uuid: FromPath[str]) -> Reply:
    """The card, as `/events` sends it."""
    with site.db.read() as tx:
        return json_reply(_card(tx, _find(tx, actor, uuid), actor))


@get("/video/{uuid:str}/poster.webp", sync_to_thread=True)
def show_poster(site: OurSite, actor: KnownActor, uuid: FromPath[str]) -> Reply:
    """The picture of a private video on pages, where no media ticket is; any video's works."""
    with site.db.read() as tx:
        video = _find(tx, actor, uuid)
        view = load_view(tx, video.uuid)
    if view is None or view.poster_key is None:
        raise VideoNotFound
    headers = [
        ("content-type", "image/webp"),
        ("cache-control", "private, max-age=300"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
        ("content-security-policy", "default-src 'none'; sandbox"),
    ]
    try:
        fd = site.tools.storage.open_read(view.poster_key)
    except FileNotFoundError:
        raise VideoNotFound from None
    with os.fdopen(fd, "rb") as file:
        return Reply(200, headers, file.read())


@patch("/video/{uuid:str}", sync_to_thread=True)
def change_video(
    request: PageRequest,
    site: OurSite,
    actor: KnownActor,
    uuid: FromPath[str],
    data: JSONBody[Changes],
) -> Reply:
    """Rename, or change who may watch. The latter ends all tickets: the caller gets new ones."""
    with site.db.write() as tx:
        video = update_video(tx, actor, _checked(uuid), name=data.name, visibility=data.visibility)
        card = _card(tx, video, actor)
    return json_reply(card).plus(
        site.ticket_headers(scope_of(request), video.uuid, video.policy_version)
    )


@delete("/video/{uuid:str}", status_code=200, sync_to_thread=True)
def forget_video(site: OurSite, actor: KnownActor, uuid: FromPath[str]) -> Reply:
    """Delete a video; its files go with the next sweep."""
    with site.db.write() as tx:
        delete_video(tx, actor, _checked(uuid))
    return empty_reply()


def _find(tx: Tx, actor: Actor, uuid: str) -> Video:
    return get_video_by_uuid(tx, actor, _checked(uuid))


def _checked(uuid: str) -> str:
    """The id as it is kept. Raises VideoNotFound for what is none."""
    parsed = parse_uuid(uuid)
    if parsed is None:
        raise VideoNotFound
    return parsed


def _card(tx: Tx, video: Video, actor: Actor) -> dict[str, Any]:
    return make_card(video, actor, list_renditions(tx, video.media_id))


def _crumbs(tx: Tx, video: Video) -> list[dict[str, str]]:
    path = folder_path(tx, video.folder_id)
    folders = [{"name": each.name, "url": folder_address(each)} for each in path]
    return [{"name": "Library", "url": now_asked().home}, *folders]


def _embed_height(video: Video) -> int:
    if not video.width or not video.height:
        return _EMBED_WIDTH * 9 // 16
    return max(180, min(1138, round(_EMBED_WIDTH * video.height / video.width)))
