"""Resumable uploads by tus 1.0.0, with creation, creation-with-upload, creation-defer-length,
expiration, checksum, termination and concatenation. Contract: tus.md, part A.

Raw ASGI: bodies of any length pass through in blocks. What an API adds of its own is its `TusVoice`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from polyreel.core import ingest
from polyreel.core.ingest import (
    Appending,
    BodyTooLong,
    ChecksumMismatch,
    NewResumable,
    Resumable,
    ResumableLimits,
    UploadComplete,
    UploadInterrupted,
)
from polyreel.core.users import Actor, KeyAudit
from polyreel.http.blocks import in_thread
from polyreel.http.face import Answer, Authenticate, WrongMethod, kind_of
from polyreel.http.middleware import Receive, Scope, Send, ensure_exchange
from polyreel.http.queues import Place, Queues
from polyreel.http.ranges import http_date
from polyreel.http.tus_bodies import Bodies, unbroken
from polyreel.http.tus_headers import (
    VERSION,
    BadContentType,
    BadOffset,
    WrongVersion,
    read_checksum,
    read_concat,
    read_length,
    read_metadata,
    read_number,
)
from polyreel.http.uploads import ClientGone
from polyreel.infra.tools import Tools
from polyreel.kit.errors import Unauthenticated

__all__ = ["TusApp", "TusVoice", "Wish"]

EXTENSIONS = "creation,creation-with-upload,creation-defer-length,termination,concatenation,expiration,checksum"
BYTES = "application/offset+octet-stream"
ALLOWED = ("HEAD", "PATCH", "DELETE")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What an upload shall be, by what an API's clients say in its metadata."""

    name: str
    folder_id: int | None
    group_uid: str


@dataclass(frozen=True, kw_only=True)
class TusVoice:
    """What one API says and asks. `collection` is the path that uploads are created at; `wish` runs in a
    thread; `origin` is the scheme and host that clients shall use.
    """

    name: str
    collection: str
    source: str
    authenticate: Authenticate
    answer: Answer
    limits: Callable[[], Awaitable[ResumableLimits]]
    wish: Callable[[Mapping[str, str]], Wish]
    origin: Callable[[Scope], str]


@dataclass
class _Request:
    scope: Scope
    receive: Receive
    method: str
    uid: str | None
    headers: Mapping[str, str]
    place: Place | None = None
    actor: Actor = field(init=False)
    limits: ResumableLimits = field(init=False)

    @property
    def body_bytes(self) -> int | None:
        """The length of the body, None where only its end will tell."""
        if "transfer-encoding" in self.headers:
            return None
        return read_number(self.headers.get("content-length", "0"))


@dataclass
class _Reply:
    status: int
    fields: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class TusApp:
    """The ASGI app of one collection and everything below it that is an upload."""

    def __init__(self, tools: Tools, voice: TusVoice, audit: KeyAudit | None = None) -> None:
        self._tools = tools
        self._voice = voice
        self._audit = audit
        self._bodies = Bodies(tools)
        self._queues = Queues()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        try:
            reply = await self._reply(scope, receive)
        except Exception as error:  # noqa: BLE001 - every error has an answer
            status, fields, body = self._voice.answer(kind_of(error, scope, self._voice.name))
            reply = _Reply(status, dict(fields), body)
        fields = {"Tus-Resumable": VERSION, "X-Content-Type-Options": "nosniff", **reply.fields}
        with suppress(Exception):
            # The database may be away: then that is said without it.
            if most := (await self._voice.limits()).max_bytes:
                fields["Tus-Max-Size"] = str(most)
        if reply.status != 204:
            fields["Content-Length"] = str(len(reply.body))
        lines = [(key.lower().encode(), text.encode("latin-1")) for key, text in fields.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": lines})
        body = b"" if method == "HEAD" else reply.body
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _reply(self, scope: Scope, receive: Receive) -> _Reply:
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        method = headers.get("x-http-method-override", str(scope["method"])).upper()
        if scope["method"] == "OPTIONS":
            return _discovery()
        uid = scope["path"].removeprefix(self._voice.collection).strip("/") or None
        request = _Request(scope, receive, method, uid, headers)
        if uid is not None or headers.get("upload-concat") != "partial":
            return await self._answered(request)
        # Partials of one film say the same of it, and are asked for in its order. Made in that order
        # they need not be copied in the end.
        port = (scope.get("client") or ("", 0))[1]
        with self._queues.join(headers.get("upload-metadata", ""), port) as request.place:
            return await self._answered(request)

    async def _answered(self, request: _Request) -> _Reply:
        scope, method, uid = request.scope, request.method, request.uid
        request.actor = await self._known(scope)
        if method not in ("HEAD", "GET") and request.headers.get("tus-resumable") != VERSION:
            raise WrongVersion
        request.limits = await self._voice.limits()
        if uid is None:
            if method != "POST":
                raise WrongMethod(method, scope["path"], ("POST",))
            return await self._create(request)
        verbs: dict[str, Callable[[_Request, str], Awaitable[_Reply]]] = {
            "HEAD": self._head,
            "PATCH": self._patch,
            "DELETE": self._delete,
        }
        if method not in verbs:
            raise WrongMethod(method, scope["path"], ALLOWED)
        return await verbs[method](request, uid)

    async def _known(self, scope: Scope) -> Actor:
        actor = await asyncio.to_thread(self._voice.authenticate, self._tools, scope)
        if actor is None:
            raise Unauthenticated
        exchange = ensure_exchange(scope)
        exchange.actor = actor
        if self._audit is not None:
            self._audit.record(actor, scope["method"], scope["path"], exchange.client.address)
        return actor

    # --- creating -------------------------------------------------------------------------------

    async def _create(self, request: _Request) -> _Reply:
        headers = request.headers
        concat = read_concat(headers.get("upload-concat"), self._voice.collection)
        info = headers.get("upload-metadata", "")
        has_bytes = _kind(headers) == BYTES and request.body_bytes != 0
        if concat.kind == "final":
            if request.body_bytes != 0:
                raise UploadComplete("Bytes cannot be added to a concatenated upload.")
            length, make = None, ingest.concatenate
        else:
            length = read_length(headers.get("upload-length"), headers.get("upload-defer-length"))
            make = ingest.create_resumable
            if has_bytes and None not in (length, request.body_bytes):
                _check_fits(request.body_bytes or 0, length or 0)
        checksum = read_checksum(headers.get("upload-checksum")) if has_bytes else None
        metadata = read_metadata(info)
        wish = await asyncio.to_thread(self._voice.wish, metadata)
        new = NewResumable(
            kind=concat.kind,
            name=wish.name,
            folder_id=wish.folder_id,
            group_uid=wish.group_uid,
            source=self._voice.source,
            info=info,
            length_bytes=length,
            parts=concat.parts,
        )
        if request.place is not None:
            await request.place.reach()
        tools = self._tools
        made = await asyncio.to_thread(
            make, tools.db, tools.storage, request.actor, new, request.limits
        )
        if request.place is not None:
            request.place.leave()
        reply = _Reply(201, {"Location": self._address(request, made.uid), **_expiry(made)})
        if has_bytes and concat.kind != "final":
            take = partial(Appending.begin, offset=0, checksum=checksum)
            reply.fields["Upload-Offset"] = str(await self._first_bytes(request, made, take))
        return reply

    async def _first_bytes(
        self, request: _Request, made: Resumable, begin: Callable[[Appending], None]
    ) -> int:
        """Store what came with the creation. What breaks off can go on by the address we answer with."""
        try:
            return (await self._take(request, made.uid, begin)).offset_bytes
        except (ClientGone, UploadInterrupted):
            found = await asyncio.to_thread(self._find, request.actor, made.uid)
            return found.offset_bytes
        except ChecksumMismatch:
            # Nobody has been told its address.
            await self._delete(request, made.uid)
            raise

    def _address(self, request: _Request, uid: str) -> str:
        return f"{self._voice.origin(request.scope)}{self._voice.collection}/{uid}"

    # --- below an upload ------------------------------------------------------------------------

    async def _head(self, request: _Request, uid: str) -> _Reply:
        found = await asyncio.to_thread(self._find, request.actor, uid)
        if found.kind != "final" and found.state in ("created", "uploading"):
            # What is told must be where the next bytes are taken: whoever sends at present stops.
            hold = await self._bodies.hold(request.actor, uid)
            found = hold.upload
            hold.release()
        fields = {"Cache-Control": "no-store", **_expiry(found)}
        if found.kind != "final" or found.is_whole:
            fields["Upload-Offset"] = str(found.offset_bytes)
        if found.length_bytes is None:
            fields["Upload-Defer-Length"] = "1"
        else:
            fields["Upload-Length"] = str(found.length_bytes)
        if found.info:
            fields["Upload-Metadata"] = found.info
        if found.kind == "partial":
            fields["Upload-Concat"] = "partial"
        elif found.kind == "final":
            parts = " ".join(self._address(request, part) for part in found.parts)
            fields["Upload-Concat"] = f"final;{parts}"
        return _Reply(200, fields)

    async def _patch(self, request: _Request, uid: str) -> _Reply:
        headers = request.headers
        if _kind(headers) != BYTES:
            raise BadContentType
        offset = read_number(headers.get("upload-offset"))
        if offset is None:
            raise BadOffset
        length = None
        if "upload-length" in headers:
            length = read_length(headers["upload-length"], None)
        checksum = read_checksum(headers.get("upload-checksum"))
        begin = partial(
            Appending.begin,
            offset=offset,
            length_bytes=length,
            body_bytes=request.body_bytes,
            checksum=checksum,
        )
        found = await self._take(request, uid, begin)
        return _Reply(204, {"Upload-Offset": str(found.offset_bytes), **_expiry(found)})

    async def _delete(self, request: _Request, uid: str) -> _Reply:
        hold = await self._bodies.hold(request.actor, uid)
        try:
            await unbroken(in_thread(hold.delete))
        finally:
            hold.release()
        return _Reply(204)

    async def _take(
        self, request: _Request, uid: str, begin: Callable[[Appending], None]
    ) -> Resumable:
        return await self._bodies.take(request.receive, request.actor, uid, request.limits, begin)

    def _find(self, actor: Actor, uid: str) -> Resumable:
        with self._tools.db.read() as tx:
            return ingest.get_resumable(tx, actor, uid)


def _discovery() -> _Reply:
    fields = {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Checksum-Algorithm": ",".join(ingest.CHECKSUMS),
    }
    return _Reply(204, fields)


def _kind(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _expiry(upload: Resumable) -> dict[str, str]:
    return {"Upload-Expires": http_date(int(upload.expires_at.timestamp()))}


def _check_fits(body_bytes: int, length: int) -> None:
    if body_bytes > length:
        raise BodyTooLong
