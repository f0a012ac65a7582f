"""Bytes that go past the page cache are the same bytes, wherever they begin and end."""

import hashlib
import os
import random

import pytest

from polyreel.core.ingest.writing import BlockFile, copy_stretch

BLOCK, BUFFER = 4096, 4 << 20


@pytest.fixture
def opened(tmp_path):
    made = []

    def open_file(name="file", flags=os.O_WRONLY | os.O_CREAT):
        made.append(os.open(tmp_path / name, flags))
        return made[-1]

    yield open_file
    for fd in made:
        os.close(fd)


def pieces_of(data, sizes):
    at = 0
    while at < len(data):
        size = next(sizes)
        yield data[at : at + size]
        at += size


@pytest.mark.parametrize("offset", [0, 1, BLOCK - 1, BLOCK, 3 * BLOCK + 7])
@pytest.mark.parametrize("largest", [300, BLOCK, 100_000, BUFFER + 5])
def test_what_is_written_is_read(opened, tmp_path, offset, largest):
    chance = random.Random(offset + largest)
    data = chance.randbytes(min(2 * BUFFER + 100, largest * 50))
    file, digest = BlockFile(opened(), offset), hashlib.sha256()
    for piece in pieces_of(data, iter(lambda: chance.randint(0, largest), None)):
        file.write([piece[:10], memoryview(piece)[10:]], digest)
    file.flush()
    assert (tmp_path / "file").read_bytes() == bytes(offset) + data
    assert digest.digest() == hashlib.sha256(data).digest()


def test_after_a_flush_it_goes_on(opened, tmp_path):
    file = BlockFile(opened())
    for _ in range(3):
        file.write([b"some"])
        file.flush()
    assert (tmp_path / "file").read_bytes() == b"somesomesome"


def test_two_may_write_side_by_side_within_one_block(opened, tmp_path):
    edge = BLOCK + 100
    first, second = BlockFile(opened(), 0), BlockFile(opened(), edge)
    for _ in range(2):
        first.write([b"a" * (edge // 2)])
        second.write([b"b" * BLOCK])
        first.flush()
        second.flush()
    assert (tmp_path / "file").read_bytes() == b"a" * edge + b"b" * (2 * BLOCK)


def test_a_failed_write_leaves_what_was_there(opened, tmp_path):
    fd = opened()
    file = BlockFile(fd)
    file.write([b"x" * 5])
    with pytest.raises(TypeError):
        file.write([b"y" * BLOCK, None])  # type: ignore[list-item]
    file.flush()
    assert (tmp_path / "file").read_bytes()[:5] == b"x" * 5


@pytest.mark.parametrize(("offset", "size", "target"), [(0, BUFFER + 1, 0), (5, BUFFER, 9), (BLOCK, 7, BLOCK)])  # fmt: skip
def test_a_stretch_is_copied(opened, tmp_path, offset, size, target):
    data = random.Random(1).randbytes(BUFFER + 3 * BLOCK)
    (tmp_path / "source").write_bytes(data)
    source = opened("source", os.O_RDONLY)
    copy_stretch(source, offset, size, BlockFile(opened(), target))
    assert (tmp_path / "file").read_bytes() == bytes(target) + data[offset : offset + size]


def test_a_source_that_is_too_short_is_told(opened, tmp_path):
    (tmp_path / "source").write_bytes(b"short")
    source = opened("source", os.O_RDONLY)
    with pytest.raises(EOFError):
        copy_stretch(source, 0, 6, BlockFile(opened()))
