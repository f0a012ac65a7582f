"""/api/uploads by tus 1.0.0: OPTIONS, POST, HEAD, PATCH, DELETE.

Source: the VideoCMS contract, section 10; tus.md, part A.
"""

import base64
import hashlib
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest

from polyreel.core import ingest
from polyreel.core.ingest.tables import ResumableRow
from polyreel.core.users.tables import UserRow
from tests.contract.videocms.site import is_of_framework
from tests.contract.videocms.tus_client import (
    BYTES,
    PATH,
    VERSION,
    bytes_of,
    create,
    created,
    head,
    is_error,
    metadata,
    offset_of,
    patch,
    path_of,
    rows,
    sha1,
    whole,
)

FILM = b"not really a film, but bytes " * 100
GROUP = "11111111-2222-4333-8444-555555555555"
UNKNOWN = f"{PATH}/{GROUP}"


class TestOptions:
    @pytest.mark.parametrize("path", [PATH, UNKNOWN])
    def test_anyone_learns_what_is_spoken(self, site, path):
        found = site.anonymous("OPTIONS", path, headers={"origin": "https://panel.example"})
        assert (found.status_code, found.content) == (204, b"")
        said = found.headers
        assert said["tus-resumable"] == said["tus-version"] == "1.0.0"
        assert said["tus-max-size"] == str(5 * 1024**3)
        assert set(said["tus-extension"].split(",")) == {
            "creation", "creation-with-upload", "creation-defer-length", "termination",
            "concatenation", "expiration", "checksum",
        }  # fmt: skip
        assert "sha1" in said["tus-checksum-algorithm"].split(",")

    def test_browsers_get_what_a_preflight_asks_for(self, site):
        said = site.anonymous("OPTIONS", PATH).headers
        assert said["access-control-allow-origin"] == "*"
        assert {"POST", "HEAD", "PATCH", "DELETE"} <= set(
            said["access-control-allow-methods"].split(",")
        )
        allowed = said["access-control-allow-headers"].lower().split(",")
        assert {"authorization", "tus-resumable", "upload-offset", "upload-concat"} <= set(allowed)


class TestWho:
    @pytest.mark.parametrize(
        ("method", "path"),
        [("POST", PATH), ("HEAD", UNKNOWN), ("PATCH", UNKNOWN), ("DELETE", UNKNOWN)],
    )
    def test_nobody_is_403(self, site, method, path):
        found = site.anonymous(method, path, headers=VERSION)
        assert found.status_code == 403
        if method != "HEAD":
            assert is_error(found, 403, "ERR_AUTH_REQUIRED")

    def test_a_key_uploads_and_is_noted(self, site, client):
        client.headers["authorization"] = f"Bearer {site.key(site.bobby)}"
        path = whole(client, FILM)
        assert [each[1:3] for each in site.uses.seen] == [("POST", PATH), ("PATCH", path)]

    def test_a_key_that_only_reads_is_403(self, site, client):
        text = site.key(site.bobby, scopes={"read"})
        client.headers["authorization"] = f"Bearer {text}"
        assert is_error(create(client, 5), 403, "ERR_FORBIDDEN")

    def test_anothers_upload_is_403(self, site, client):
        path = created(client, 5)
        carol = site.as_user(site.carol)
        assert client.head(path, headers={**VERSION, **carol}).status_code == 403
        assert is_error(patch(client, path, 0, b"evil!", **carol), 403, "ERR_UPLOAD_FORBIDDEN")
        assert client.delete(path, headers={**VERSION, **carol}).status_code == 403
        assert offset_of(client, path) == 0

    def test_what_is_not_there_is_404(self, client):
        for path in (UNKNOWN, f"{PATH}/x"):
            found = head(client, path)
            assert (found.status_code, found.content) == (404, b"")
            assert "upload-offset" not in found.headers
            assert is_error(patch(client, path, 0, b"x"), 404, "ERR_UPLOAD_NOT_FOUND")
            assert client.delete(path, headers=VERSION).status_code == 404

    @pytest.mark.parametrize("version", [{}, {"tus-resumable": "0.2.2"}])
    def test_another_version_is_412(self, client, version):
        path = created(client, 5)
        for found in (
            client.post(PATH, headers={**version, "upload-length": "5"}),
            client.patch(path, headers={**version, **BYTES, "upload-offset": "0"}, content=b"x"),
            client.delete(path, headers=version),
        ):
            assert is_error(found, 412, "ERR_UNSUPPORTED_VERSION")
            assert found.headers["tus-version"] == "1.0.0"
        assert client.head(path, headers=version).headers["upload-offset"] == "0"

    def test_other_methods(self, client):
        found = client.get(created(client, 5))
        assert is_error(found, 405, "ERR_METHOD_NOT_ALLOWED")
        assert is_of_framework(client.get(PATH), 404)

    def test_the_method_may_be_in_a_header(self, client):
        path = created(client, 5)
        sent = {**VERSION, **BYTES, "upload-offset": "0", "x-http-method-override": "PATCH"}
        assert client.post(path, headers=sent, content=b"bytes").headers["upload-offset"] == "5"
        sent = {**VERSION, "x-http-method-override": "DELETE"}
        assert client.post(path, headers=sent).status_code == 204
        assert head(client, path).status_code == 404

    def test_pages_elsewhere_may_read_the_headers(self, client):
        found = create(client, 5, origin="https://panel.example")
        exposed = found.headers["access-control-expose-headers"].split(",")
        assert {"Location", "Upload-Offset", "Upload-Expires", "Tus-Resumable"} <= set(exposed)


class TestCreate:
    def test_an_upload_is_made(self, site, client):
        found = create(client, 5)
        assert (found.status_code, found.content) == (201, b"")
        (row,) = rows(site)
        assert found.headers["location"] == f"http://testserver.local{PATH}/{row.uid}"
        assert found.headers["tus-max-size"] == str(5 * 1024**3)
        assert found.headers["x-content-type-options"] == "nosniff"
        expires = parsedate_to_datetime(found.headers["upload-expires"])
        assert expires == row.expires_at.replace(microsecond=0)
        assert row.expires_at - row.created_at == timedelta(hours=24)
        assert "upload-offset" not in found.headers

    def test_the_bytes_may_come_at_once(self, site, client):
        found = create(client, len(FILM), data=FILM)
        assert (found.status_code, found.headers["upload-offset"]) == (201, str(len(FILM)))
        assert bytes_of(site, path_of(found)) == FILM

    def test_or_the_first_of_them(self, client):
        found = create(client, 10, data=b"first")
        assert found.headers["upload-offset"] == "5"
        assert patch(client, path_of(found), 5, b"other").headers["upload-offset"] == "10"

    def test_a_body_of_another_type_is_ignored(self, client):
        found = create(client, 10, data=b"first", content_type="text/plain")
        assert found.status_code == 201
        assert offset_of(client, path_of(found)) == 0

    def test_more_bytes_than_declared_make_nothing(self, site, client):
        assert is_error(create(client, 4, data=b"five!"), 413, "ERR_UPLOAD_SIZE_EXCEEDED")
        assert rows(site) == []

    def test_a_wrong_checksum_makes_nothing(self, site, client):
        found = create(client, 5, data=b"bytes", upload_checksum=sha1(b"others"))
        assert is_error(found, 460, "ERR_CHECKSUM_MISMATCH")
        assert (rows(site), site.files()) == ([], [])

    def test_an_empty_file_is_complete_at_once(self, client):
        found = head(client, created(client, 0))
        assert (found.headers["upload-offset"], found.headers["upload-length"]) == ("0", "0")

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"upload-length": "-1"},
            {"upload-length": "+1"},
            {"upload-length": "1.0"},
            {"upload-length": ""},
            {"upload-length": "٣"},
            {"upload-length": "9" * 19},
            {"upload-defer-length": "2"},
            {"upload-defer-length": "1", "upload-length": "5"},
        ],
    )
    def test_a_length_that_is_none_is_400(self, site, client, headers):
        sent = {key: value.encode() for key, value in {**VERSION, **headers}.items()}
        assert is_error(client.post(PATH, headers=sent), 400, "ERR_INVALID_UPLOAD_LENGTH")
        assert rows(site) == []

    def test_too_long_is_413(self, site, client):
        site.option("videocms_upload_max_bytes", 100)
        found = create(client, 101)
        assert is_error(found, 413, "ERR_MAX_SIZE_EXCEEDED")
        assert found.headers["tus-max-size"] == "100"
        assert create(client, 100).status_code == 201

    def test_parts_of_one_file_count_together(self, site, client):
        site.option("videocms_upload_max_bytes", 100)
        group = metadata(filename="a.mp4", client_upload_uuid=GROUP)["upload-metadata"]
        assert create(client, 60, concat="partial", upload_metadata=group).status_code == 201
        found = create(client, 41, concat="partial", upload_metadata=group)
        assert is_error(found, 413, "ERR_MAX_SIZE_EXCEEDED")
        assert create(client, 40, concat="partial", upload_metadata=group).status_code == 201
        assert create(client, 60, concat="partial").status_code == 201

    @pytest.mark.parametrize(
        "text",
        [
            "filename", "filename ", "", "name YS5tcDQ=", "filename YS5tcDQ=,empty",
            "filename YS5tcDQ=, type dmlkZW8=", "other /////w==",
        ],
    )  # fmt: skip
    def test_metadata_that_will_do(self, client, text):
        path = created(client, 5, upload_metadata=text)
        assert head(client, path).headers.get("upload-metadata", "") == text

    @pytest.mark.parametrize(
        "text",
        [
            "filename !!", "filename  x", "filename YS5tcDQ", ",", "a YQ==,a YQ==", "a YQ== YQ==",
            f"filename {base64.b64encode(b'x' * 129).decode()}",
            f"parent_folder_id {base64.b64encode(b'-1').decode()}",
            f"parent_folder_id {base64.b64encode(b'x').decode()}",
            f"client_upload_uuid {base64.b64encode(b'x').decode()}",
        ],
    )  # fmt: skip
    def test_metadata_that_will_not(self, site, client, text):
        assert is_error(create(client, 5, upload_metadata=text), 400, "ERR_INVALID_METADATA")
        assert rows(site) == []

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("  a.mkv ", "a.mkv"),
            ("../../x/a.mp4", "a.mp4"),
            ("..", "video.mp4"),
            ("ä.mp4", "ä.mp4"),
        ],
    )
    def test_a_name_is_made_fit(self, site, client, given, kept):
        create(client, 5, name=given)
        assert [row.name for row in rows(site)] == [kept]

    def test_a_folder_must_be_there_and_ones_own(self, site, client):
        own, theirs = site.folder(site.bobby), site.folder(site.carol)
        for number, fits in ((own.id, True), (0, True), (theirs.id, False), (999, False)):
            text = metadata(filename="a.mp4", parent_folder_id=str(number))["upload-metadata"]
            found = create(client, 5, upload_metadata=text)
            assert found.status_code == 201 if fits else is_error(found, 400, "ERR_INVALID_PARENT")

    def test_uploads_may_be_switched_off(self, site, client):
        site.option("uploads_enabled", False)
        assert is_error(create(client, 5), 403, "ERR_UPLOAD_DISABLED")

    def test_the_quota_refuses_in_the_panels_words(self, site, client):
        client.headers.update(site.as_user(site.add("dora", quota_bytes=100)))
        assert create(client, 60).status_code == 201
        found = create(client, 41)
        assert is_error(found, 403, "ERR_QUOTA_EXCEEDED")
        assert "storage quota exceeded: 60/100 bytes used" in found.text

    def test_a_cancelled_one_gives_its_room_back(self, site, client):
        client.headers.update(site.as_user(site.add("dora", quota_bytes=100)))
        path = created(client, 100)
        assert client.delete(path, headers=VERSION).status_code == 204
        assert create(client, 100).status_code == 201

    def test_a_person_has_only_so_many(self, site, client):
        site.option("videocms_upload_sessions", 2)
        group = metadata(filename="a.mp4", client_upload_uuid=GROUP)["upload-metadata"]
        path = created(client, 5)
        for _ in range(3):
            assert create(client, 5, concat="partial", upload_metadata=group).status_code == 201
        assert is_error(create(client, 5), 400, "ERR_UPLOAD_SESSION_LIMIT")
        client.delete(path, headers=VERSION)
        assert create(client, 5).status_code == 201

    def test_some_may_have_more(self, site, client):
        site.option("videocms_upload_sessions", 1)
        with site.db.write() as tx:
            tx.session.get_one(UserRow, site.bobby.id).settings = {"upload_sessions_max": 2}
        assert [create(client, 5).status_code for _ in range(3)] == [201, 201, 400]

    @pytest.mark.parametrize(
        ("headers", "origin"),
        [
            ({"host": "video.example:80"}, "http://video.example"),
            ({"host": "video.example:443", "x-forwarded-proto": "https"}, "https://video.example"),
            ({"host": "video.example:8443", "x-forwarded-proto": "https, http"}, "https://video.example:8443"),
            ({"host": "video.example", "x-forwarded-host": "evil.example"}, "http://video.example"),
            ({"host": "video.example", "x-forwarded-proto": "gopher"}, "http://video.example"),
        ],
    )  # fmt: skip
    def test_its_address_is_where_it_was_asked_for(self, client, headers, origin):
        sent = {key.replace("-", "_"): value for key, value in headers.items()}
        assert create(client, 5, **sent).headers["location"].startswith(f"{origin}{PATH}/")

    @pytest.mark.parametrize(
        ("host", "is_public"),
        [
            ("other.example", True),
            ("video.example:3000", False),
            ("web:3000", False),
            ("localhost", False),
            ("a.lan", False),
            ("10.0.0.1:80", False),
            ("[::1]:80", False),
            ("203.0.113.0.example", True),
        ],
    )
    @pytest.mark.parametrize("by", ["setting", "option"])
    def test_internal_hosts_are_not_told(self, site, client, host, is_public, by):
        if by == "setting":
            site.set(base_url="https://video.example")
        else:
            site.option("public_url", "https://video.example")
        origin = f"http://{host}" if is_public else "https://video.example"
        assert create(client, 5, host=host).headers["location"].startswith(f"{origin}{PATH}/")


class TestHead:
    def test_a_new_one(self, client):
        found = head(client, created(client, 5))
        assert (found.status_code, found.content) == (200, b"")
        said = found.headers
        assert (said["upload-offset"], said["upload-length"]) == ("0", "5")
        assert said["upload-metadata"] == metadata(filename="film.mp4")["upload-metadata"]
        assert said["cache-control"] == "no-store"
        assert "upload-expires" in said
        assert not {"upload-concat", "upload-defer-length"} & set(said)

    def test_a_partial_says_so(self, client):
        path = whole(client, b"bytes", concat="partial")
        said = head(client, path).headers
        assert (said["upload-concat"], said["upload-offset"]) == ("partial", "5")

    def test_an_expired_one_is_410_and_then_forgotten(self, site, client):
        path = created(client, 5)
        for hours, status, left in ((24, 410, 0), (24, 404, 0)):
            with site.db.write() as tx:
                (row,) = tx.session.query(ResumableRow).all()
                row.expires_at -= timedelta(hours=hours)
            if status == 410:
                assert head(client, path).status_code == 410
            ingest.sweep_resumables(site.db, site.tools.storage)
            assert head(client, path).status_code == status
            assert len(site.files()) == left
        assert rows(site) == []


class TestPatch:
    def test_bytes_are_on_the_disk_when_it_answers(self, site, client):
        path = created(client, len(FILM))
        found = patch(client, path, 0, FILM[:1000])
        assert (found.status_code, found.content) == (204, b"")
        assert found.headers["upload-offset"] == "1000"
        assert "upload-expires" in found.headers
        assert patch(client, path, 1000, FILM[1000:]).headers["upload-offset"] == str(len(FILM))
        assert bytes_of(site, path) == FILM
        (row,) = rows(site)
        assert (row.state, row.sha256) == ("uploaded", hashlib.sha256(FILM).hexdigest())

    def test_a_body_may_come_in_chunks_of_any_size(self, site, client):
        path = created(client, len(FILM))
        pieces = (FILM[at : at + 7] for at in range(0, len(FILM), 7))
        assert patch(client, path, 0, pieces).headers["upload-offset"] == str(len(FILM))
        assert bytes_of(site, path) == FILM

    def test_nothing_changes_nothing(self, client):
        path = created(client, 5)
        assert patch(client, path, 0, b"").headers["upload-offset"] == "0"
        assert patch(client, path, 0, b"bytes").headers["upload-offset"] == "5"
        found = patch(client, path, 5, b"")
        assert (found.status_code, found.headers["upload-offset"]) == (204, "5")

    @pytest.mark.parametrize("kind", ["application/octet-stream", "", None])
    def test_another_type_is_400(self, client, kind):
        path = created(client, 5)
        sent = {**VERSION, "upload-offset": "0", **({"content-type": kind} if kind else {})}
        found = client.patch(path, headers=sent, content=b"x")
        assert is_error(found, 400, "ERR_INVALID_CONTENT_TYPE")

    @pytest.mark.parametrize("offset", ["-1", "+0", "x", "", " ", "0x0", "1.0"])
    def test_an_offset_that_is_none_is_400(self, client, offset):
        path = created(client, 5)
        assert is_error(patch(client, path, offset, b"x"), 400, "ERR_INVALID_OFFSET")

    def test_another_offset_is_409_and_tells_the_true_one(self, client):
        path = created(client, 5)
        patch(client, path, 0, b"by")
        for offset in (0, 1, 3, 5):
            found = patch(client, path, offset, b"x")
            assert is_error(found, 409, "ERR_MISMATCHED_OFFSET")
            assert found.headers["upload-offset"] == "2"
        assert offset_of(client, path) == 2

    @pytest.mark.parametrize("is_chunked", [True, False])
    def test_too_much_is_413_and_counts_for_nothing(self, site, client, is_chunked):
        path = created(client, 5)
        patch(client, path, 0, b"by")
        data = b"tes and more"
        found = patch(client, path, 2, iter([data[:3], data[3:]]) if is_chunked else data)
        assert is_error(found, 413, "ERR_UPLOAD_SIZE_EXCEEDED")
        assert offset_of(client, path) == 2
        assert patch(client, path, 2, b"tes").headers["upload-offset"] == "5"
        assert bytes_of(site, path) == b"bytes"
        assert rows(site)[0].sha256 == hashlib.sha256(b"bytes").hexdigest()

    def test_after_a_restart_it_goes_on_without_its_hash(self, site, client):
        path = created(client, 5)
        patch(client, path, 0, b"by")
        with site.restarted() as again:
            assert offset_of(again, path) == 2
            assert patch(again, path, 2, b"tes").status_code == 204
        assert bytes_of(site, path) == b"bytes"
        assert rows(site)[0].sha256 is None


class TestDelete:
    @pytest.mark.parametrize("sent", [b"", b"by", b"bytes"])
    def test_it_is_gone_with_its_bytes(self, site, client, sent):
        path = created(client, 5)
        patch(client, path, 0, sent)
        found = client.delete(path, headers=VERSION)
        assert (found.status_code, found.content) == (204, b"")
        assert head(client, path).status_code == 404
        assert client.delete(path, headers=VERSION).status_code == 404
        assert (rows(site), site.files()) == ([], [])
