"""A stream keeps the newest of each subject, and ends."""

import pytest

from polyreel.http.live import EventStream

pytestmark = pytest.mark.anyio


async def test_events_are_written_as_the_standard_says():
    stream = EventStream()
    stream.put("a", "video", {"name": "two\nlines"})
    stream.put("b", "gone", {"uuid": "b"})
    assert await stream.take(1) == (
        b'event: video\ndata: {"name":"two\\nlines"}\n\nevent: gone\ndata: {"uuid":"b"}\n\n'
    )


async def test_only_the_newest_of_a_subject_waits():
    stream = EventStream()
    for number in range(1000):
        stream.put("a", "video", {"n": number})
    assert await stream.take(1) == b'event: video\ndata: {"n":999}\n\n'


async def test_silence_is_a_comment():
    assert await EventStream().take(0.01) == b":\n\n"


async def test_an_ended_stream_gives_nothing_more():
    stream = EventStream()
    stream.put("a", "video", {})
    stream.end()
    assert await stream.take(1) == b""
    assert stream.has_ended
