"""The way past tasks and layers: a piece of a stream that is in memory is answered while its request is read.

Most requests are of this kind, and a fragment's bytes cost less than what is around them. The gate is the media
app's, the line in the log everybody's; whatever has to wait, is refused or is anything else goes the usual way.
"""

import os
import resource
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from polyreel.core.delivery import MediaView, Place
from polyreel.core.stats import Traffic
from polyreel.http.bytes import LONGEST_BYTES, Stretch, is_in_memory
from polyreel.http.media import MediaApp
from polyreel.http.media_routes import is_media
from polyreel.http.middleware import (
    ASGIApp,
    Exchange,
    Headers,
    Observer,
    Receive,
    Scope,
    Send,
    has_body,
)
from polyreel.http.ranges import CONDITIONS
from polyreel.http.representation import Representation, choose, encoded
from polyreel.infra.storage import Storage

__all__ = ["AtOnce", "Site"]

MOST_KNOWN = 4096
MOST_OPEN = 256
LONGEST_QUERY = 64

# Path and query.
_Address = tuple[str, bytes]


class _OpenFile:
    """A file that is closed when nobody knows of it any more: no address, and no answer under way."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        os.close(self.number)


@dataclass(frozen=True, slots=True)
class _Known:
    """What an address means while the view is this one; `whole` are the headers of the whole of it, `file`
    is None where too many are open.

    It does not keep the view, and goes with it: when its film is another, or deleted.
    """

    view: "weakref.ref[MediaView]"
    item: Representation
    place: Place
    whole: Headers
    file: _OpenFile | None


class AtOnce:
    """Finds the answer to a request where nothing has to be waited for; None: ask the app.

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

    def __call__(self, scope: Scope) -> Stretch | None:
        """The stretch of a file that is the answer."""
        if scope["method"] != "GET" or has_body(scope):
            return None
        found = self._find(scope)
        if found is None:
            return None
        view, known = found
        place, status, start, length, headers = known.place, 200, 0, known.place.size, known.whole
        if any(name in CONDITIONS for name, _ in scope["headers"]):
            chosen, fields = choose(scope, known.item)
            status, start, length = chosen.status, chosen.start, chosen.length
            headers = encoded(fields)
        # What takes a slow client long may leave the memory on the way.
        if not 0 < length <= LONGEST_BYTES:
            return None
        exchange = self._observer.begin(scope)
        if not self._is_spared(exchange.client.address):
            return None
        offset = place.offset + start
        file = known.file or self._open(place.key)
        if file is None or not _is_in_memory(file, offset, length):
            return None
        exchange.status = status
        # The answer outlives what is known of the film, and keeps no more of it than its own file.
        record = partial(self._traffic.record, view.owner_id, view.media_id, known.item.quality)
        return Stretch(
            status=status,
            headers=self._observer.complete(exchange, headers),
            file=file.number,
            offset=offset,
            count=length,
            ended=partial(self._ended, scope, exchange, record, file),
        )

    def _find(self, scope: Scope) -> tuple[MediaView, _Known] | None:
        """What is there for who may have it, found before, as for other viewers of a film, or now."""
        key = scope["path"], scope["query_string"]
        known = self._known.get(key)
        view = known.view() if known else None
        if known is not None and view is not None and self._media.admits(scope, view):
            return view, known
        found = self._media.find_at_hand(scope) if is_media(scope["path"]) else None
        if found is None:
            return None
        view, item = found
        if not isinstance(item.body, Place):
            return None
        _, fields = choose({**scope, "headers": ()}, item)
        if len(scope["query_string"]) > LONGEST_QUERY:
            return view, _Known(weakref.ref(view), item, item.body, encoded(fields), None)
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        known = self._known[key] = _Known(
            weakref.ref(view, partial(self._forget, key)),
            item,
            item.body,
            encoded(fields),
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
        self,
        scope: Scope,
        exchange: Exchange,
        record: Callable[[int], None],
        file: _OpenFile,
        sent: int,
    ) -> None:
        # `file` has stayed open until here.
        if sent:
            record(sent)
        exchange.sent_bytes = sent
        self._observer.end(scope, exchange)


def _descriptors() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _is_in_memory(file: _OpenFile, offset: int, length: int) -> bool:
    try:
        return is_in_memory(file.number, offset, length)
    except OSError:
        return False


@dataclass(frozen=True)
class Site:
    """The ASGI app of a web process; a server that can asks `at_once` first."""

    app: ASGIApp
    at_once: Callable[[Scope], Stretch | None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live through the lifespan."""
        await self.app(scope, receive, send)
