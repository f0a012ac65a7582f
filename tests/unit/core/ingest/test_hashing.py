"""What was published before it was hashed: its hash, and its twin."""

import hashlib
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from polyreel.core import library
from polyreel.core.ingest import KINDS
from polyreel.core.ingest.publish import Entry, StoredBytes, key_of, new_uid, publish

FILM = b"not really a film, but bytes " * 100
SHA256 = hashlib.sha256(FILM).hexdigest()


@pytest.fixture
def add(db, storage, actor):
    """A video of these bytes, hashed or not."""

    def add(data=FILM, *, sha256=None):
        uid = new_uid()
        with storage.open_growing(key_of(uid)) as file:
            file.path.write_bytes(data)
        stored = StoredBytes(uid=uid, key=key_of(uid), size_bytes=len(data), sha256=sha256)
        entry = Entry(
            name="a.mp4", filename="a.mp4", folder_id=None, source="web", visibility="private"
        )
        with db.write() as tx:
            return publish(tx, actor, stored, entry)[0]

    return add


@pytest.fixture
def run(db, storage):
    """Run the job for a video's media, as a worker does."""

    def run(video):
        @contextmanager
        def write():
            with db.write() as tx:
                yield tx

        job: Any = SimpleNamespace(
            tools=SimpleNamespace(db=db, storage=storage),
            args={"media_id": video.media_id},
            write=write,
            check=lambda: None,
            report=lambda done: None,
            complete=lambda tx: None,
        )
        next(kind for kind in KINDS if kind.name == "ingest.hash").run(job)

    return run


def now(db, actor, video):
    """The video and its media, as they are."""
    with db.read() as tx:
        found = library.get_video(tx, actor, video.id)
        return found, library.get_media(tx, found.media_id)


def files(storage):
    return [path for path in storage.root.rglob("*") if path.is_file()]


def test_the_job_is_there_with_the_video(add, jobs):
    add()
    assert [order.kind for order in jobs.orders] == ["media.look", "ingest.hash"]
    jobs.orders.clear()
    add(b"other", sha256=hashlib.sha256(b"other").hexdigest())
    assert [order.kind for order in jobs.orders] == ["media.look"]


def test_the_hash_is_recorded(add, run, db, actor):
    video = add()
    run(video)
    assert now(db, actor, video)[1].sha256 == SHA256
    run(video)


@pytest.mark.parametrize("is_hashed", [True, False])
def test_twins_are_joined_and_bytes_kept_once(add, run, db, storage, actor, is_hashed):
    first = add(sha256=SHA256 if is_hashed else None)
    run(first)
    second = add()
    assert second.media_id != first.media_id
    run(second)
    (video, media), (other, _) = now(db, actor, first), now(db, actor, second)
    assert video.media_id == other.media_id == first.media_id
    assert files(storage) == [storage.path(media.original_key)]
    run(second)


def test_a_twin_that_failed_gives_way_to_the_newer(add, run, db, storage, actor):
    first = add(sha256=SHA256)
    with db.write() as tx:
        library.update_media(tx, first.media_id, state="failed", message="No picture.")
    second = add()
    run(second)
    (video, media), (other, _) = now(db, actor, first), now(db, actor, second)
    assert video.media_id == other.media_id == second.media_id
    assert (media.sha256, media.state) == (SHA256, "received")
    assert files(storage) == [storage.path(media.original_key)]


def test_what_was_deleted_meanwhile_is_no_error(add, run, db, actor):
    video = add()
    with db.write() as tx:
        library.delete_video(tx, actor, video.uuid)
    run(video)
