"""/video/<uuid>/subtitles: the text tracks of a video, as its owner sees, adds and removes them."""

from collections.abc import Mapping
from typing import Any

from litestar import delete, get, post
from litestar.concurrency import sync_to_thread
from litestar.params import FromPath

from polyreel.core.library import check_writable, get_video_by_uuid
from polyreel.core.media import (
    Label,
    Subtitle,
    bring_subtitle,
    drop_subtitle,
    list_subtitles,
)
from polyreel.core.users import Actor
from polyreel.http.face import KnownActor, raw_of
from polyreel.http.uploads import receive_upload
from polyreel.infra.storage import Staged
from polyreel.kit.errors import Invalid, TooLarge
from polyreel.kit.ids import uuid7
from polyreel.web.asking import PageRequest
from polyreel.web.replies import Reply, empty_reply, json_reply
from polyreel.web.site import OurSite, Site

__all__ = ["SUBTITLES"]

_MOST_BYTES = 16 << 20
_WORDS = {"planned": "Waiting", "ready": "Ready", "failed": "Failed"}


class _File:
    """A file on its way in, in a temporary place that is gone in the end."""

    def __init__(self, staged: Staged) -> None:
        self.size = 0
        self.staged = staged

    def write(self, *chunks: bytes) -> None:
        """Append. Raises TooLarge."""
        self.size += sum(map(len, chunks))
        if self.size > _MOST_BYTES:
            raise TooLarge("A subtitle file has at most 16 MiB.")
        with self.staged.path.open("ab") as file:
            file.writelines(chunks)

    def abort(self) -> None:
        """Remove the file."""
        self.staged.discard()


@get("/video/{uuid:str}/subtitles", sync_to_thread=True)
def show_subtitles(site: OurSite, actor: KnownActor, uuid: FromPath[str]) -> Reply:
    """Every track, those that cannot be shown with the reason; for who may change the video."""
    with site.db.read() as tx:
        check_writable(tx, actor, uuid)
        video = get_video_by_uuid(tx, actor, uuid)
        tracks = list_subtitles(tx, video.media_id, video.id)
    return json_reply([_shown(each) for each in tracks if each.kind == "subtitles"])


@post("/video/{uuid:str}/subtitles", status_code=201)
async def add_subtitles(
    request: PageRequest, site: OurSite, actor: KnownActor, uuid: FromPath[str]
) -> Reply:
    """Take one form: `language`, `title`, or `replaces` (a track that was brought before), then `file`."""
    scope, receive = raw_of(request)
    sinks: list[_File] = []

    def begin(_filename: str, _declared: int | None, _fields: Mapping[str, str]) -> _File:
        with site.db.read() as tx:
            check_writable(tx, actor, uuid)
        made = _File(site.tools.storage.create(f"subtitles/incoming/{uuid7()}"))
        sinks.append(made)
        return made

    async with receive_upload(
        scope,
        receive,
        file_field="file",
        text_fields=("language", "title", "replaces"),
        begin=begin,
    ) as form:
        if not sinks or not sinks[0].size:
            raise Invalid("Choose a subtitle file.")
        track = await sync_to_thread(_keep, site, actor, uuid, sinks[0], form.fields)
    return json_reply(track, status=201)


@delete("/video/{uuid:str}/subtitles/{uid:str}", status_code=200, sync_to_thread=True)
def remove_subtitles(
    site: OurSite, actor: KnownActor, uuid: FromPath[str], uid: FromPath[str]
) -> Reply:
    """Remove a track that was brought; those of the file stay with the file."""
    with site.db.write() as tx:
        drop_subtitle(tx, actor, uuid, uid)
    return empty_reply()


def _keep(
    site: Site, actor: Actor, uuid: str, file: _File, fields: Mapping[str, str]
) -> dict[str, Any]:
    label = Label(fields.get("language", "").strip(), fields.get("title", "").strip())
    replaces = fields.get("replaces") or None
    made = bring_subtitle(site.tools, actor, uuid, file.staged.path, label, replaces)
    return _shown(made)


def _shown(track: Subtitle) -> dict[str, Any]:
    return {
        "id": track.uid,
        "title": track.title,
        "language": track.language or "",
        "state": track.state,
        "state_text": _WORDS[track.state],
        "message": track.message or "",
        "styled": track.is_styled,
        "brought": track.video_id is not None,
    }


SUBTITLES = (show_subtitles, add_subtitles, remove_subtitles)
"""Every address of them; all for people who are signed in."""
