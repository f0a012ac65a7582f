"""Take a file out of a multipart body while it arrives, whatever its size, in little memory.

The event loop only receives and parses; see `blocks` for the rest.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from polyreel.http.auth import header
from polyreel.http.blocks import BlockWriter, in_thread
from polyreel.http.middleware import Message, Receive, Scope
from polyreel.http.multipart import Form, Part
from polyreel.kit.errors import Invalid

__all__ = ["Begin", "ClientGone", "Received", "Sink", "receive_upload"]

_MOST_TEXT_BYTES = 64 * 1024
_MOST_IGNORED_BYTES = 16 * 1024 * 1024
_LEAST_HEAD = 'Content-Disposition: form-data; name=""\r\n\r\n'
_SILENCE_S = 120.0


class Sink(Protocol):
    """Where the file goes; `core.ingest.Upload` is one. Its methods block."""

    size: int

    def write(self, *chunks: bytes) -> None:
        """Append."""

    def abort(self) -> None:
        """Forget it all, unless it has ended; may be called again."""


Begin = Callable[[str, int | None, Mapping[str, str]], Sink]
"""Opens the sink: filename, length as far as that of the body tells, the text fields that
came before the file. Runs in a thread; what it raises ends the upload before the file is read."""


class ClientGone(Invalid):
    """The client went away, or fell silent, before the end of the body."""

    default = "The upload was not completed."


@dataclass
class Received:
    """A form that has arrived whole: its text fields by name (the last of each), and its file.

    `sink` is None when there was none; `is_file_text` tells that its field came as text, and
    `is_unnamed` that it came without a name. `filename` is clean.
    """

    fields: dict[str, str] = field(default_factory=dict)
    sink: Sink | None = None
    filename: str = ""
    is_file_text: bool = False
    is_unnamed: bool = False


@asynccontextmanager
async def receive_upload(
    scope: Scope,
    receive: Receive,
    *,
    file_field: str,
    text_fields: Collection[str],
    begin: Begin,
    fold_case: bool = False,
) -> AsyncIterator[Received]:
    """Read a form with one file in it; parts may come in any order, others are ignored.

    Inside the block the sink is the caller's to finish; what is not finished is gone after it.
    With `fold_case` the case of field names does not count. Raises MalformedBody for what is no
    form, Invalid for parts beyond their limits, ClientGone, and whatever sink and `begin` raise.
    """
    intake = _Intake(scope, file_field, text_fields, begin, fold_case)
    try:
        await intake.read(receive)
        yield intake.received
    finally:
        await intake.end()


class _Intake:
    """The state of one form on its way in."""

    def __init__(
        self,
        scope: Scope,
        file_field: str,
        text_fields: Collection[str],
        begin: Begin,
        fold_case: bool,
    ) -> None:
        self.received = Received()
        self._more_is_coming = True
        self._scope = scope
        self._begin = begin
        self._names = {
            (name.lower() if fold_case else name): name for name in [file_field, *text_fields]
        }
        self._fold_case = fold_case
        self._file_field = file_field
        self._part: str | None = None
        self._is_in_file = False
        self._text = bytearray()
        self._ignored = 0
        self._seen_bytes = 0
        self._blocks: BlockWriter | None = None
        self._heard_at = asyncio.get_running_loop().time()

    async def read(self, receive: Receive) -> None:
        """Take the whole body."""
        self._form = Form(header(self._scope["headers"], "content-type"))
        try:
            async with asyncio.timeout(_SILENCE_S) as silence:
                while self._more_is_coming:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientGone
                    await self._take_message(message, silence)
        except TimeoutError:
            raise ClientGone from None
        self._form.close()
        if self._blocks is not None:
            await self._blocks.flush()
            await self._blocks.settle()

    async def _take_message(self, message: Message, silence: asyncio.Timeout) -> None:
        self._more_is_coming = message.get("more_body", False)
        if chunk := message.get("body"):
            for event in self._form.parse(chunk):
                await self._take(event)
        # Not for every message: there are thousands a second.
        now = asyncio.get_running_loop().time()
        if now - self._heard_at > 1:
            self._heard_at = now
            silence.reschedule(now + _SILENCE_S)
            if self._blocks is not None:
                await self._blocks.flush_if_late()

    async def end(self) -> None:
        """Give up what is not finished, after the write under way; cancelled, it happens too."""
        await asyncio.shield(asyncio.ensure_future(self._give_up()))

    async def _give_up(self) -> None:
        if self._blocks is not None:
            with suppress(Exception):
                await self._blocks.settle()
        if self.received.sink is not None:
            await in_thread(self.received.sink.abort)

    async def _take(self, event: Part | bytes | None) -> None:
        if isinstance(event, bytes):
            if self._is_in_file and self._blocks is not None:
                await self._blocks.add(event)
            else:
                self._take_text(event)
        elif event is None:
            self._end_part()
        else:
            await self._start_part(event)

    async def _start_part(self, part: Part) -> None:
        self._seen_bytes += self._form.edge_bytes + part.head_bytes
        name = part.name.lower() if self._fold_case else part.name
        self._part = self._names.get(name)
        self._text.clear()
        if self._part != self._file_field:
            # A file where a text belongs is no value of that field.
            self._part = None if part.is_file else self._part
            return
        self.received.is_file_text = not part.is_file
        self.received.is_unnamed = part.is_file and part.filename is None
        if part.filename is None:
            return
        if self.received.sink is not None:
            raise Invalid(fields={self._file_field: ["Only one file can be sent at a time."]})
        self.received.filename = part.filename
        self.received.sink = await asyncio.to_thread(
            self._begin, part.filename, self._declared(), dict(self.received.fields)
        )
        self._blocks = BlockWriter(self.received.sink.write)
        self._is_in_file = True

    def _end_part(self) -> None:
        if self._part is not None and self._part != self._file_field:
            self.received.fields[self._part] = self._text.decode(errors="replace")
        self._part = None
        self._is_in_file = False

    def _take_text(self, data: bytes) -> None:
        self._seen_bytes += len(data)
        if self._part is None:
            self._ignored += len(data)
            if self._ignored > _MOST_IGNORED_BYTES:
                raise Invalid("The form has too much in it that is not asked for.")
            return
        self._text += data
        if len(self._text) > _MOST_TEXT_BYTES:
            what = "must be a file with a name" if self._part == self._file_field else "is too long"
            raise Invalid(fields={self._part: [f"The {self._part} field {what}."]})

    def _declared(self) -> int | None:
        """The length of the file, as far as that of the whole body tells."""
        text = header(self._scope["headers"], "content-length")
        if text is None or not text.isascii() or not text.isdigit() or len(text) > 18:
            return None
        # All that came before, the end of the form, and the least that the other fields add to it.
        edge = self._form.edge_bytes
        missing = set(self._names.values()) - {self._file_field, *self.received.fields}
        rest = sum(edge + len(_LEAST_HEAD) + len(name) for name in missing)
        return max(1, int(text) - self._seen_bytes - edge - rest)
