"""A stretch of a file goes out whole, or the answer is cut."""

import asyncio
import os

import pytest

from polyreel.http.bytes import CHUNKS, SMALL_CHUNK, send_file_range

CHUNK = CHUNKS[0][1]
SIZE = 3 * CHUNK + 17


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(os.urandom(SIZE))
    return path


def send(path, start, length, *, hook=None):
    messages = []

    async def taken(message):
        messages.append(message)
        if hook:
            hook(len(messages))

    async def run(fd):
        return await send_file_range(taken, fd, start, length)

    fd = os.open(path, os.O_RDONLY)
    try:
        return asyncio.run(run(fd)), messages
    finally:
        os.close(fd)


@pytest.mark.parametrize(
    ("start", "length"),
    [(0, 1), (0, SIZE), (5, CHUNK), (CHUNK - 1, CHUNK + 2), (SIZE - 1, 1), (0, 2 * CHUNK)],
)
def test_exactly_the_stretch_is_sent(file, start, length):
    sent, messages = send(file, start, length)
    assert sent == length
    assert b"".join(m["body"] for m in messages) == file.read_bytes()[start : start + length]
    assert [m["more_body"] for m in messages] == [True] * (len(messages) - 1) + [False]
    assert all(len(m["body"]) <= CHUNK for m in messages)


def test_a_file_that_is_too_short_cuts_the_answer(file):
    with pytest.raises(OSError, match="shorter"):
        send(file, SIZE - 10, 11)


def test_a_file_that_shrinks_meanwhile_cuts_the_answer(file):
    with pytest.raises(OSError, match="shorter"):
        send(file, 0, SIZE, hook=lambda count: os.truncate(file, CHUNK))


def test_a_file_deleted_meanwhile_is_sent_to_its_end(file):
    whole = file.read_bytes()
    _, messages = send(file, 0, SIZE, hook=lambda count: file.unlink(missing_ok=True))
    assert b"".join(m["body"] for m in messages) == whole


@pytest.mark.parametrize(("answers", "most"), [(1, CHUNK), (17, CHUNKS[1][1]), (65, SMALL_CHUNK)])
def test_chunks_are_smaller_the_more_answers_are_under_way(file, answers, most):
    sizes = []

    async def hold(message):
        sizes.append(len(message["body"]))
        await asyncio.sleep(0)

    async def all_at_once(fd):
        await asyncio.gather(*(send_file_range(hold, fd, 0, SIZE) for _ in range(answers)))

    with file.open("rb") as opened:
        asyncio.run(all_at_once(opened.fileno()))
    assert most in sizes
    assert sizes.count(CHUNK) <= 16 * 4
