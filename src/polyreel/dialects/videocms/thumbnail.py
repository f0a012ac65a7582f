"""`PUT|DELETE /api/file/thumbnail`: a picture of one's own for a link. Contract: section 8.

Not in the document that lists the endpoints; the panel uses both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, delete, put
from litestar.concurrency import sync_to_thread
from litestar.params import RawBody

from polyreel.core import library
from polyreel.core.media import choose_poster
from polyreel.core.options import read_options
from polyreel.core.users import Actor
from polyreel.dialects.videocms.answers import empty_answer
from polyreel.dialects.videocms.binder import REQUIRED, Param, bind, bind_texts, sent_of
from polyreel.dialects.videocms.errors import missing_is_invalid
from polyreel.dialects.videocms.operations import file_told, told
from polyreel.http.face import KnownActor, ServerTools, raw_of
from polyreel.http.uploads import Received, receive_upload
from polyreel.infra.storage import Staged
from polyreel.infra.tools import Tools
from polyreel.kit.errors import Invalid, TooLarge
from polyreel.kit.ids import uuid7

__all__ = ["THUMBNAILS"]

CHAPTER = "Files"

_MOST_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class ChosenLink:
    """One link."""

    link_id: Annotated[int, Param("LinkID", REQUIRED)]


class _Picture:
    """A picture on its way in, in a temporary file that is gone in the end."""

    def __init__(self, staged: Staged, most_bytes: int) -> None:
        self.size = 0
        self.staged = staged
        self._most_bytes = most_bytes

    def write(self, *chunks: bytes) -> None:
        """Append. Raises TooLarge."""
        self.size += sum(map(len, chunks))
        if self.size > self._most_bytes:
            raise TooLarge("This picture is too large.", self._most_bytes)
        with self.staged.path.open("ab") as file:
            file.writelines(chunks)

    def abort(self) -> None:
        """Remove the file."""
        self.staged.discard()


@put(
    "/api/file/thumbnail",
    status_code=200,
    opt=told(CHAPTER, admins=True, takes=file_told("thumbnail", ChosenLink)),
)
async def set_thumbnail(
    request: Request[Any, Any, Any], actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """Show the picture of the field `thumbnail` for a link."""
    scope, receive = raw_of(request)
    most_bytes = await sync_to_thread(_limit, tools)

    def begin(_filename: str, declared_bytes: int | None, fields: Mapping[str, str]) -> _Picture:
        if fields:
            bind_texts(ChosenLink, fields)
        if declared_bytes is not None and declared_bytes > most_bytes + 1024:
            raise TooLarge("This picture is too large.", most_bytes)
        return _Picture(tools.storage.create(f"posters/incoming/{uuid7()}"), most_bytes)

    async with receive_upload(
        scope,
        receive,
        file_field="thumbnail",
        text_fields=["LinkID"],
        begin=begin,
        fold_case=True,
    ) as received:
        await sync_to_thread(_choose, tools, actor, received)
    return empty_answer(200)


@delete(
    "/api/file/thumbnail",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, admins=True, query=ChosenLink, takes=ChosenLink),
)
def remove_thumbnail(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """Show what was made from the video again; nothing happens where nothing was chosen."""
    wish = bind(ChosenLink, sent_of(request, body), query=True)
    with missing_is_invalid(), tools.db.write() as tx:
        library.set_poster(tx, actor, wish.link_id, None)
    return empty_answer(200)


def _limit(tools: Tools) -> int:
    with tools.db.read() as tx:
        return min(_MOST_BYTES, read_options(tx).videocms_post_max_bytes)


def _choose(tools: Tools, actor: Actor, received: Received) -> None:
    wish = bind_texts(ChosenLink, received.fields)
    picture = received.sink
    if not isinstance(picture, _Picture) or not picture.size:
        raise Invalid("There is no picture in the form.")
    with missing_is_invalid():
        choose_poster(tools, actor, wish.link_id, picture.staged.path)


THUMBNAILS = (set_thumbnail, remove_thumbnail)
"""Both handlers."""
