"""The three endpoints of the Video Uploads API. Source: its document, and contracts of its vendor."""

import re
from datetime import UTC, datetime

import pytest

from polyreel.core import users
from polyreel.dialects.uploads.errors import UPLOADS_AT_ONCE
from polyreel.dialects.uploads.uploads import THROTTLE
from tests.contract.uploads.conftest import golden

URL = "/api/client/v1/uploads"
NOBODYS = "7b0c3c2e-6f43-4b9f-8f0e-2f1f0f6d6a11"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MIB = 1024 * 1024


def send(site, data=b"video bytes", folder="root", name="clip.mp4", **given):
    form = {} if folder is None else {"folder": folder}
    return site.client.post(URL, files={"video": (name, data, "video/mp4")}, data=form, **given)


def raw(site, *parts, boundary="edge", end=True, **given):
    """A hand-made form: (head, content) pairs, in this order."""
    body = b"".join(
        b"--" + boundary.encode() + b"\r\nContent-Disposition: form-data; " + head + b"\r\n\r\n"
        + content + b"\r\n"
        for head, content in parts
    )  # fmt: skip
    if end:
        body += b"--" + boundary.encode() + b"--\r\n"
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    return site.client.post(URL, content=given.pop("content", body), headers=headers | given)


FOLDER = (b'name="folder"', b"root")
VIDEO = (b'name="video"; filename="clip.mp4"', b"bytes")


def faults(response):
    assert response.status_code == 422, response.text
    body = response.json()
    assert set(body) == {"message", "errors"}
    return body["errors"]


def test_a_key_does_what_its_scopes_allow(site):
    with site.db.write() as tx:
        keys = {
            scope: users.create_key(tx, site.alice, "uploads", name="half", scopes=[scope]).text
            for scope in ("read", "write")
        }
    reading, writing = ({"authorization": f"Bearer {keys[scope]}"} for scope in ("read", "write"))
    assert site.client.get(URL, headers=reading).status_code == 200
    assert send(site, headers=reading).status_code == 403
    video_id = send(site).json()["data"]["id"]
    for path in (URL, f"{URL}/{video_id}"):
        assert site.client.get(path, headers=writing).status_code == 403


class TestPost:
    def test_happy(self, site):
        found = send(site)
        assert found.status_code == 202
        body, expected = found.json(), golden("accepted")
        assert list(body["data"]) == list(expected["data"])
        assert UUID.fullmatch(body["data"].pop("id"))
        expected["data"].pop("id")
        assert body == expected
        assert found.headers["cache-control"] == "no-store"

    def test_the_video_is_stored_listed_and_queued(self, site):
        folder = site.folder("my-folder")
        uid = send(site, b"some bytes", "root/my-folder").json()["data"]["id"]
        video = site.video(uid)
        assert (video.name, video.filename, video.visibility) == (
            "clip.mp4",
            "clip.mp4",
            "unlisted",
        )
        assert (video.folder_id, video.user_id, video.source) == (
            folder.id,
            site.alice.user_id,
            "uploads",
        )
        assert [order.kind for order in site.jobs.orders] == ["media.look"]
        assert [path.read_bytes() for path in site.files()] == [b"some bytes"]
        assert site.client.get(f"{URL}/{uid}").status_code == 200

    @pytest.mark.parametrize(
        "given",
        [None, "", "Bearer", "Bearer sk-wrong", "Basic {key}", "{key}", "Bearer {key} x"],
    )
    def test_without_a_good_key(self, site, given):
        headers = {"authorization": (given or "").format(key=site.key)}
        found = send(site, headers=headers)
        assert (found.status_code, found.json()) == (401, {"message": "Unauthenticated."})
        assert site.files() == []

    def test_a_key_of_another_api_does_not_count(self, site):
        with site.db.write() as tx:
            text = users.create_key(tx, site.alice, "videocms", name="panel").text
        assert send(site, headers={"authorization": f"Bearer {text}"}).status_code == 401

    def test_a_bad_key_is_told_before_the_body_is_read(self, site):
        read = []

        def body():
            for number in range(100):
                read.append(number)
                yield b"x" * MIB

        headers = {"authorization": "Bearer sk-wrong", "content-type": "multipart/form-data"}
        assert site.client.post(URL, content=body(), headers=headers).status_code == 401

    @pytest.mark.parametrize("order", [[FOLDER, VIDEO], [VIDEO, FOLDER]])
    def test_parts_come_in_any_order(self, site, order):
        assert raw(site, *order).status_code == 202

    def test_a_body_in_small_chunks(self, site):
        whole = [FOLDER, (b'name="video"; filename="c.mp4"', bytes(range(256)) * 40)]
        body = b"".join(
            b"--edge\r\nContent-Disposition: form-data; " + head + b"\r\n\r\n" + content + b"\r\n"
            for head, content in whole
        )
        body += b"--edge--\r\n"
        pieces = (body[at : at + 7] for at in range(0, len(body), 7))
        assert raw(site, content=pieces).status_code == 202
        assert site.files()[0].read_bytes() == whole[1][1]

    def test_blocks_keep_their_order(self, site):
        data = b"".join(bytes([number]) * MIB for number in range(11))
        assert send(site, data).status_code == 202
        assert site.files()[0].read_bytes() == data

    @pytest.mark.parametrize(
        ("parts", "fields"),
        [
            ([], ["video", "folder"]),
            ([VIDEO], ["folder"]),
            ([FOLDER], ["video"]),
            ([FOLDER, (b'name="video"', b"text")], ["video"]),
            ([FOLDER, (b'name="video"; filename=""', b"bytes")], ["video"]),
            ([FOLDER, (b'name="video"; filename=".."', b"bytes")], ["video"]),
            ([FOLDER, (b'name="video"; filename="clip.mp4"', b"")], ["video"]),
            ([(b'name="folder"', b" "), VIDEO], ["folder"]),
            ([(b'name="folder"; filename="f"', b"root"), VIDEO], ["folder"]),
            ([(b'name="folder"', b"x" * 70_000), VIDEO], ["folder"]),
            ([FOLDER, (b'name="video"', b"x" * 70_000)], ["video"]),
            ([FOLDER, VIDEO, VIDEO], ["video"]),
            ([(b'name="x"', b"y")] * 80 + [FOLDER, VIDEO], ["video", "folder"]),
        ],
    )
    def test_fields_that_are_wrong_are_named_and_nothing_stays(self, site, parts, fields):
        assert list(faults(raw(site, *parts))) == fields
        assert site.files() == []

    def test_the_message_counts_the_errors(self, site):
        found = raw(site).json()
        assert found["message"].endswith("(and 1 more error)")
        assert found["message"].startswith(found["errors"]["video"][0])

    @pytest.mark.parametrize(
        "kind", ["application/json", "multipart/form-data", "text/plain", "", "multipart/mixed"]
    )
    def test_a_body_that_is_no_form(self, site, kind):
        found = site.client.post(
            f"{URL}?folder=root", content=b'{"folder": "root"}', headers={"content-type": kind}
        )
        assert list(faults(found)) == ["video", "folder"]

    def test_a_form_that_breaks_off(self, site):
        assert list(faults(raw(site, FOLDER, VIDEO, end=False))) == ["video", "folder"]
        assert site.files() == []

    def test_the_folder_is_not_taken_from_the_query(self, site):
        found = site.client.post(f"{URL}?folder=root", files={"video": ("c.mp4", b"bytes")})
        assert list(faults(found)) == ["folder"]

    @pytest.mark.parametrize("path", ["root", " root ", "root/", "root/a", "root/a/My Folder/"])
    def test_paths_that_lead_somewhere(self, site, path):
        site.folder("a", "My Folder")
        assert send(site, folder=path).status_code == 202

    @pytest.mark.parametrize("first", [True, False])
    @pytest.mark.parametrize("path", ["root/none", "root/A", "elsewhere", "Root", "a"])
    def test_paths_that_lead_nowhere(self, site, path, first):
        site.folder("a")
        parts = [(b'name="folder"', path.encode()), VIDEO]
        found = raw(site, *(parts if first else reversed(parts)))
        assert found.status_code == 404
        assert found.json() == {"message": "The specified collection path was not found."}
        assert site.files() == []

    @pytest.mark.parametrize("path", ["root/..", "../root", "root//a", "/root", "root/a\0", "/"])
    def test_paths_that_make_no_sense(self, site, path):
        assert list(faults(raw(site, VIDEO, (b'name="folder"', path.encode())))) == ["folder"]
        assert site.files() == []

    def test_folders_of_others_lead_nowhere(self, site):
        site.folder("mine")
        headers = {"authorization": f"Bearer {site.other_key}"}
        assert send(site, folder="root/mine", headers=headers).status_code == 404

    def test_folders_are_made_where_the_server_is_set_to(self, site):
        site.set(uploads_create_folders=True)
        uid = send(site, folder="root/new/deep").json()["data"]["id"]
        assert site.video(uid).folder_id is not None

    @pytest.mark.parametrize(
        ("head", "name"),
        [
            (b'filename="my clip.mp4"', "my clip.mp4"),
            (b"filename=bare.mp4", "bare.mp4"),
            (b'filename="my%20clip.mp4"', "my clip.mp4"),
            (b'filename="100% sure.mp4"', "100% sure.mp4"),
            ('filename="früh.mp4"'.encode(), "früh.mp4"),
            ('filename="früh.mp4"'.encode("latin-1"), "früh.mp4"),
            (b"filename*=UTF-8''fr%C3%BCh.mp4", "früh.mp4"),
            (b"filename=\"x.mp4\"; filename*=utf-8'en'50%25%20off.mp4", "50% off.mp4"),
            (b'filename="../../etc/passwd.mp4"', "passwd.mp4"),
            (b'filename="C:\\\\videos\\\\clip.mp4"', "clip.mp4"),
            (b'filename="a%2Fb.mp4"', "b.mp4"),
            (b'filename="a\x00b\x1f.mp4"', "ab.mp4"),
            (b'filename="say %22hi%22.mp4"', 'say "hi".mp4'),
            (b'filename="' + b"x" * 400 + b'.mp4"', "x" * 251 + ".mp4"),
        ],
    )
    def test_spellings_of_a_filename(self, site, head, name):
        found = raw(site, FOLDER, (b'name="video"; ' + head, b"bytes"))
        assert found.status_code == 202, found.text
        uid = found.json()["data"]["id"]
        assert site.client.get(f"{URL}/{uid}").json()["data"]["filename"] == name

    def test_any_type_of_file_is_taken(self, site):
        assert send(site, b"just words", name="notes.txt").status_code == 202

    def test_the_same_file_twice_makes_two_uploads_and_one_copy(self, site):
        first, second = send(site).json()["data"], send(site).json()["data"]
        assert first["id"] != second["id"]
        assert len(site.files()) == 1

    def test_beyond_the_servers_limit(self, site):
        site.set(upload_max_bytes=10)
        found = send(site, b"x" * 11)
        assert (found.status_code, set(found.json())) == (413, {"message"})
        assert send(site, b"x" * 10).status_code == 202

    @pytest.mark.parametrize("order", [[FOLDER, "video"], ["video", FOLDER]])
    def test_beyond_the_quota(self, site, order):
        _, key = site.add("carol", quota_bytes=100)

        def fill(data):
            video = (VIDEO[0], data)
            parts = [video if each == "video" else each for each in order]
            return raw(site, *parts, authorization=f"Bearer {key}")

        assert fill(b"x" * 100).status_code == 202
        found = fill(b"y")
        assert found.status_code == 413
        assert "quota" in found.json()["message"]

    def test_a_full_disk(self, site):
        site.set(min_free_bytes=2**62)
        assert send(site).status_code == 507

    def test_many_at_once_are_told_to_wait(self, site):
        for _ in range(UPLOADS_AT_ONCE):
            THROTTLE.take((site.tools.settings.data_dir, site.alice.user_id))
        found = raw(site)
        assert found.status_code == 429
        assert int(found.headers["retry-after"]) >= 1
        assert found.headers["x-ratelimit-remaining"] == "0"
        assert int(found.headers["x-ratelimit-limit"]) == UPLOADS_AT_ONCE


class TestIdempotencyKey:
    def test_the_first_answer_is_given_again(self, site):
        headers = {"idempotency-key": "once"}
        first = send(site, b"one", headers=headers)
        site.state(first.json()["data"]["id"], "ready")
        again = send(site, b"two", headers=headers)
        assert (again.status_code, again.json()) == (202, first.json())
        assert len(site.files()) == 1

    def test_another_key_or_tenant_makes_another_upload(self, site):
        found = [
            send(site, headers={"idempotency-key": "a"}),
            send(site, headers={"idempotency-key": "b"}),
            send(
                site,
                headers={"idempotency-key": "a", "authorization": f"Bearer {site.other_key}"},
            ),
        ]
        assert len({each.json()["data"]["id"] for each in found}) == 3

    def test_what_was_refused_may_be_sent_again(self, site):
        headers = {"idempotency-key": "once"}
        assert send(site, folder="root/none", headers=headers).status_code == 404
        assert send(site, headers=headers).status_code == 202


class TestList:
    def test_empty(self, site):
        found = site.client.get(URL)
        assert (found.status_code, found.json()) == (200, {"data": []})
        assert found.headers["cache-control"] == "no-store"
        assert found.headers["content-type"].startswith("application/json")

    def test_anonymous(self, site):
        found = site.client.get(URL, headers={"authorization": "", "accept": "text/html"})
        assert (found.status_code, found.json()) == (401, {"message": "Unauthenticated."})

    def test_happy(self, site):
        for number in range(3):
            send(site, bytes([number + 1]), name=f"{number}.mp4")
        found = site.client.get(URL).json()["data"]
        assert [each["filename"] for each in found] == ["2.mp4", "1.mp4", "0.mp4"]
        assert [list(each) for each in found] == [list(golden("list")["data"][0])] * 3
        for each in found:
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", each["created_at"])
            moment = datetime.fromisoformat(each["created_at"])
            assert abs((moment - datetime.now(UTC)).total_seconds()) < 60

    def test_at_most_fifty(self, site):
        ids = [send(site).json()["data"]["id"] for _ in range(52)]
        assert [each["id"] for each in site.client.get(URL).json()["data"]] == ids[:1:-1]

    def test_a_stranger_sees_none(self, site):
        send(site)
        headers = {"authorization": f"Bearer {site.other_key}"}
        assert site.client.get(URL, headers=headers).json() == {"data": []}


class TestOne:
    @pytest.mark.parametrize(
        ("state", "status"),
        [("received", 1), ("processing", 3), ("playable", 3), ("ready", 6), ("damaged", 6),
         ("failed", 7)],
    )  # fmt: skip
    def test_happy(self, site, state, status):
        uid = send(site, name="my_new_video.mp4").json()["data"]["id"]
        site.state(uid, state)
        found = site.client.get(f"{URL}/{uid}")
        assert found.status_code == 200
        assert list(found.json()["data"]) == list(golden("one")["data"])
        assert found.json()["data"] == {
            "id": uid,
            "filename": "my_new_video.mp4",
            "status": status,
            "status_text": golden("statuses")[str(status)],
        }
        assert found.headers["cache-control"] == "no-store"

    def test_a_failed_one_says_why_beside_the_document_s_keys(self, site):
        uid = send(site).json()["data"]["id"]
        assert "message" not in site.client.get(f"{URL}/{uid}").json()
        site.state(uid, "failed", "This is a text file, not a video.")
        found = site.client.get(f"{URL}/{uid}").json()
        assert found["message"] == "This is a text file, not a video."

    def test_anonymous(self, site):
        uid = send(site).json()["data"]["id"]
        found = site.client.get(f"{URL}/{uid}", headers={"authorization": ""})
        assert found.status_code == 401

    def test_a_stranger(self, site):
        uid = send(site).json()["data"]["id"]
        headers = {"authorization": f"Bearer {site.other_key}"}
        assert site.client.get(f"{URL}/{uid}", headers=headers).status_code == 404

    @pytest.mark.parametrize("uid", [NOBODYS, "1", "%00", "x" * 500, "..%2f.."])
    def test_missing_or_malformed(self, site, uid):
        found = site.client.get(f"{URL}/{uid}")
        assert found.status_code == 404
        assert set(found.json()) == {"message"}


class TestEverythingElse:
    @pytest.mark.parametrize("path", ["", "/", "/videos", "/uploads/a/b", "/collections"])
    def test_unknown_paths(self, site, path):
        found = site.client.get(f"/api/client/v1{path}")
        assert found.status_code == 404
        assert set(found.json()) == {"message"}

    def test_unknown_paths_are_nobodys_business(self, site):
        found = site.client.get("/api/client/v1/x", headers={"authorization": ""})
        assert found.status_code == 401

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [("PUT", URL, "GET, HEAD, POST"), ("DELETE", URL, "GET, HEAD, POST"),
         ("POST", f"{URL}/{NOBODYS}", "GET, HEAD")],
    )  # fmt: skip
    def test_wrong_methods(self, site, method, path, allowed):
        found = site.client.request(method, path)
        assert (found.status_code, found.headers["allow"]) == (405, allowed)
        assert f"The {method} method is not supported" in found.json()["message"]
        assert found.json()["message"].endswith(f"Supported methods: {allowed}.")

    def test_head(self, site):
        found = site.client.head(URL)
        assert (found.status_code, found.content) == (200, b"")
