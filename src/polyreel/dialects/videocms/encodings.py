"""The chapter "Encodings": what is being made. Contract: section 14. The panel asks every five seconds.

Both lists are null when there is nothing in them, as upstream's are.
"""

from typing import Any

from litestar import Response, get

from polyreel.core.media import list_all_unfinished, list_unfinished
from polyreel.dialects.videocms.answers import json_answer
from polyreel.dialects.videocms.auth import require_admin
from polyreel.dialects.videocms.operations import told
from polyreel.dialects.videocms.shapes import AdminEncoding, Encoding
from polyreel.dialects.videocms.translate import (
    unfinished_to_admin_encoding,
    unfinished_to_encoding,
)
from polyreel.http.face import KnownActor, ServerTools

__all__ = ["ENCODINGS"]

CHAPTER = "Encodings"


@get("/api/encodings", sync_to_thread=True, opt=told(CHAPTER, gives=list[Encoding] | None))
def list_encodings(actor: KnownActor, tools: ServerTools) -> Response[bytes]:
    """Of the caller's links, one row for each track that is not ready yet."""
    with tools.db.read() as tx:
        found: list[Any] = [unfinished_to_encoding(each) for each in list_unfinished(tx, actor)]
    return json_answer(found or None)


@get(
    "/api/admin/encodings",
    sync_to_thread=True,
    opt=told(CHAPTER, who="admin", gives=list[AdminEncoding] | None),
)
def list_all_encodings(actor: KnownActor, tools: ServerTools) -> Response[bytes]:
    """Of everyone's links, in small letters."""
    require_admin(actor)
    with tools.db.read() as tx:
        unfinished = list_all_unfinished(tx, actor)
    return json_answer([unfinished_to_admin_encoding(each) for each in unfinished] or None)


ENCODINGS = (list_encodings, list_all_encodings)
"""The handlers of this chapter."""
