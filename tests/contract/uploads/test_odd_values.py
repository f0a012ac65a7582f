"""What a client may send and no database keeps is refused, never a fault of ours."""

import pytest

URL = "/api/client/v1/uploads"
ODD = ["a\0b", "\ufdfa" * 300, "\U0001f600" * 300, "x" * 5000, "%_\\'"]


@pytest.mark.parametrize("odd", [*ODD, "a%00b", "%ED%A0%80"])
def test_a_name_of_a_file(site, odd):
    found = site.client.post(
        URL, files={"video": (odd, b"bytes", "video/mp4")}, data={"folder": "root"}
    )
    assert found.status_code in (202, 422), found.text
    assert site.client.get(URL).status_code == 200


@pytest.mark.parametrize("may_make", [False, True])
@pytest.mark.parametrize("odd", [*ODD, "a/b\0", "/".join("ab" * 100)])
def test_a_path_of_folders(site, odd, may_make):
    site.set(uploads_create_folders=may_make)
    files = {"video": ("clip.mp4", b"bytes", "video/mp4")}
    found = site.client.post(URL, files=files, data={"folder": odd})
    assert found.status_code in (202, 404, 422), found.text


@pytest.mark.parametrize("odd", ["%00", "%ED%A0%80", "%FF", "9" * 30, "x" * 2000])
def test_an_id_in_a_path(site, odd):
    found = site.client.get(f"{URL}/{odd}")
    assert found.status_code in (400, 404, 422), found.text


@pytest.mark.parametrize("name", ["authorization", "idempotency-key"])
@pytest.mark.parametrize("odd", [b"Bearer \xed\xa0\x80", b"\xff", b"x" * 2000])
def test_a_header(site, name, odd):
    given = {**dict(site.client.headers), name: odd}
    found = site.client.post(
        URL, files={"video": ("clip.mp4", b"bytes", "video/mp4")}, headers=given
    )
    assert found.status_code < 500, found.text
