"""/video/<uuid>/steps and /retry: what was done for a video, and doing it again."""

from dataclasses import asdict

from litestar import get, post
from litestar.params import FromPath

from polyreel.core.library import check_writable, get_video_by_uuid
from polyreel.core.media import list_steps, retry_video
from polyreel.http.face import KnownActor
from polyreel.web.cards import make_card
from polyreel.web.replies import Reply, json_reply
from polyreel.web.site import OurSite

__all__ = ["STEPS"]


@get("/video/{uuid:str}/steps", sync_to_thread=True)
def show_steps(site: OurSite, actor: KnownActor, uuid: FromPath[str]) -> Reply:
    """Every step in order, times in seconds; for who may change the video."""
    with site.db.read() as tx:
        check_writable(tx, actor, uuid)
        steps = list_steps(tx, get_video_by_uuid(tx, actor, uuid).media_id)
    return json_reply([asdict(step) for step in steps])


@post("/video/{uuid:str}/retry", status_code=200, sync_to_thread=True)
def try_again(site: OurSite, actor: KnownActor, uuid: FromPath[str]) -> Reply:
    """Begin again with the original; the card as it is then."""
    with site.db.write() as tx:
        retry_video(tx, actor, uuid)
        card = make_card(get_video_by_uuid(tx, actor, uuid), actor)
    return json_reply(card)


STEPS = (show_steps, try_again)
"""Both handlers; for people who are signed in."""
