"""GET /api/uploads/sessions, POST /api/uploads/:id/finalize. Source: the VideoCMS contract, 10.8, 10.9."""

import hashlib
import threading

import pytest

from polyreel.core import library, users
from polyreel.core.ingest.tables import ResumableRow
from tests.contract.videocms.site import golden, is_text, shape
from tests.contract.videocms.tus_client import (
    PATH,
    VERSION,
    created,
    final,
    head,
    metadata,
    patch,
    path_of,
    whole,
)

FILM = b"not really a film, but bytes " * 100
GROUP = "11111111-2222-4333-8444-555555555555"
SESSIONS = f"{PATH}/sessions"


def in_group(name="film.mp4", **more):
    return {"upload_metadata": metadata(filename=name, client_upload_uuid=GROUP, **more)["upload-metadata"]}  # fmt: skip


def finalize(client, path, **given):
    return client.post(f"{path}/finalize", **given)


def sessions(client):
    found = client.get(SESSIONS)
    assert (found.status_code, found.headers["content-type"]) == (200, "application/json")
    return found.json()


def rows(site):
    with site.db.read() as tx:
        return tx.session.query(ResumableRow).order_by(ResumableRow.id).all()


def media_of(site, video):
    with site.db.read() as tx:
        return library.get_media(tx, video.media_id)


@pytest.fixture
def ready(site):
    """The worker finds a video in everything."""
    site.worker_finds("playable")


class TestSessions:
    def test_nobody_and_nothing(self, site, client):
        assert is_text(site.anonymous("GET", SESSIONS), 403)
        assert sessions(client) == []
        assert client.get(SESSIONS).text == "[]\n"

    def test_a_row_is_as_the_contract_has_it(self, client):
        path = created(client, 10, name="movie.mkv")
        patch(client, path, 0, b"bytes")
        (row,) = sessions(client)
        assert shape(row) == shape(golden("upload_session"))
        assert row["TusID"] == path.rsplit("/", 1)[1]
        assert (row["Name"], row["Size"], row["Offset"]) == ("movie.mkv", 10, 5)
        assert (row["Status"], row["PartCount"]) == ("uploading", 0)

    def test_the_newest_is_first_and_partials_are_hidden(self, site, client):
        single = created(client, 10, name="a.mp4")
        part = whole(client, b"bytes", concat="partial", **in_group())
        joined = path_of(final(client, [part, part], **in_group()))
        created(client, 5, **site.as_user(site.carol))
        found = sessions(client)
        assert [row["TusID"] for row in found] == [joined.split("/")[-1], single.split("/")[-1]]
        assert [row["Status"] for row in found] == ["uploaded", "created"]
        assert (found[0]["PartCount"], found[0]["ClientUploadUUID"]) == (2, GROUP)

    def test_a_key_may_ask(self, site, client):
        client.headers["authorization"] = f"Bearer {site.key(site.bobby, scopes={'read'})}"
        assert sessions(client) == []


class TestFinalize:
    def test_it_is_a_link(self, site, client, ready):
        folder = site.folder(site.bobby)
        given = metadata(filename="film.mkv", parent_folder_id=str(folder.id))
        path = whole(client, FILM, upload_metadata=given["upload-metadata"])
        found = finalize(client, path)
        assert found.status_code == 200
        assert shape(found.json()) == shape(golden("link_made"))
        assert (found.json()["Name"], found.json()["ParentFolderID"]) == ("film.mkv", folder.id)
        (video,) = site.videos(site.bobby)
        media = media_of(site, video)
        assert (video.source, video.visibility) == ("videocms", "unlisted")
        assert media.sha256 == hashlib.sha256(FILM).hexdigest()
        assert site.tools.storage.path(media.original_key).read_bytes() == FILM
        assert [order.kind for order in site.jobs.orders] == ["media.look"]
        assert sessions(client) == []
        assert head(client, path).status_code == 404

    def test_again_it_is_the_same_link(self, site, client, ready):
        path = whole(client, FILM)
        first, second = finalize(client, path).json(), finalize(client, path).json()
        assert first == second
        assert len(site.videos(site.bobby)) == 1

    def test_ten_at_once_make_one_link(self, site, client, ready):
        path, gate, answers = whole(client, FILM), threading.Barrier(10), []

        def run():
            gate.wait()
            answers.append(finalize(client, path))

        threads = [threading.Thread(target=run) for _ in range(10)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert {found.status_code for found in answers} <= {200, 409}
        assert len({found.json()["UUID"] for found in answers if found.status_code == 200}) == 1
        assert len(site.videos(site.bobby)) == 1

    def test_known_bytes_are_a_new_link_and_no_new_work(self, site, client, ready):
        first, second = (finalize(client, whole(client, FILM)).json() for _ in range(2))
        assert first["UUID"] != second["UUID"]
        assert len(site.files()) == len(site.jobs.orders) == 1

    def test_parts_are_published_before_they_are_hashed(self, site, client, ready):
        parts = [whole(client, data, concat="partial", **in_group()) for data in (FILM, b"end")]
        path = path_of(final(client, parts, **in_group()))
        assert finalize(client, path).status_code == 200
        (video,) = site.videos(site.bobby)
        media = media_of(site, video)
        assert (media.sha256, media.size_bytes) == (None, len(FILM) + 3)
        assert [order.kind for order in site.jobs.orders] == ["media.look", "ingest.hash"]
        (kept,) = site.files()
        assert kept.read_bytes() == FILM + b"end"
        assert [head(client, each).status_code for each in parts] == [404, 404]
        assert sum(row.reserved_bytes for row in rows(site)) == 0
        assert finalize(client, path).json()["UUID"] == video.uuid

    def test_the_room_is_held_once(self, site, client, ready):
        client.headers.update(site.as_user(site.add("dora", quota_bytes=10)))
        parts = [whole(client, b"bytes", concat="partial", **in_group()) for _ in range(2)]
        assert finalize(client, path_of(final(client, parts, **in_group()))).status_code == 200
        assert created_refusal(client) == "storage quota exceeded: 10/10 bytes used"


class TestRefusals:
    def test_nobody_is_403(self, site, client):
        assert is_text(site.anonymous("POST", f"{whole(client, FILM)}/finalize"), 403)

    def test_anothers_is_403(self, site, client):
        path = whole(client, FILM)
        assert is_text(finalize(client, path, headers=site.as_user(site.carol)), 403)

    @pytest.mark.parametrize("name", [GROUP, "x"])
    def test_what_is_not_there_is_404(self, client, name):
        assert is_text(finalize(client, f"{PATH}/{name}"), 404)

    def test_lost_bytes_are_404(self, site, client):
        path = whole(client, FILM)
        (file,) = site.files()
        file.unlink()
        assert is_text(finalize(client, path), 404)

    def test_a_file_of_another_size_is_409(self, site, client):
        path = whole(client, FILM)
        (file,) = site.files()
        file.write_bytes(b"short")
        assert is_text(finalize(client, path), 409)

    def test_a_partial_is_400(self, client):
        assert is_text(finalize(client, whole(client, FILM, concat="partial")), 400)

    def test_an_incomplete_one_is_409(self, client):
        path = created(client, 10)
        patch(client, path, 0, b"bytes")
        assert is_text(finalize(client, path), 409)

    def test_an_expired_one_is_410(self, site, client):
        path = whole(client, FILM)
        with site.db.write() as tx:
            (row,) = tx.session.query(ResumableRow).all()
            row.expires_at = tx.now
        assert is_text(finalize(client, path), 410)

    def test_an_empty_one_is_400(self, client):
        assert is_text(finalize(client, created(client, 0)), 400)

    def test_a_name_that_is_no_videos_is_400(self, client):
        assert is_text(finalize(client, whole(client, FILM, name="a.txt")), 400)

    def test_a_folder_that_is_gone_is_400(self, site, client):
        folder = site.folder(site.bobby)
        given = metadata(filename="film.mkv", parent_folder_id=str(folder.id))
        path = whole(client, FILM, upload_metadata=given["upload-metadata"])
        with site.db.write() as tx:
            library.delete_folders(tx, users.actor_of(site.bobby), {folder.id}, most_videos=10)
        assert is_text(finalize(client, path), 400)


class TestFailure:
    def test_what_is_no_video_keeps_its_bytes_for_another_try(self, site, client):
        site.worker_finds("failed", "This file holds neither picture nor sound.")
        path = whole(client, FILM)
        found = finalize(client, path)
        assert is_text(found, 400, "This file holds neither picture nor sound.")
        assert site.videos(site.bobby) == []
        assert [row["Status"] for row in sessions(client)] == ["failed"]
        assert [file.read_bytes() for file in site.files()] == [FILM]
        (row,) = rows(site)
        assert (row.reserved_bytes, row.message) == (len(FILM), found.text)
        site.worker_finds("playable")
        assert finalize(client, path).status_code == 200
        assert sessions(client) == []

    def test_a_final_too_though_its_parts_are_gone(self, site, client):
        site.worker_finds("failed", "No.")
        part = whole(client, FILM, concat="partial", **in_group())
        path = path_of(final(client, [part], **in_group()))
        assert finalize(client, path).status_code == 400
        assert head(client, part).status_code == 404
        site.worker_finds("playable")
        assert finalize(client, path).status_code == 200
        (kept,) = site.files()
        assert kept.read_bytes() == FILM

    def test_cancelled_then_it_is_gone(self, site, client):
        path = whole(client, FILM, name="a.txt")
        finalize(client, path)
        assert client.delete(path, headers=VERSION).status_code == 204
        assert (rows(site), site.files()) == ([], [])

    def test_a_crash_in_between_goes_on_with_the_same_video(self, site, client, ready):
        path = whole(client, FILM)
        first = finalize(client, path).json()
        with site.db.write() as tx:
            (row,) = tx.session.query(ResumableRow).all()
            row.state = "importing"
        assert finalize(client, path).json() == first
        assert [row.state for row in rows(site)] == ["done"]
        assert len(site.files()) == 1


def created_refusal(client):
    found = client.post(PATH, headers={**VERSION, "upload-length": "1"})
    assert found.status_code == 403
    return found.text.partition(": ")[2].strip()
