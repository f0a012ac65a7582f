"""tus extensions at /api/uploads: checksum, creation-defer-length, concatenation.

Source: the VideoCMS contract, section 10; tus.md, A.5, A.7, A.9.
"""

import base64
import hashlib
import uuid

import pytest

from tests.contract.videocms.tus_client import (
    PATH,
    bytes_of,
    create,
    created,
    final,
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

UNKNOWN = f"{PATH}/11111111-2222-4333-8444-555555555555"


class TestChecksum:
    @pytest.mark.parametrize("name", ["sha1", "sha256", "sha512", "md5"])
    def test_the_right_one(self, client, name):
        path = created(client, 5)
        text = f"{name} {base64.b64encode(hashlib.new(name, b'bytes').digest()).decode()}"
        assert patch(client, path, 0, b"bytes", upload_checksum=text).status_code == 204

    def test_a_wrong_one_is_460_and_its_bytes_count_for_nothing(self, site, client):
        path = created(client, 5)
        patch(client, path, 0, b"by")
        found = patch(client, path, 2, b"xxx", upload_checksum=sha1(b"tes"))
        assert is_error(found, 460, "ERR_CHECKSUM_MISMATCH")
        assert offset_of(client, path) == 2
        assert patch(client, path, 2, b"tes", upload_checksum=sha1(b"tes")).status_code == 204
        assert bytes_of(site, path) == b"bytes"
        assert rows(site)[0].sha256 == hashlib.sha256(b"bytes").hexdigest()

    @pytest.mark.parametrize("text", ["crc32 AAAA", "sha1", "sha1 !", "", "SHA1 AAAA"])
    def test_one_that_cannot_be_read_is_400(self, client, text):
        path = created(client, 5)
        assert is_error(
            patch(client, path, 0, b"x", upload_checksum=text), 400, "ERR_INVALID_CHECKSUM"
        )
        assert offset_of(client, path) == 0


class TestDeferredLength:
    def test_it_is_said_later_and_once(self, site, client):
        path = created(client, upload_defer_length="1")
        assert head(client, path).headers["upload-defer-length"] == "1"
        assert patch(client, path, 0, b"by").status_code == 204
        assert "upload-length" not in head(client, path).headers
        assert patch(client, path, 2, b"te", upload_length="5").status_code == 204
        found = patch(client, path, 4, b"s", upload_length="6")
        assert is_error(found, 400, "ERR_INVALID_UPLOAD_LENGTH")
        assert patch(client, path, 4, b"s", upload_length="5").status_code == 204
        assert head(client, path).headers["upload-length"] == "5"
        assert bytes_of(site, path) == b"bytes"

    @pytest.mark.parametrize("text", ["1", "-1", "x"])
    def test_one_that_cannot_be_is_400(self, client, text):
        path = created(client, upload_defer_length="1")
        patch(client, path, 0, b"by")
        found = patch(client, path, 2, b"", upload_length=text)
        assert is_error(found, 400, "ERR_INVALID_UPLOAD_LENGTH")

    def test_the_limits_hold_all_the_same(self, site, client):
        site.option("videocms_upload_max_bytes", 10)
        path = created(client, upload_defer_length="1")
        assert is_error(
            patch(client, path, 0, b"", upload_length="11"), 413, "ERR_MAX_SIZE_EXCEEDED"
        )
        assert is_error(patch(client, path, 0, b"x" * 11), 413, "ERR_MAX_SIZE_EXCEEDED")

    def test_the_quota_too(self, site, client):
        client.headers.update(site.as_user(site.add("dora", quota_bytes=100)))
        path = created(client, upload_defer_length="1")
        found = patch(client, path, 0, b"x" * 101)
        assert "storage quota exceeded: 0/100 bytes used" in found.text
        assert patch(client, path, 0, b"x" * 100, upload_length="100").status_code == 204


class TestConcatenation:
    def test_parts_become_one_in_the_order_asked_for(self, site, client):
        first, other = (whole(client, data, concat="partial") for data in (b"one ", b"two "))
        found = final(client, [other, first, other], name="both.mp4")
        assert (found.status_code, found.content) == (201, b"")
        path = path_of(found)
        assert bytes_of(site, path) == b"two one two "
        said = head(client, path).headers
        assert (said["upload-offset"], said["upload-length"]) == ("12", "12")
        urls = [f"http://testserver.local{each}" for each in (other, first, other)]
        assert said["upload-concat"] == "final;" + " ".join(urls)
        assert said["upload-metadata"] == metadata(filename="both.mp4")["upload-metadata"]

    def test_the_same_parts_may_be_asked_for_again(self, site, client):
        part = whole(client, b"bytes", concat="partial")
        assert [final(client, [part]).status_code for _ in range(2)] == [201, 201]

    @pytest.mark.parametrize(
        "form",
        ["{name}", "./{name}", PATH + "/{name}", "https://a.example/b" + PATH + "/{name}?x=1#y"],
    )
    def test_addresses_may_be_of_any_form(self, client, form):
        part = whole(client, b"bytes", concat="partial")
        name = part.rsplit("/", 1)[1]
        assert final(client, [form.format(name=name)]).status_code == 201

    @pytest.mark.parametrize(
        "text", ["final", "final;", "final; ", "x", "", "partial;x", "final;/other/x", "final;/api/uploads/"]
    )  # fmt: skip
    def test_what_cannot_be_read_is_400(self, client, text):
        assert is_error(create(client, 5, concat=text), 400, "ERR_INVALID_CONCAT")

    def test_only_own_partials_can_be_joined(self, site, client):
        carols = created(client, 0, concat="partial", **site.as_user(site.carol))
        for path in (whole(client, b"x"), UNKNOWN, carols, f"{PATH}/{uuid.uuid4()}"):
            assert is_error(final(client, [path]), 400, "ERR_UPLOAD_REJECTED")
        assert [row.kind for row in rows(site)] == ["partial", "single"]

    def test_all_of_them_must_be_whole(self, client):
        path = created(client, 5, concat="partial")
        assert is_error(final(client, [path]), 400, "ERR_UPLOAD_NOT_FINISHED")

    def test_the_sum_has_a_limit(self, site, client):
        site.option("videocms_upload_max_bytes", 9)
        part = whole(client, b"bytes", concat="partial")
        assert is_error(final(client, [part, part]), 413, "ERR_MAX_SIZE_EXCEEDED")

    def test_nothing_can_be_added(self, client):
        part = whole(client, b"bytes", concat="partial")
        found = final(client, [part], data=b"more")
        assert is_error(found, 403, "ERR_MODIFY_FINAL")
        path = path_of(final(client, [part]))
        assert is_error(patch(client, path, 5, b"more"), 403, "ERR_MODIFY_FINAL")

    def test_it_needs_no_room_in_the_quota_beside_its_parts(self, site, client):
        client.headers.update(site.as_user(site.add("dora", quota_bytes=10)))
        parts = [whole(client, b"bytes", concat="partial") for _ in range(2)]
        assert final(client, parts).status_code == 201
