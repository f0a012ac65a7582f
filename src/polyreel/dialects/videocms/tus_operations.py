"""The resumable uploads as routes of this API: what tus takes and gives is in headers. Contract: section
10, and tus.md.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from polyreel.dialects.videocms.operations import TEXT, error_given
from polyreel.dialects.videocms.schemas import UUID_TEXT
from polyreel.dialects.videocms.tus import COLLECTION
from polyreel.http.operations import Given, Operation, Parameter, Route, Who
from polyreel.http.tus import BYTES

__all__ = ["TUS_ROUTES"]

_CHAPTER = "Resumable uploads"
_NUMBER = {"type": "string", "pattern": "^[0-9]{1,18}$"}
_BINARY = {BYTES: {"type": "string", "format": "binary"}}
_VERSION = Parameter(
    name="Tus-Resumable", place="header", schema={"type": "string", "const": "1.0.0"}, required=True
)
_ID = Parameter(name="upload_id", place="path", schema=UUID_TEXT)
_OFFSET = {"Upload-Offset": "How many bytes have arrived for good."}
_EXPIRES = {"Upload-Expires": "When it is given up (an HTTP date)."}


def _header(name: str, note: str, schema: Mapping[str, Any] | None = None) -> Parameter:
    return Parameter(name=name, place="header", schema=schema or {"type": "string"}, note=note)


def _route(  # noqa: PLR0913 - what there is to say
    method: str,
    path: str,
    says: str,
    good: Mapping[int, Given],
    *,
    takes: Mapping[str, Any] | None = None,
    fails: Sequence[int] = (),
    parameters: Sequence[Parameter] = (),
    who: Who = "known",
) -> Route:
    known = [403] if who != "anyone" else []
    # A code and a sentence in every case.
    errors = {
        each: Given(note=error_given(each).note, bodies=TEXT)
        for each in sorted({429, 503, *fails, *known})
    }
    operation = Operation(
        chapter=_CHAPTER,
        who=who,
        parameters=parameters,
        takes=takes or {},
        answers={**good, **errors},
    )
    return Route(method=method, path=path, says=says, operation=operation)


def _routes() -> list[Route]:
    one = f"{COLLECTION}/{{upload_id}}"
    return [
        _route(
            "OPTIONS",
            COLLECTION,
            "What this server can do of tus.",
            {
                204: Given(
                    note="In headers.",
                    headers={
                        "Tus-Version": "1.0.0",
                        "Tus-Extension": "What is offered beyond the core, by commas.",
                        "Tus-Checksum-Algorithm": "By commas.",
                    },
                )
            },
            who="anyone",
        ),
        _route(
            "POST",
            COLLECTION,
            "Create an upload, or put partial ones together; it may bring its first bytes.",
            {201: Given(note="Where it is.", headers={"Location": "Its address.", **_EXPIRES})},
            takes=_BINARY,
            fails=(400, 409, 412, 413, 423, 460),
            parameters=[_VERSION, *_NEW, _CHECKSUM],
        ),
        _route(
            "HEAD",
            one,
            "How much has arrived.",
            {200: Given(note="In headers; the offset is missing of a final that is not whole.")},
            fails=(404, 410, 423),
            parameters=[_ID],
        ),
        _route(
            "PATCH",
            one,
            "More bytes.",
            {204: Given(note="Taken.", headers={**_OFFSET, **_EXPIRES})},
            takes=_BINARY,
            fails=(400, 404, 409, 410, 412, 413, 423, 460),
            parameters=[
                _ID,
                _VERSION,
                Parameter(name="Upload-Offset", place="header", schema=_NUMBER, required=True),
                _header("Upload-Length", "Where it was not said before.", _NUMBER),
                _CHECKSUM,
            ],
        ),
        _route(
            "DELETE",
            one,
            "Forget an upload, and what it took of the quota.",
            {204: Given(note="Gone.")},
            fails=(404, 409, 410, 412, 423),
            parameters=[_ID, _VERSION],
        ),
    ]


_CHECKSUM = _header("Upload-Checksum", "`sha256 <base64>` of the bytes in this request.")
_NEW = (
    _header("Upload-Length", "Bytes in all.", _NUMBER),
    _header("Upload-Defer-Length", "Said later.", {"type": "string", "const": "1"}),
    _header("Upload-Metadata", "`filename`, `parent_folder_id`, `client_upload_uuid`, in base64."),
    _header("Upload-Concat", "`partial`, or `final;` and the addresses of the parts."),
)

TUS_ROUTES: Sequence[Route] = _routes()
"""Everything that is tus."""
