"""/v/<uuid>: the player page for whoever has the address, also in frames on other sites."""

from collections.abc import Sequence
from typing import Any

from litestar import get
from litestar.params import FromPath

from polyreel.core.library import Video, get_video_by_uuid
from polyreel.core.media import Rendition, list_renditions
from polyreel.core.webhooks import PlayerWebhook, list_webhooks_of_player
from polyreel.http.face import AnyActor
from polyreel.http.media import PREFIX
from polyreel.http.operations import Parameter
from polyreel.kit.errors import Invalid
from polyreel.kit.ids import parse_uuid
from polyreel.web.asking import PageRequest, client_of, now_asked, scope_of
from polyreel.web.captcha import challenge_address
from polyreel.web.cards import make_card
from polyreel.web.downloads import best_download
from polyreel.web.operations import told
from polyreel.web.render import render
from polyreel.web.replies import PageClass, Reply, html_reply, redirect
from polyreel.web.site import OurSite

__all__ = ["make_player", "show_player"]

_PATH = (Parameter(name="uuid", place="path", schema={"type": "string", "format": "uuid"}),)
_COOKIE = {"Set-Cookie": "`vc_media`, which opens the bytes of this video."}


@get(
    "/v/{uuid:str}",
    opt={
        "access": "known",
        **told("Player and media", 303, 400, 404, parameters=_PATH, headers=_COOKIE),
    },
    sync_to_thread=True,
)
def show_player(request: PageRequest, site: OurSite, actor: AnyActor, uuid: FromPath[str]) -> Reply:
    """The player alone, and the cookies that let it fetch. Source: the VideoCMS contract, 4.1."""
    if parse_uuid(uuid) is None:
        raise Invalid("The address of this video is not whole.")
    with site.db.read() as tx:
        video = get_video_by_uuid(tx, actor, uuid)
        renditions = list_renditions(tx, video.media_id)
        webhooks = list_webhooks_of_player(tx, video.user_id)
    if site.must_solve_captcha(scope_of(request), actor, video.user_id):
        return redirect(challenge_address(video.uuid))
    app_name = now_asked().app_name()
    client = client_of(scope_of(request))
    options = site.options
    known = options.public_url or site.settings.base_url
    base = known or f"{client.scheme}://{client.host}"
    body = render(
        "embed.html",
        card=make_card(video, actor),
        player=make_player(
            video,
            status_url=f"/v/{video.uuid}/status",
            fill=True,
            webhooks=webhooks,
            download_url=best_download(video, renditions) if options.downloads_enabled else None,
        ),
        og=_describe(video, renditions, app_name, base),
        title=f"{app_name} - {video.name}",
        show_title=False,
    )
    page: PageClass = "embed" if site.settings.embed_allowed else "player"
    reply = html_reply(body, page=page, connect=[each.origin for each in webhooks])
    if video.visibility != "public":
        # Unlisted is found by its address only: search engines do not list what they come across.
        reply = reply.plus([("x-robots-tag", "noindex")])
    return reply.plus(site.ticket_headers(scope_of(request), video.uuid, video.policy_version))


def make_player(
    video: Video,
    *,
    status_url: str,
    fill: bool,
    webhooks: Sequence[PlayerWebhook],
    download_url: str | None = None,
) -> dict[str, Any]:
    """What the player needs; the shape is told in templates/_player.html."""
    return {
        "master": f"{PREFIX}/{video.uuid}/stream/multi/master.m3u8",
        "storyboard": f"{PREFIX}/{video.uuid}/image/storyboard.vtt",
        "download_url": download_url,
        "status_url": status_url,
        "autoplay": False,
        "fill": fill,
        "webhooks": [
            {
                "url": each.url,
                "every_s": 60 / each.per_minute,
                "query": each.query_name,
                "field": each.field_name,
            }
            for each in webhooks
        ],
    }


def _describe(
    video: Video, renditions: Sequence[Rendition], app_name: str, base: str
) -> dict[str, str]:
    """What other sites show of a link to the page: the contract's tags, in its order."""
    title = f"{app_name} - {video.name}"
    text = f"Watch {video.name} on {app_name}."
    image = f"{PREFIX}/{video.uuid}/image/thumb/poster.webp" if video.has_poster else ""
    ready = [item for item in renditions if item.kind == "video" and item.state == "ready"]
    best = max(ready, key=lambda item: item.height, default=None)
    film = f"{base}{PREFIX}/{video.uuid}/{best.name}/1/stream/video.mp4" if best else ""
    return {
        "description": text,
        "og:title": title,
        "og:description": text,
        "og:image": image,
        "og:type": "video",
        "og:url": f"/v/{video.uuid}",
        "og:site_name": app_name,
        "og:video": film,
        "og:video:secure_url": film,
        "og:video:width": str(best.width) if best else "",
        "og:video:height": str(best.height) if best else "",
        "twitter:card": "summary_large_image",
        "twitter:title": title,
        "twitter:description": text,
        "twitter:image": image,
    }
