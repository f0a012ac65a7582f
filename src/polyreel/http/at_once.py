"""The way past tasks and layers: a piece of a stream that is in memory is answered while its request is read.

Most requests are of this kind, and a fragment's bytes cost less than what is around them. The gate is the media
app's, the line in the log everybody's; whatever has to wait, is refused or is anything else goes the usual way.
"""

import os
import resource
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from polyreel.core.delivery import MediaView, Place
from polyreel.core.stats import Traffic
from polyreel.http.auth import Client
from polyreel.http.bytes import LONGEST_BYTES, Stretch, is_in_memory
from polyreel.http.heads import Asker, PlainHead
from polyreel.http.media import MediaApp, ticket_of
from polyreel.http.media_routes import is_media
from polyreel.http.middleware import (
    REQUEST_ID,
    ASGIApp,
    Exchange,
    Observer,
    Receive,
    Scope,
    Send,
    dressed,
)
from polyreel.http.ranges import CONDITIONS
from polyreel.http.representation import Representation, choose, encoded
from polyreel.infra.storage import Storage

__all__ = ["AtOnce", "Site"]

MOST_KNOWN = 4096
MOST_OPEN = 256
LONGEST_QUERY = 64
# What was in memory a moment ago, and has just been sent, still is.
WARM_S = 1.0

# Path and query.
_Address = tuple[str, bytes]


class _OpenFile:
    """A file that is closed when nobody knows of it any more: no address, and no answer under way."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        os.close(self.number)


class _Words(NamedTuple):
    """What a client says in every request, and who it is: read once. `is_conditional`: there is more to it
    than a range.
    """

    scope: Scope
    client: Client
    ticket: str | None
    is_conditional: bool


@dataclass(slots=True)
class _Known:
    """What an address means while the view is this one; `whole` are the headers of the whole of it, `file`
    is None where too many are open. All of it was in memory until `warm_until`, of `time.monotonic`.

    It does not keep the view, and goes with it: when its film is another, or deleted.
    """

    view: "weakref.ref[MediaView]"
    item: Representation
    place: Place
    whole: bytes
    file: _OpenFile | None
    warm_until: float = 0.0


class AtOnce:
    """Finds answers where nothing has to be waited for.

    `is_spared` tells whether the requests of a client need not be counted.
    """

    def __init__(
        self,
        media: MediaApp,
        storage: Storage,
        traffic: Traffic,
        observer: Observer,
        is_spared: Callable[[str], bool],
    ) -> None:
        self._media = media
        self._storage = storage
        self._traffic = traffic
        self._observer = observer
        self._is_spared = is_spared
        self._known: dict[_Address, _Known] = {}
        # Fragments of one rendition lie in one file, or a few.
        self._files: weakref.WeakValueDictionary[str, _OpenFile] = weakref.WeakValueDictionary()

    def __call__(self, scope: Scope) -> Asker | None:
        """What answers this client, as long as its requests differ from this one in address and range alone."""
        if scope["method"] != "GET" or not is_media(scope["path"]):
            return None
        names = {name for name, _ in scope["headers"]} - {b"range"}
        is_conditional = not names.isdisjoint(CONDITIONS)
        words = _Words(scope, self._observer.client(scope), ticket_of(scope), is_conditional)
        return partial(self._answer, words)

    def _answer(self, words: _Words, head: PlainHead) -> Stretch | None:
        found = self._find(words, head) if self._is_spared(words.client.address) else None
        if found is None:
            return None
        view, known = found
        place, status, start, length, headers = known.place, 200, 0, known.place.size, known.whole
        if words.is_conditional or head.range is not None:
            chosen, fields = choose(head.scope_like(words.scope), known.item)
            status, start, length = chosen.status, chosen.start, chosen.length
            headers = _lines(fields)
        # What takes a slow client long may leave the memory on the way.
        if not 0 < length <= LONGEST_BYTES:
            return None
        offset = place.offset + start
        file = known.file or self._open(place.key)
        if file is None or not _is_in_memory(known, file, offset, length):
            return None
        exchange = Exchange("GET", head.path, words.client, status=status)
        # The answer outlives what is known of the film, and keeps no more of it than its own file.
        record = partial(self._traffic.record, view.owner_id, view.media_id, known.item.quality)
        return Stretch(
            status=status,
            headers=b"%b%b: %b\r\n" % (headers, REQUEST_ID, exchange.id.encode()),
            file=file.number,
            offset=offset,
            length=length,
            ended=partial(self._ended, exchange, record, file),
        )

    def _find(self, words: _Words, head: PlainHead) -> tuple[MediaView, _Known] | None:
        """What is there for who may have it, found before, as for other viewers of a film, or now."""
        key = head.path, head.query
        known = self._known.get(key)
        view = known.view() if known else None
        if known is not None and view is not None and self._media.admits(words.ticket, view):
            return view, known
        found = self._media.find_at_hand(*key, words.ticket)
        if found is None:
            return None
        view, item = found
        if not isinstance(item.body, Place):
            return None
        _, fields = choose({"method": "GET", "headers": ()}, item)
        whole = _lines(fields)
        if len(head.query) > LONGEST_QUERY:
            return view, _Known(weakref.ref(view), item, item.body, whole, None)
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        known = self._known[key] = _Known(
            weakref.ref(view, partial(self._forget, key)),
            item,
            item.body,
            whole,
            self._keep_open(item.body.key),
        )
        return view, known

    def _forget(self, key: _Address, view: "weakref.ref[MediaView]") -> None:
        known = self._known.get(key)
        # The last to know the view may be a thread that looked for a newer one.
        if known is not None and known.view is view:
            self._known.pop(key, None)

    def _keep_open(self, key: str) -> _OpenFile | None:
        found = self._files.get(key)
        if found is None and len(self._files) < min(MOST_OPEN, _descriptors() // 8):
            found = self._open(key)
            if found is not None:
                self._files[key] = found
        return found

    def _open(self, key: str) -> _OpenFile | None:
        try:
            return _OpenFile(self._storage.open_read(key))
        except OSError:
            return None

    def _ended(
        self, exchange: Exchange, record: Callable[[int], None], file: _OpenFile, sent: int
    ) -> None:
        # `file` has stayed open until here.
        if sent:
            record(sent)
        exchange.sent_bytes = sent
        self._observer.end(exchange)


def _descriptors() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _is_in_memory(known: _Known, file: _OpenFile, offset: int, length: int) -> bool:
    now = time.monotonic()
    if now < known.warm_until:
        return True
    try:
        is_warm = is_in_memory(file.number, offset, length)
    except OSError:
        return False
    if is_warm and length == known.place.size:
        known.warm_until = now + WARM_S
    return is_warm


def _lines(fields: Mapping[str, str]) -> bytes:
    """Headers as they are sent."""
    return b"".join(b"%b: %b\r\n" % pair for pair in dressed(encoded(fields)))


@dataclass(frozen=True)
class Site:
    """The ASGI app of a web process; a server that can asks `at_once` first."""

    app: ASGIApp
    at_once: Callable[[Scope], Asker | None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live through the lifespan."""
        await self.app(scope, receive, send)
