"""Films as one file: MP4 and Matroska, laid out when they are first asked for and kept in memory.

    <uuid>/<quality>/1/stream/video.mp4     picture and the first sound; `?audio=all`: all of them
    <uuid>/<quality>/download/video.mkv     everything; also <quality>/0/stream/video.mp4

A sound's UUID in place of a quality is that sound alone. Source: the VideoCMS contract, 4.4.
"""

import asyncio
import re
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qs, quote

from polyreel.core.delivery import (
    Contents,
    Made,
    MediaView,
    Place,
    WholeMkv,
    WholeMp4,
    Wish,
    choose_contents,
    file_names,
    make_whole,
    tag_of,
)
from polyreel.core.options import OptionsCache
from polyreel.http.middleware import Scope, ensure_exchange
from polyreel.http.options import options_now
from polyreel.http.representation import Representation
from polyreel.http.throttle import network_of
from polyreel.infra.storage import Storage
from polyreel.kit.errors import Busy, Invalid
from polyreel.kit.ids import parse_uuid

__all__ = ["QUALITY", "Downloads", "read_wish"]

QUALITY = re.compile(r"([0-9]{3,4}p(-hevc|-av1|-vp9)?|h264)")
# Layouts take three to ten megabytes for two hours of film.
KEPT_BYTES = 96 * 1024 * 1024
AT_ONCE = 2
MOST_MAKING = 16
# A Matroska file is made while it is sent: some processor time for every megabyte.
MOST_MKV = 16
MOST_MKV_OF_CLIENT = 4
RETRY_S = 10
_YES = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_NO = frozenset({"0", "f", "F", "false", "FALSE", "False"})

Whole = WholeMp4 | WholeMkv


def read_wish(route: str, steps: Sequence[str], scope: Scope) -> Wish:
    """What an address of the route `mkv` or `mp4` asks for. Raises Invalid."""
    name, is_mp4 = steps[0], False
    if route == "mp4":
        is_mp4 = steps[1] in _YES
        if not is_mp4 and steps[1] not in _NO:
            raise Invalid("This must be true or false: whether the file is an MP4.")
    if not QUALITY.fullmatch(name):
        uuid = parse_uuid(name)
        if uuid is None:
            raise Invalid("There is no such quality.")
        name = uuid
    query = parse_qs(scope["query_string"].decode("latin-1"))
    return Wish(name, "mp4" if is_mp4 else "mkv", every_sound=query.get("audio") == ["all"])


class Downloads:
    """The layouts that this process keeps; used from the event loop."""

    def __init__(self, storage: Storage, options: OptionsCache) -> None:
        self._storage = storage
        self._options = options
        self._kept: OrderedDict[str, Whole] = OrderedDict()
        self._making: dict[str, asyncio.Task[Whole]] = {}
        self._slots = _Slots()
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def find(self, view: MediaView, wish: Wish, scope: Scope) -> Representation:
        """The file. Raises Invalid where downloads are switched off, QualityNotFound, Busy."""
        if not (await options_now(self._options)).downloads_enabled:
            raise Invalid("Downloads are disabled.")
        contents = choose_contents(view, wish)
        tag = tag_of(wish, contents)
        body = await self._whole(tag, wish, contents)
        is_picture = contents.renditions[0].kind == "video"
        suffix = {"mp4": ("m4a", "mp4"), "mkv": ("mka", "mkv")}[wish.form][is_picture]
        subtype = "mp4" if wish.form == "mp4" else "x-matroska"
        names = file_names(view.name, wish.name if is_picture else "", suffix)
        client = network_of(ensure_exchange(scope).client.address)
        return Representation(
            kind=f"{'video' if is_picture else 'audio'}/{subtype}",
            etag=f'"{tag}"',
            modified_s=view.changed_at_s,
            cache="private, no-cache",
            body=body if isinstance(body, WholeMp4) else _Limited(body, self._slots, client),
            quality=wish.name,
            extra={"content-disposition": _disposition(wish, names)},
        )

    async def _whole(self, tag: str, wish: Wish, contents: Contents) -> Whole:
        kept = self._kept.get(tag)
        if kept is not None:
            self._kept.move_to_end(tag)
            return kept
        making = self._making.get(tag)
        if making is None:
            if len(self._making) >= MOST_MAKING:
                raise Busy("Too many downloads are being prepared.", retry_after_s=RETRY_S)
            making = asyncio.create_task(self._make(wish, contents))
            self._making[tag] = making
            making.add_done_callback(lambda done: self._made(tag, done))
        # Who goes away does not take it from those who stay.
        return await asyncio.shield(making)

    async def _make(self, wish: Wish, contents: Contents) -> Whole:
        async with self._turns:
            return await asyncio.to_thread(make_whole, self._storage, wish, contents)

    def _made(self, tag: str, done: asyncio.Task[Whole]) -> None:
        del self._making[tag]
        if done.cancelled() or done.exception() is not None:
            return
        self._kept[tag] = done.result()
        while len(self._kept) > 1 and self._kept_bytes() > KEPT_BYTES:
            self._kept.popitem(last=False)

    def _kept_bytes(self) -> int:
        return sum(whole.memory_bytes for whole in self._kept.values())


class _Slots:
    """How many files are being made while they are sent, by client."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    def take(self, client: str) -> None:
        """Raises Busy."""
        if self._taken.total() >= MOST_MKV or self._taken[client] >= MOST_MKV_OF_CLIENT:
            raise Busy("Too many downloads at once; please wait for one.", retry_after_s=RETRY_S)
        self._taken[client] += 1

    def give_back(self, client: str) -> None:
        self._taken[client] -= 1
        if not self._taken[client]:
            del self._taken[client]


class _Limited:
    """A body that takes a slot for as long as it is sent."""

    def __init__(self, body: WholeMkv, slots: _Slots, client: str) -> None:
        self.size = body.size
        self._body = body
        self._slots = slots
        self._client = client

    def pieces(self, start: int, length: int) -> Iterator[bytes | Place | Made]:
        """As those of the body. Raises Busy at the first."""
        self._slots.take(self._client)
        try:
            yield from self._body.pieces(start, length)
        finally:
            self._slots.give_back(self._client)


def _disposition(wish: Wish, names: tuple[str, str]) -> str:
    """An MP4 may also be played where it is. Source: RFC 6266, RFC 8187."""
    plain, full = names
    how = "inline" if wish.form == "mp4" else "attachment"
    text = f'{how}; filename="{plain}"'
    return text if plain == full else f"{text}; filename*=UTF-8''{quote(full, safe='')}"
