"""A form is read in little memory, and whoever goes away leaves nothing."""

import asyncio

import pytest

from polyreel.http import uploads
from polyreel.http.uploads import ClientGone, receive_upload
from polyreel.kit.errors import TooLarge

MIB = 1024 * 1024
HEAD = b'--edge\r\nContent-Disposition: form-data; name="video"; filename="c.mp4"\r\n\r\n'
FOLDER = b'\r\n--edge\r\nContent-Disposition: form-data; name="Folder"\r\n\r\nroot'
END = b"\r\n--edge--\r\n"


class FakeSink:
    def __init__(self, fail_at=None):
        self.size, self.blocks, self.aborted, self.fail_at = 0, [], 0, fail_at

    def write(self, *chunks):
        self.size += sum(map(len, chunks))
        self.blocks.append(sum(map(len, chunks)))
        if self.fail_at is not None and self.size > self.fail_at:
            raise TooLarge

    def abort(self):
        self.aborted += 1


def take(pieces, sink, *, ending=None, fold_case=True, length=None):
    """Send these pieces, then `ending`; what was received, and with what `begin` was called."""
    calls = []
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append(ending or {"type": "http.request", "body": b"", "more_body": False})
    headers = [(b"content-type", b"multipart/form-data; boundary=edge")]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))

    async def receive():
        return messages.pop(0)

    def begin(filename, declared_bytes, fields):
        calls.append((filename, declared_bytes, dict(fields)))
        return sink

    async def run():
        async with receive_upload(
            {"headers": headers},
            receive,
            file_field="video",
            text_fields=["folder"],
            begin=begin,
            fold_case=fold_case,
        ) as received:
            assert sink.aborted == 0
            return received

    return asyncio.run(run()), calls, messages


def test_blocks_of_two_mebibytes_are_written():
    sink = FakeSink()
    received, _, _ = take([HEAD, *[bytes(MIB // 4)] * 40, FOLDER, END], sink)
    assert sink.size == 10 * MIB
    assert sink.blocks == [2 * MIB] * 5
    assert received.fields == {"folder": "root"}
    assert received.filename == "c.mp4"


def test_the_case_of_names_counts_unless_told_otherwise():
    received, _, _ = take([HEAD, b"x", FOLDER, END], FakeSink(), fold_case=False)
    assert received.fields == {}


@pytest.mark.parametrize("first", [b"", FOLDER[2:] + b"\r\n"])
def test_the_length_of_the_file_is_known_from_that_of_the_body(first):
    body = first + HEAD + b"x" * 1000 + END
    _, calls, _ = take([body], FakeSink(), length=len(body))
    assert calls[0][1] == 1000 if first else 900 < calls[0][1] <= 1000
    assert calls[0][2] == ({"folder": "root"} if first else {})


def test_whoever_goes_away_leaves_nothing():
    sink = FakeSink()
    with pytest.raises(ClientGone):
        take([HEAD, bytes(5 * MIB)], sink, ending={"type": "http.disconnect"})
    assert sink.aborted == 1


def test_whoever_falls_silent_leaves_nothing(monkeypatch):
    monkeypatch.setattr(uploads, "_SILENCE_S", 0.05)
    sink = FakeSink()

    async def run():
        pieces = [HEAD + b"x"]

        async def receive():
            if pieces:
                return {"type": "http.request", "body": pieces.pop(), "more_body": True}
            return await asyncio.sleep(60)

        scope = {"headers": [(b"content-type", b"multipart/form-data; boundary=edge")]}
        async with receive_upload(
            scope, receive, file_field="video", text_fields=[], begin=lambda *_: sink
        ):
            pass

    with pytest.raises(ClientGone):
        asyncio.run(run())
    assert sink.aborted == 1


def test_after_an_error_of_the_sink_no_more_is_read():
    sink = FakeSink(fail_at=MIB)
    pieces = [HEAD, *[bytes(MIB)] * 100]
    with pytest.raises(TooLarge):
        take(pieces, sink)
    assert sink.aborted == 1
    assert len(sink.blocks) == 1
