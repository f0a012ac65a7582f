"""An upload ends as one video, or leaves nothing."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select

from polyreel.core import ingest, library
from polyreel.core.ingest import UploadLimits, begin_upload, reservations
from polyreel.core.ingest.tables import UploadRow
from polyreel.kit.errors import AppError, Forbidden, QuotaExceeded, TooLarge

MIB = 1024 * 1024


def files_of(storage):
    return sorted(path for path in storage.root.rglob("*") if path.is_file())


def rows_of(db):
    with db.read() as tx:
        return list(tx.session.scalars(select(UploadRow)))


def upload(db, storage, actor, data=b"bytes", **given):
    begun = begin_upload(db, storage, actor, source="uploads", declared_bytes=len(data))
    begun.write(data)
    return begun.finish(name="clip", filename="clip.mp4", **given)


def media_of(db, video):
    with db.read() as tx:
        return library.get_media(tx, video.media_id)


def test_a_finished_upload_is_a_video_with_its_bytes_and_a_job(db, storage, actor, jobs):
    begun = begin_upload(db, storage, actor, source="uploads", declared_bytes=11)
    begun.write(b"hello", b" ")
    begun.write(b"world")
    video = begun.finish(name="clip", filename="clip.mp4")
    media = media_of(db, video)
    assert storage.path(media.original_key).read_bytes() == b"hello world"
    assert media.sha256 == hashlib.sha256(b"hello world").hexdigest()
    assert (video.state, video.source, video.visibility) == ("received", "uploads", "unlisted")
    assert [(order.kind, order.key) for order in jobs.orders] == [
        ("media.look", f"look:{media.id}")
    ]
    assert rows_of(db) == []
    assert files_of(storage) == [storage.path(media.original_key)]


def test_room_held_ahead_does_not_lengthen_the_file(db, storage, actor):
    begun = begin_upload(db, storage, actor, source="uploads", declared_bytes=MIB)
    begun.write(b"short")
    media = media_of(db, begun.finish(name="clip", filename="clip.mp4"))
    assert storage.size(media.original_key) == media.size_bytes == 5


def test_the_same_bytes_twice_are_two_videos_of_one_media(db, storage, add_actor, jobs):
    first = upload(db, storage, add_actor("alice"))
    second = upload(db, storage, add_actor("bobby"))
    assert first.uuid != second.uuid
    assert first.media_id == second.media_id
    assert len(files_of(storage)) == len(jobs.orders) == 1


def test_two_at_one_moment_with_the_same_bytes_end_in_one_media(db, storage, actor):
    data, gate = b"x" * MIB, threading.Barrier(4)

    def run(_):
        begun = begin_upload(db, storage, actor, source="uploads")
        begun.write(data)
        gate.wait()
        return begun.finish(name="clip", filename="clip.mp4")

    with ThreadPoolExecutor(4) as pool:
        videos = list(pool.map(run, range(4)))
    assert len({video.uuid for video in videos}) == 4
    assert len({video.media_id for video in videos}) == 1
    assert len(files_of(storage)) == 1


def test_a_twin_that_failed_is_tried_again(db, storage, actor, jobs):
    first = upload(db, storage, actor)
    with db.write() as tx:
        library.update_media(tx, first.media_id, state="failed", message="No picture.")
    second = upload(db, storage, actor)
    assert second.state == "received"
    assert [order.args for order in jobs.orders] == [{"media_id": first.media_id}] * 2


@pytest.mark.parametrize("declared", [None, 5])
def test_an_aborted_upload_leaves_nothing(db, storage, actor, declared):
    begun = begin_upload(db, storage, actor, source="uploads", declared_bytes=declared)
    begun.write(b"bytes")
    begun.abort()
    begun.abort()
    assert rows_of(db) == []
    assert files_of(storage) == []


def test_abort_after_the_end_keeps_the_video(db, storage, actor):
    begun = begin_upload(db, storage, actor, source="uploads")
    begun.write(b"bytes")
    begun.finish(name="clip", filename="clip.mp4")
    begun.abort()
    assert len(files_of(storage)) == 1


def test_a_refused_ending_leaves_nothing_after_abort(db, storage, actor):
    begun = begin_upload(db, storage, actor, source="uploads")
    begun.write(b"bytes")
    with pytest.raises(library.FolderNotFound):
        begun.finish(name="clip", filename="clip.mp4", folder_id=99)
    begun.abort()
    assert rows_of(db) == []
    assert files_of(storage) == []


def test_what_an_upload_holds_itself_is_not_called_used(db, storage, add_actor):
    begun = begin_upload(db, storage, add_actor(quota_bytes=10), source="uploads")
    with pytest.raises(QuotaExceeded, match="0/10 bytes"):
        begun.write(b"x" * 11)
    begun.abort()


def test_twenty_at_once_never_pass_the_quota(db, storage, add_actor):
    actor, gate = add_actor(quota_bytes=100 * MIB), threading.Barrier(20)

    def run(number):
        gate.wait()
        try:
            begun = begin_upload(db, storage, actor, source="uploads", declared_bytes=10 * MIB)
        except QuotaExceeded:
            return None
        begun.write(bytes([number]) * 10 * MIB)
        return begun.finish(name="clip", filename="clip.mp4")

    with ThreadPoolExecutor(20) as pool:
        videos = [video for video in pool.map(run, range(20)) if video]
    assert len(videos) == 10
    with db.read() as tx:
        assert library.used_bytes(tx, actor.user_id) == 100 * MIB


def test_an_aborted_reservation_is_given_back(db, storage, add_actor):
    actor = add_actor(quota_bytes=10)
    begin_upload(db, storage, actor, source="uploads", declared_bytes=10).abort()
    begin_upload(db, storage, actor, source="uploads", declared_bytes=10).abort()


def test_an_unknown_length_fits_what_is_left_and_not_more(db, storage, add_actor):
    actor = add_actor(quota_bytes=10)
    begun = begin_upload(db, storage, actor, source="uploads")
    begun.write(b"x" * 10)
    with pytest.raises(QuotaExceeded):
        begun.write(b"x")
    begun.abort()


def test_room_is_taken_in_steps(db, storage, actor, monkeypatch):
    monkeypatch.setattr("polyreel.core.ingest.uploads.STEP_BYTES", 10)
    begun = begin_upload(db, storage, actor, source="uploads")
    begun.write(b"x" * 25)
    assert rows_of(db)[0].reserved_bytes == 25
    begun.write(b"x")
    assert rows_of(db)[0].reserved_bytes == 35
    begun.abort()
    assert reservations.STEP_BYTES > MIB


def test_the_limit_counts_what_arrives_whatever_was_declared(db, storage, actor):
    limits = UploadLimits(max_bytes=10)
    with pytest.raises(TooLarge):
        begin_upload(db, storage, actor, source="uploads", declared_bytes=2000, limits=limits)
    begun = begin_upload(db, storage, actor, source="uploads", declared_bytes=5, limits=limits)
    begun.write(b"x" * 10)
    with pytest.raises(TooLarge):
        begun.write(b"x")
    begun.abort()


def test_a_full_disk_is_said_before_a_byte_is_read(db, storage, actor):
    limits = UploadLimits(min_free_bytes=storage.free_bytes() * 2)
    with pytest.raises(ingest.StorageFull):
        begin_upload(db, storage, actor, source="uploads", limits=limits)
    assert rows_of(db) == []


def test_a_key_that_may_only_read_uploads_nothing(db, storage, actor):
    reader = replace(actor, via="key", scopes=frozenset({"read"}))
    with pytest.raises(Forbidden):
        begin_upload(db, storage, reader, source="uploads")


def test_a_swept_upload_cannot_end(db, storage, actor):
    begun = begin_upload(db, storage, actor, source="uploads")
    begun.write(b"bytes")
    with db.write() as tx:
        tx.session.delete(tx.session.scalars(select(UploadRow)).one())
    with pytest.raises(ingest.UploadLost):
        begun.finish(name="clip", filename="clip.mp4")
    begun.abort()
    assert files_of(storage) == []


def test_sweeping_removes_what_a_dead_process_left(db, storage, actor):
    dead = begin_upload(db, storage, actor, source="uploads", declared_bytes=5)
    dead.write(b"bytes")
    assert ingest.sweep_uploads(db, storage, 60) == 0
    assert len(rows_of(db)) == 1
    assert ingest.sweep_uploads(db, storage, 0) == 1
    assert rows_of(db) == []
    assert files_of(storage) == []


def test_sweeping_removes_what_was_published_and_not_recorded(db, storage, actor):
    begin_upload(db, storage, actor, source="uploads", declared_bytes=5)
    with db.read() as tx:
        (key,) = ingest.list_upload_keys(tx)
    with storage.create(key) as staged:
        staged.path.write_bytes(b"bytes")
        staged.commit()
    ingest.sweep_uploads(db, storage, 0)
    assert files_of(storage) == []


def test_a_request_repeated_with_its_key_makes_one_video(db, storage, actor):
    first = upload(db, storage, actor, b"one", once="key-1")
    again = upload(db, storage, actor, b"two", once="key-1")
    other = upload(db, storage, actor, b"two", once="key-2")
    assert again.uuid == first.uuid != other.uuid
    assert len(files_of(storage)) == 2
    with db.read() as tx:
        found = ingest.find_answer(tx, actor, "key-1")
        assert found is not None
        assert found.uuid == first.uuid
        assert ingest.find_answer(tx, actor, "key-3") is None


def test_keys_of_two_people_never_meet(db, storage, add_actor):
    first = upload(db, storage, add_actor("alice"), b"one", once="key")
    second = upload(db, storage, add_actor("bobby"), b"one", once="key")
    assert first.uuid != second.uuid


class TestFiles:
    def test_a_local_file_is_copied_and_stays(self, db, storage, actor, tmp_path):
        path = tmp_path / "my clip.mp4"
        seen: list[float] = []
        path.write_bytes(b"x" * 9 * MIB)
        video = ingest.add_file(db, storage, actor, path, report=seen.append)
        media = media_of(db, video)
        assert storage.path(media.original_key).read_bytes() == path.read_bytes()
        assert media.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert (video.name, video.filename, video.source) == ("my clip.mp4", "my clip.mp4", "cli")
        assert seen == sorted(seen)
        assert seen[-1] == 1.0

    @pytest.mark.parametrize("what", ["missing", "folder", "empty"])
    def test_what_is_not_a_file_with_bytes_is_refused(self, db, storage, actor, tmp_path, what):
        path = tmp_path / what
        if what == "folder":
            path.mkdir()
        elif what == "empty":
            path.touch()
        with pytest.raises(AppError):
            ingest.add_file(db, storage, actor, path)
        assert rows_of(db) == []
