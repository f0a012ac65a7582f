"""/: one folder's videos, and new folders."""

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import JSONBody

from polyreel.core.library import (
    Folder,
    count_videos,
    create_folder,
    folder_path,
    get_folder,
    list_folders,
    list_newest_videos,
)
from polyreel.http.face import KnownActor
from polyreel.infra.tx import Tx
from polyreel.kit.errors import Conflict, NotFound
from polyreel.web.asking import PageRequest, client_of, now_asked, scope_of
from polyreel.web.cards import BLANK, make_card
from polyreel.web.render import render
from polyreel.web.replies import Reply, html_reply, json_reply
from polyreel.web.site import OurSite

__all__ = ["folder_address", "make_folder", "show_library"]

_AT_ONCE = 60


class NewFolder(msgspec.Struct):
    """What the dialog sends; `parent_id` None: at the top."""

    name: str
    parent_id: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)] | None = None


@get("/", sync_to_thread=True)
def show_library(request: PageRequest, site: OurSite, actor: KnownActor) -> Reply:
    """The folder `?folder=<id>`, newest videos first; `?before=<video id>` goes on with older ones."""
    folder_id = _number(request.query_params.get("folder"))
    before = _number(request.query_params.get("before"))
    with site.db.read() as tx:
        folder = get_folder(tx, actor, folder_id) if folder_id is not None else None
        owner_id = folder.user_id if folder else actor.user_id
        videos = list_newest_videos(
            tx, actor, folder_id, owner_id=owner_id, before_id=before, limit=_AT_ONCE + 1
        )
        below = list_folders(tx, actor, folder_id, owner_id=owner_id)
        counts = count_videos(tx, [each.id for each in below])
        crumbs = _crumbs(tx, folder)
    shown = videos[:_AT_ONCE]
    body = render(
        "library.html",
        actor,
        client_of(scope_of(request)),
        folder_id=folder_id,
        folder_name=folder.name if folder else None,
        crumbs=crumbs,
        folders=[_shown(each, counts.get(each.id, 0)) for each in below],
        cards=[make_card(video, actor) for video in shown],
        next_url=_older(folder_id, shown[-1].id) if len(videos) > len(shown) else None,
        max_upload_bytes=site.settings.upload_max_bytes or None,
        blank=BLANK,
        can_upload=site.options.uploads_enabled and owner_id == actor.user_id,
    )
    return html_reply(body)


@post("/folders", sync_to_thread=True)
def make_folder(site: OurSite, actor: KnownActor, data: JSONBody[NewFolder]) -> Reply:
    """A new folder of the caller's. APIs may make two of one name; people mean the one they have."""
    with site.db.write() as tx:
        below = list_folders(tx, actor, data.parent_id, owner_id=actor.user_id)
        if data.name.strip() in [each.name for each in below]:
            raise Conflict("There is a folder of this name here.")
        folder = create_folder(tx, actor, data.name, data.parent_id)
    return json_reply(
        {
            "id": folder.id,
            "name": folder.name,
            "parent_id": folder.parent_id,
            "url": folder_address(folder),
            "count": 0,
        },
        status=201,
    )


def folder_address(folder: Folder) -> str:
    """The page of a folder."""
    return f"{now_asked().home}?folder={folder.id}"


def _shown(folder: Folder, count: int) -> dict[str, object]:
    return {
        "id": folder.id,
        "name": folder.name,
        "url": folder_address(folder),
        "count": count,
    }


def _crumbs(tx: Tx, folder: Folder | None) -> list[dict[str, str]]:
    """The folders above this one, the top first; nothing at the top."""
    if folder is None:
        return []
    above = [
        {"name": each.name, "url": folder_address(each)} for each in folder_path(tx, folder.id)
    ]
    return [{"name": "Library", "url": now_asked().home}, *above[:-1]]


def _older(folder_id: int | None, before: int) -> str:
    folder = f"folder={folder_id}&" if folder_id else ""
    return f"{now_asked().home}?{folder}before={before}"


def _number(text: str | None) -> int | None:
    """An id in an address. Raises NotFound for what is none."""
    if text is None or text == "":
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise NotFound
    return int(text)
