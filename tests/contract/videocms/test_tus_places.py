"""Partials of one film lie in one file, and a final that wants them in their order is that file.

Clients see nothing of it. Source: tus.md, A.9; the VideoCMS contract, 10.3, 10.9, 10.10.
"""

import hashlib
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from polyreel.core import ingest, library, users
from polyreel.core.ingest import UploadLocked
from polyreel.core.ingest.tables import ResumableRow
from tests.contract.videocms.tus_client import (
    VERSION,
    created,
    final,
    head,
    offset_of,
    patch,
    path_of,
    rows,
    whole,
)

ONE, TWO = b"one " * 1100, b"two " * 1300


@pytest.fixture
def parts(client):
    """Two partials, whole."""
    return [whole(client, data, concat="partial") for data in (ONE, TWO)]


def row_of(site, path):
    return next(row for row in rows(site) if path.endswith(row.uid))


def content(site, path):
    """What an upload holds, wherever it lies."""
    row = row_of(site, path)
    uid = row.file_uid or row.uid
    found = site.tools.storage.path(f"media/{uid[:2]}/{uid}/original").read_bytes()
    return found[row.base_bytes : row.base_bytes + row.offset_bytes]


def joined(client, parts):
    found = final(client, parts)
    assert found.status_code == 201, found.text
    return path_of(found)


def finalized(site, client, path):
    """The bytes of the video that it becomes."""
    found = client.post(f"{path}/finalize")
    assert found.status_code == 200, found.text
    (video,) = [each for each in site.videos(site.bobby) if each.uuid == found.json()["UUID"]]
    with site.db.read() as tx:
        media = library.get_media(tx, video.media_id)
    return site.tools.storage.path(media.original_key).read_bytes()


class TestFinal:
    def test_in_their_order_nothing_is_copied(self, site, client, parts):
        path = joined(client, parts)
        assert content(site, path) == ONE + TWO
        assert len(site.files()) == 1
        assert [content(site, part) for part in parts] == [ONE, TWO]
        assert head(client, path).headers["upload-offset"] == str(len(ONE + TWO))

    @pytest.mark.parametrize("order", [(1, 0), (0,), (1,), (0, 0, 1), (0, 1, 1)])
    def test_in_any_other_way_they_are(self, site, client, parts, order):
        path = joined(client, [parts[number] for number in order])
        assert content(site, path) == b"".join((ONE, TWO)[number] for number in order)
        assert len(site.files()) == 2

    def test_however_many_come_together_at_once(self, site, client, parts):
        order = [1, *(0, 1, 1, 0) * 12]
        for _ in range(3):
            path = joined(client, [parts[number] for number in order])
            assert content(site, path) == b"".join((ONE, TWO)[number] for number in order)

    def test_a_part_that_was_sent_anew(self, site, client):
        dropped = whole(client, b"zero", concat="partial")
        one = whole(client, ONE, concat="partial")
        client.delete(dropped, headers=VERSION)
        two = whole(client, TWO, concat="partial")
        assert content(site, joined(client, [one, two])) == ONE + TWO

    def test_it_is_a_video_and_all_else_is_gone(self, site, client, parts):
        site.worker_finds("playable")
        path, again = joined(client, parts), joined(client, parts)
        assert finalized(site, client, path) == ONE + TWO
        assert len(site.files()) == 1
        assert [head(client, each).status_code for each in (*parts, path, again)] == [404] * 4
        assert client.post(f"{again}/finalize").status_code == 404
        assert len(site.videos(site.bobby)) == 1

    def test_what_is_no_video_keeps_its_bytes(self, site, client, parts):
        site.worker_finds("failed", "This file is not a video.")
        path = joined(client, parts)
        assert client.post(f"{path}/finalize").status_code == 400
        with site.db.read() as tx:
            assert ingest.list_upload_keys(tx)
        site.worker_finds("playable")
        assert finalized(site, client, path) == ONE + TWO

    def test_a_film_that_is_known_already(self, site, client, parts):
        site.worker_finds("playable")
        single = finalized(site, client, whole(client, ONE + TWO))
        assert finalized(site, client, joined(client, parts)) == single
        assert hashlib.sha256(single).digest() == hashlib.sha256(ONE + TWO).digest()


class TestOthers:
    def test_parts_end_without_harm_to_the_final(self, site, client, parts):
        path = joined(client, parts)
        for part in parts:
            assert client.delete(part, headers=VERSION).status_code == 204
        assert content(site, path) == ONE + TWO
        assert client.delete(path, headers=VERSION).status_code == 204
        assert (rows(site), site.files()) == ([], [])

    def test_the_final_ends_without_harm_to_the_parts(self, site, client, parts):
        client.delete(joined(client, parts), headers=VERSION)
        assert content(site, joined(client, parts)) == ONE + TWO

    def test_nothing_comes_into_a_file_that_is_whole(self, site, client, parts):
        path = joined(client, parts)
        more = whole(client, b"more", concat="partial")
        assert row_of(site, more).file_uid != row_of(site, path).file_uid
        assert content(site, path) == ONE + TWO

    def test_people_and_films_have_files_of_their_own(self, site, client, parts):
        carols = created(client, 5, concat="partial", **site.as_user(site.carol))
        other = created(client, 5, concat="partial", name="other.mp4")
        late = created(client, None, concat="partial", upload_defer_length="1")
        files = [row_of(site, path).file_uid for path in (*parts, carols, other, late)]
        assert files[0] == files[1]
        assert len(set(files)) == 4
        assert files[-1] is None

    def test_what_was_given_up_is_left_alone(self, site, client, parts):
        with site.db.write() as tx:
            for row in tx.session.query(ResumableRow):
                row.updated_at -= timedelta(minutes=11)
        later = created(client, 5, concat="partial")
        assert row_of(site, later).base_bytes == 0

    def test_expired_parts_leave_nothing_behind(self, site, client, parts):
        with site.db.write() as tx:
            for row in tx.session.query(ResumableRow):
                row.expires_at -= timedelta(hours=25)
        assert ingest.sweep_resumables(site.db, site.tools.storage) == 2
        assert site.files() == []


class TestSideBySide:
    def test_each_may_be_written_at_once_and_only_once(self, site, client):
        paths = [created(client, size, concat="partial") for size in (5001, 4097, 9000)]
        with site.db.read() as tx:
            actor = users.actor_of(users.get_user(tx, site.bobby.id))

        def hold(path):
            return ingest.hold_resumable(site.db, site.tools.storage, actor, path.split("/")[-1])

        holds = [hold(path) for path in paths]
        for path in paths:
            with pytest.raises(UploadLocked):
                hold(path)
        for each in holds:
            each.release()

    def test_bytes_of_neighbours_do_not_mix(self, site, client):
        chance = random.Random(3)
        films = [chance.randbytes(size) for size in (50_001, 4097, 1, 200_000)]
        paths = [created(client, len(film), concat="partial") for film in films]

        def send(number):
            path, film = paths[number], films[number]
            step = max(1, len(film) // 7)
            for at in range(0, len(film), step):
                assert patch(client, path, at, film[at : at + step]).status_code == 204

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(send, range(4)))
        assert [offset_of(client, path) for path in paths] == [len(film) for film in films]
        assert content(site, joined(client, paths)) == b"".join(films)
