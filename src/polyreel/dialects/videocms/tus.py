"""The chapter "Resumable uploads", as far as it is tus: what metadata mean, what errors look like,
which origin addresses have. Contract: section 10, and tus.md, whose head says which rule wins.
"""

import ipaddress
import uuid
from collections.abc import Mapping
from urllib.parse import urlsplit

from polyreel.core.ingest import (
    BodyTooLong,
    ChecksumMismatch,
    ForeignUpload,
    PartRejected,
    PartUnfinished,
    ResumableLimits,
    TooManyUploads,
    UploadComplete,
    UploadExpired,
    UploadInterrupted,
    UploadLocked,
    UploadNotFound,
    UploadsDisabled,
    WrongLength,
    WrongOffset,
)
from polyreel.core.library import FolderNotFound
from polyreel.core.options import OptionsCache
from polyreel.core.users import KeyAudit
from polyreel.dialects.videocms.auth import authenticate
from polyreel.dialects.videocms.errors import answer
from polyreel.dialects.videocms.limits import upload_limit
from polyreel.dialects.videocms.translate import folder_id_of
from polyreel.http.auth import header
from polyreel.http.face import WrongMethod
from polyreel.http.middleware import Scope, ensure_exchange
from polyreel.http.multipart import clean_filename
from polyreel.http.options import options_now, public_urls
from polyreel.http.tus import TusApp, TusVoice, Wish
from polyreel.http.tus_headers import (
    BadChecksum,
    BadConcat,
    BadContentType,
    BadLength,
    BadMetadata,
    BadOffset,
    WrongVersion,
    read_number,
)
from polyreel.http.uploads import ClientGone
from polyreel.infra.tools import Tools
from polyreel.kit.errors import (
    AppError,
    Busy,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    QuotaExceeded,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from polyreel.kit.ids import parse_uuid

__all__ = ["COLLECTION", "answer_tus", "is_tus", "make_tus"]

COLLECTION = "/api/uploads"
# Below the collection, but no uploads.
_ROUTES = frozenset({"sessions"})
_LONGEST_NAME_BYTES = 128
_DEFAULT_NAME = "video.mp4"
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_INTERNAL = (".localhost", ".local", ".internal", ".lan")

_CODES: Mapping[type[AppError], tuple[int, str]] = {
    WrongVersion: (412, "ERR_UNSUPPORTED_VERSION"),
    Unauthenticated: (403, "ERR_AUTH_REQUIRED"),
    UploadsDisabled: (403, "ERR_UPLOAD_DISABLED"),
    BadLength: (400, "ERR_INVALID_UPLOAD_LENGTH"),
    WrongLength: (400, "ERR_INVALID_UPLOAD_LENGTH"),
    BodyTooLong: (413, "ERR_UPLOAD_SIZE_EXCEEDED"),
    QuotaExceeded: (403, "ERR_QUOTA_EXCEEDED"),
    TooLarge: (413, "ERR_MAX_SIZE_EXCEEDED"),
    BadMetadata: (400, "ERR_INVALID_METADATA"),
    FolderNotFound: (400, "ERR_INVALID_PARENT"),
    TooManyUploads: (400, "ERR_UPLOAD_SESSION_LIMIT"),
    PartRejected: (400, "ERR_UPLOAD_REJECTED"),
    PartUnfinished: (400, "ERR_UPLOAD_NOT_FINISHED"),
    BadConcat: (400, "ERR_INVALID_CONCAT"),
    UploadComplete: (403, "ERR_MODIFY_FINAL"),
    BadContentType: (400, "ERR_INVALID_CONTENT_TYPE"),
    BadOffset: (400, "ERR_INVALID_OFFSET"),
    WrongOffset: (409, "ERR_MISMATCHED_OFFSET"),
    BadChecksum: (400, "ERR_INVALID_CHECKSUM"),
    ChecksumMismatch: (460, "ERR_CHECKSUM_MISMATCH"),
    ClientGone: (400, "ERR_UNEXPECTED_EOF"),
    UploadInterrupted: (409, "ERR_UPLOAD_INTERRUPTED"),
    UploadLocked: (423, "ERR_UPLOAD_LOCKED"),
    UploadNotFound: (404, "ERR_UPLOAD_NOT_FOUND"),
    ForeignUpload: (403, "ERR_UPLOAD_FORBIDDEN"),
    UploadExpired: (410, "ERR_UPLOAD_EXPIRED"),
    WrongMethod: (405, "ERR_METHOD_NOT_ALLOWED"),
    # The rest, by their general kinds.
    Forbidden: (403, "ERR_FORBIDDEN"),
    NotFound: (404, "ERR_UPLOAD_NOT_FOUND"),
    Gone: (410, "ERR_UPLOAD_EXPIRED"),
    Busy: (429, "ERR_TOO_MANY_REQUESTS"),
    Unavailable: (503, "ERR_UNAVAILABLE"),
    Invalid: (400, "ERR_INVALID_REQUEST"),
}


def is_tus(method: str, path: str) -> bool:
    """Whether a request is for the collection or one upload, not for a route beside them."""
    if path != COLLECTION and not path.startswith(COLLECTION + "/"):
        return False
    name = path.removeprefix(COLLECTION).strip("/")
    if not name:
        return method in ("POST", "OPTIONS")
    return "/" not in name and (name not in _ROUTES or method == "OPTIONS")


def make_tus(tools: Tools, cache: OptionsCache, audit: KeyAudit | None = None) -> TusApp:
    """The ASGI app of all that `is_tus`."""

    async def limits() -> ResumableLimits:
        options = await options_now(cache)
        return ResumableLimits(
            max_bytes=upload_limit(tools.settings, options),
            min_free_bytes=tools.settings.min_free_bytes,
            max_groups=options.videocms_upload_sessions,
        )

    voice = TusVoice(
        name="videocms",
        collection=COLLECTION,
        source="videocms",
        authenticate=authenticate,
        answer=answer_tus,
        limits=limits,
        wish=wish_of,
        origin=lambda scope: origin_of(scope, next(iter(public_urls(cache, tools.settings)), "")),
    )
    return TusApp(tools, voice, audit)


def answer_tus(error: AppError) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an error: a code that the panel acts on, then a sentence."""
    found = next((_CODES[kind] for kind in type(error).__mro__ if kind in _CODES), None)
    if found is None:
        return answer(error)
    status, code = found
    fields = {"Content-Type": "text/plain; charset=utf-8"}
    if isinstance(error, Busy | Unavailable):
        fields["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, WrongVersion):
        fields["Tus-Version"] = "1.0.0"
    if isinstance(error, WrongOffset):
        fields["Upload-Offset"] = str(error.offset_bytes)
    if isinstance(error, WrongMethod):
        fields["Allow"] = ", ".join(error.allowed)
    return status, fields, f"{code}: {error.message}\n".encode()


def wish_of(metadata: Mapping[str, str]) -> Wish:
    """What an upload shall be. Raises BadMetadata. Contract: 10.3."""
    given = (metadata.get("filename") or metadata.get("name") or "").strip()
    if len(given.encode()) > _LONGEST_NAME_BYTES:
        raise BadMetadata(f"The filename is longer than {_LONGEST_NAME_BYTES} bytes.")
    folder_id = read_number((metadata.get("parent_folder_id") or "0").strip())
    if folder_id is None:
        raise BadMetadata("The parent_folder_id is not a number.")
    group = (metadata.get("client_upload_uuid") or "").strip()
    group_uid = parse_uuid(group) if group else str(uuid.uuid4())
    if group_uid is None:
        raise BadMetadata("The client_upload_uuid is not a UUID.")
    return Wish(
        name=clean_filename(given) or _DEFAULT_NAME,
        folder_id=folder_id_of(folder_id),
        group_uid=group_uid,
    )


def origin_of(scope: Scope, base_url: str) -> str:
    """Scheme and host of the addresses in an answer: those of the request, unless they are internal
    or the public address is known to be another spelling of them. Contract: 10.3.
    """
    client = ensure_exchange(scope).client
    host = client.host.strip()
    told = (header(scope["headers"], "x-forwarded-proto") or "").partition(",")[0].strip().lower()
    scheme = told if told in _DEFAULT_PORTS else client.scheme
    if base_url:
        public = urlsplit(base_url)
        if _is_internal(host) or _hostname(host) == (public.hostname or ""):
            scheme, host = public.scheme, public.netloc
    if not host:
        # Relative to the request: a client without a Host header knows where it sent it.
        return ""
    bare, _, port = host.rpartition(":")
    return f"{scheme}://{bare if bare and port == _DEFAULT_PORTS[scheme] else host}"


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_internal(host: str) -> bool:
    name = _hostname(host).rstrip(".")
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return "." not in name or name.endswith(_INTERNAL)
    return (
        address.is_loopback or address.is_private or address.is_link_local or address.is_unspecified
    )
