"""POST /api/file/upload. Source: the VideoCMS contract, sections 8 and 8.1."""

import asyncio
import hashlib

import pytest

from polyreel.core import library, users
from tests.contract.videocms.site import golden, is_of_framework, is_text, shape

PATH = "/api/file/upload"
FILM = b"not really a film, but bytes " * 100


def form(*fields, name="film.mp4", data=FILM, field="file"):
    """A form in this order: (name, text) pairs, and `...` for the file."""
    parts = [
        (field, (name, data, "video/mp4")) if each is ... else (each[0], (None, each[1]))
        for each in fields
    ]
    return {"files": parts}


@pytest.fixture
def post(site):
    site.worker_finds("processing")
    return lambda *fields, **given: site.client.post(PATH, **form(*fields, **given))


class TestUpload:
    @pytest.mark.parametrize(
        "order",
        [(("Name", "My film"), ...), (..., ("Name", "My film")), (..., ("nAME", "My film"))],
    )
    def test_the_bytes_are_safe_when_it_answers(self, site, post, order):
        found = post(*order)
        assert found.status_code == 200
        assert found.headers["content-type"] == "application/json"
        assert shape(found.json()) == shape(golden("link_made"))
        (video,) = site.videos(site.bobby)
        assert (found.json()["ID"], found.json()["UUID"]) == (video.id, video.uuid)
        assert (video.name, video.filename, video.visibility) == ("My film", "film.mp4", "unlisted")
        (kept,) = site.files()
        assert kept.read_bytes() == FILM
        assert [order.kind for order in site.jobs.orders] == ["media.look"]

    def test_a_key_uploads_into_a_folder_named_after_the_file(self, site):
        site.worker_finds("playable")
        folder = site.folder(site.bobby)
        found = site.client.post(
            PATH,
            headers={"authorization": f"Bearer {site.key(site.bobby)}"},
            **form(..., ("Name", "a.mp4"), ("parentFolderID", str(folder.id))),
        )
        assert found.json()["ParentFolderID"] == folder.id
        assert [each[1:3] for each in site.uses.seen] == [("POST", PATH)]

    def test_the_same_bytes_are_a_new_link_and_no_new_work(self, site, post):
        first, second = post(("Name", "a.mp4"), ...).json(), post(("Name", "b.mp4"), ...).json()
        assert first["UUID"] != second["UUID"]
        assert len(site.files()) == len(site.jobs.orders) == 1

    def test_when_looking_takes_long_it_answers_all_the_same(self, site):
        found = site.client.post(PATH, **form(("Name", "a.mp4"), ...))
        assert found.status_code == 200
        assert site.videos(site.bobby)[0].state == "received"

    def test_what_is_no_video_is_400_with_the_reason_and_gone(self, site):
        site.worker_finds("failed", "This file holds neither picture nor sound.")
        found = site.client.post(PATH, **form(("Name", "a.mp4"), ...))
        assert is_text(found, 400, "This file holds neither picture nor sound.")
        assert site.videos(site.bobby) == []
        with site.db.read() as tx:
            sha256 = hashlib.sha256(FILM).hexdigest()
            assert library.find_media_by_sha256(tx, sha256) is None


class TestFields:
    @pytest.mark.parametrize("order", [(...,), (("Name", ""), ...), (..., ("Name", ""))])
    def test_a_name_is_required(self, site, post, order):
        assert is_text(post(*order), 400, "Name [required] : ")

    @pytest.mark.parametrize("order", [(("Name", "x" * 129), ...), (..., ("Name", "x" * 129))])
    def test_a_name_has_a_limit(self, site, post, order):
        assert is_text(post(*order), 400, "Name [max] : 128")

    @pytest.mark.parametrize("number", ["99", "x", "-1"])
    @pytest.mark.parametrize("is_first", [True, False])
    def test_a_folder_must_be_there(self, site, post, number, is_first):
        fields = [("ParentFolderID", number), ("Name", "a.mp4")]
        found = post(*fields, ...) if is_first else post(..., *fields)
        assert is_text(found, 400)
        assert site.videos(site.bobby) == []

    @pytest.mark.parametrize("is_first", [True, False])
    def test_a_strangers_folder_is_400(self, site, post, is_first):
        theirs = ("ParentFolderID", str(site.folder(site.carol).id))
        name = ("Name", "a.mp4")
        assert is_text(post(theirs, name, ...) if is_first else post(..., name, theirs), 400)

    def test_without_a_file_it_is_400(self, site, post):
        assert is_text(post(("Name", "a.mp4")), 400)
        assert is_text(post(("Name", "a.mp4"), ("file", "text")), 400)
        assert is_text(post(("Name", "a.mp4"), ..., field="video"), 400)

    def test_an_empty_file_is_400(self, site, post):
        assert is_text(post(("Name", "a.mp4"), ..., data=b""), 400)

    @pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", None])
    def test_what_is_no_form_is_400(self, site, kind):
        headers = {"content-type": kind} if kind else {}
        assert is_text(site.client.post(PATH, content=b"{}", headers=headers), 400)

    def test_a_form_cut_short_is_400_and_leaves_nothing(self, site):
        body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\nabc'
        headers = {"content-type": "multipart/form-data; boundary=b"}
        assert is_text(site.client.post(PATH, content=body, headers=headers), 400)
        assert site.videos(site.bobby) == []


class TestSuffix:
    @pytest.mark.parametrize(
        ("name", "filename"), [("My film", "a.MKV"), ("a.webm", "blob"), ("Mr. X", "a.m2ts")]
    )
    def test_the_names_or_the_files_own_will_do(self, site, post, name, filename):
        assert post(("Name", name), ..., name=filename).status_code == 200

    @pytest.mark.parametrize(
        ("name", "filename"), [("a.txt", "a.txt"), ("mp4", "mp4"), ("x.", "y")]
    )
    def test_others_are_400(self, site, post, name, filename):
        assert is_text(post(("Name", name), ..., name=filename), 400)
        assert site.videos(site.bobby) == []

    def test_known_bytes_may_have_any_name(self, site, post):
        post(("Name", "a.mp4"), ...)
        assert post(("Name", "Again"), ..., name="a.bin").status_code == 200


class TestLimits:
    def test_a_file_of_exactly_the_limit_fits(self, site, post):
        site.option("videocms_upload_max_bytes", len(FILM))
        assert post(..., ("Name", "a.mp4"), ("ParentFolderID", "0")).status_code == 200

    @pytest.mark.parametrize("order", [(("Name", "a.mp4"), ...), (..., ("Name", "a.mp4"))])
    def test_a_byte_more_is_413(self, site, post, order):
        site.option("videocms_upload_max_bytes", len(FILM) - 1)
        assert is_text(post(*order), 413)
        assert site.videos(site.bobby) == []

    def test_far_more_is_413_of_the_framework(self, site, post):
        site.option("videocms_upload_max_bytes", 10)
        found = post(("Name", "a.mp4"), ..., data=bytes(1_200_000))
        assert is_of_framework(found, 413)

    @pytest.mark.parametrize("order", [(("Name", "a.mp4"), ...), (..., ("Name", "a.mp4"))])
    def test_a_full_quota_is_403_in_the_exact_words(self, site, post, order):
        site.video(site.bobby, size_bytes=700)
        with site.db.write() as tx:
            users.update_user(tx, site.bobby.id, {"quota_bytes": 1000})
        wanted = "storage quota exceeded: 700/1000 bytes used"
        assert is_text(post(*order), 403, wanted)
        assert is_text(post(*order, data=bytes(301)), 403, wanted)
        assert post(*order, data=bytes(300)).status_code == 200

    def test_switched_off_it_is_403(self, site, post):
        site.option("uploads_enabled", False)
        assert is_text(post(("Name", "a.mp4"), ...), 403)


class Wire:
    """One request whose body comes piece by piece."""

    def __init__(self, site, user, *, token=None):
        self.site = site
        self.asked = asyncio.Event()
        self.pieces: asyncio.Queue = asyncio.Queue()
        self.sent: list = []
        token = token if token is not None else site.jwt(user)
        self.scope = {
            "type": "http",
            "method": "POST",
            "path": PATH,
            "raw_path": PATH.encode(),
            "root_path": "",
            "query_string": b"",
            "scheme": "http",
            "http_version": "1.1",
            "client": ("127.0.0.1", 1),
            "headers": [
                (b"authorization", f"Bearer {token}".encode()),
                (b"content-type", b"multipart/form-data; boundary=b"),
            ],
        }

    async def run(self):
        await self.site.app(self.scope, self.receive, self.send)
        return self.sent[0]["status"], self.sent[-1]["body"]

    async def receive(self):
        self.asked.set()
        return await self.pieces.get()

    async def send(self, message):
        self.sent.append(dict(message))

    def put(self, body=b"", *, more=True):
        self.pieces.put_nowait({"type": "http.request", "body": body, "more_body": more})


def whole(name="a.mp4"):
    head = b"--b\r\nContent-Disposition: form-data; name="
    return (
        head + b'"Name"\r\n\r\n' + name.encode() + b"\r\n" + head
        + b'"file"; filename="a.mp4"\r\n\r\nabc\r\n--b--\r\n'
    )  # fmt: skip


class TestOneAtATime:
    def test_nothing_is_read_before_the_caller_is_known(self, site):
        async def act():
            wire = Wire(site, site.bobby, token="rubbish")
            status, body = await asyncio.wait_for(wire.run(), 10)
            assert (status, bool(body)) == (403, True)
            assert not wire.asked.is_set()

        asyncio.run(act())

    def test_a_second_upload_or_deletion_of_the_same_person_is_429(self, site):
        site.worker_finds("processing")

        async def act():
            first = Wire(site, site.bobby)
            running = asyncio.create_task(first.run())
            await asyncio.wait_for(first.asked.wait(), 10)
            folder = site.folder(site.bobby)
            deleting = asyncio.to_thread(
                site.client.request, "DELETE", "/api/folder", json={"FolderID": folder.id}
            )
            assert is_text(await deleting, 429)
            second, other = Wire(site, site.bobby), Wire(site, site.carol)
            second.put(whole(), more=False)
            other.put(whole(), more=False)
            assert (await asyncio.wait_for(second.run(), 10))[0] == 429
            assert (await asyncio.wait_for(other.run(), 10))[0] == 200
            first.put(whole(), more=False)
            assert (await asyncio.wait_for(running, 10))[0] == 200
            third = Wire(site, site.bobby)
            third.put(whole(), more=False)
            assert (await asyncio.wait_for(third.run(), 10))[0] == 200

        asyncio.run(act())

    def test_who_goes_away_leaves_nothing_and_may_come_back(self, site):
        site.worker_finds("processing")

        async def act():
            wire = Wire(site, site.bobby)
            wire.put(whole()[:-20])
            wire.pieces.put_nowait({"type": "http.disconnect"})
            await asyncio.wait_for(wire.run(), 10)
            again = Wire(site, site.bobby)
            again.put(whole(), more=False)
            assert (await asyncio.wait_for(again.run(), 10))[0] == 200

        asyncio.run(act())
        assert len(site.videos(site.bobby)) == 1


class TestCreateFile:
    """POST /api/file, as upstream means it: the link is named after the file."""

    def create(self, site, *fields, headers=None, **given):
        site.worker_finds("processing")
        return site.client.post("/api/file", headers=headers, **form(*fields, **given))

    @pytest.mark.parametrize("fields", [(...,), (("Name", "other"), ...), (..., ("name", ""))])
    def test_a_link_named_after_the_file(self, site, fields):
        found = self.create(site, *fields)
        assert found.status_code == 200
        assert shape(found.json()) == shape(golden("link_made"))
        assert found.json()["Name"] == "film.mp4"
        assert [each.name for each in site.videos(site.bobby)] == ["film.mp4"]

    def test_into_a_folder_by_key(self, site):
        folder = site.folder(site.bobby)
        headers = {"authorization": site.key(site.bobby)}
        found = self.create(site, ("ParentFolderID", str(folder.id)), ..., headers=headers)
        assert found.json()["ParentFolderID"] == folder.id

    def test_nobody_is_403(self, site):
        assert is_text(site.anonymous("POST", "/api/file", **form(...)), 403)

    def test_a_missing_or_strangers_folder_is_400(self, site):
        for number in (99, site.folder(site.carol).id):
            assert is_text(self.create(site, ..., ("ParentFolderID", str(number))), 400)
        assert site.videos(site.bobby) == []

    def test_what_is_wrong_is_400(self, site):
        assert is_text(self.create(site, ("Name", "x" * 121), ...), 400, "Name [max] : 120")
        assert is_text(self.create(site, ("Name", "a.mp4")), 400)
        assert is_text(self.create(site, ..., data=b""), 400)
        assert is_text(self.create(site, ..., name="film.txt"), 400)
        assert is_text(site.client.post("/api/file", json={"Name": "a"}), 400)

    def test_it_takes_no_more_than_any_other_request(self, site):
        site.option("videocms_post_max_bytes", 2000)
        assert self.create(site, ..., data=b"x" * 2001).status_code == 413
        assert self.create(site, ..., data=b"x" * 1000).status_code == 200

    def test_while_uploads_are_off_it_is_503(self, site):
        site.option("uploads_enabled", False)
        assert is_text(self.create(site, ...), 503)

    def test_over_quota_is_403_in_the_words_the_panel_reads(self, site):
        with site.db.write() as tx:
            users.update_user(tx, site.bobby.id, {"quota_bytes": 5})
        assert is_text(self.create(site, ...), 403, "storage quota exceeded: 0/5 bytes used")
