"""What holds for every path. Source: the VideoCMS contract, sections 1.4, 1.6, 1.7 and 1.8."""

import pytest

from tests.contract.videocms.site import is_of_framework, is_text

PRIVATE = [
    ("GET", "/api/files"),
    ("GET", "/api/file?LinkID=1"),
    ("POST", "/api/folder"),
    ("POST", "/api/file/upload"),
    ("GET", "/api/nowhere"),
    ("PUT", "/api/files"),
    ("POST", "/api/config"),
]


class TestTokens:
    @pytest.mark.parametrize(("method", "path"), PRIVATE)
    def test_without_one_everything_is_403(self, site, method, path):
        assert is_text(site.anonymous(method, path), 403)

    @pytest.mark.parametrize(
        "token", ["rubbish", "Bearer", "Bearer ak_" + "0" * 64, "Bearer a.b.c", "é"]
    )
    def test_a_false_one_is_403(self, site, token):
        headers = {"authorization": token.encode()}
        assert is_text(site.client.get("/api/files", headers=headers), 403)
        assert is_text(site.client.get("/api/nowhere", headers=headers), 403)

    def test_the_last_word_counts(self, site):
        for text in (site.jwt(site.bobby), f"Bearer  {site.key(site.bobby)}"):
            found = site.client.get("/api/files", headers={"authorization": text})
            assert found.status_code == 200

    def test_keys_of_other_apis_open_nothing(self, site):
        headers = {"authorization": "Bearer sk-" + "0" * 64}
        assert is_text(site.client.get("/api/files", headers=headers), 403)

    def test_a_key_that_may_only_read_changes_nothing(self, site):
        headers = {"authorization": site.key(site.bobby, scopes=["read"])}
        assert site.client.get("/api/files", headers=headers).status_code == 200
        found = site.client.post("/api/folder", headers=headers, json={"Name": "x"})
        assert is_text(found, 403)

    def test_the_use_of_a_key_is_noted_without_the_query(self, site):
        headers = {"authorization": site.key(site.bobby)}
        site.client.get("/api/files?ParentFolderID=0", headers=headers)
        site.client.get("/api/nowhere", headers=headers)
        assert [each[1:3] for each in site.uses.seen] == [
            ("GET", "/api/files"),
            ("GET", "/api/nowhere"),
        ]

    def test_the_use_of_a_jwt_is_not(self, site):
        site.client.get("/api/files")
        assert [each for each in site.uses.seen if each[0] is not None] == []


class TestUnknown:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/api/nowhere"),
            ("GET", "/api"),
            ("GET", "/api/file/x/y"),
            ("GET", "/api/auth/x"),
        ],
    )
    def test_a_path(self, client, method, path):
        assert is_of_framework(client.request(method, path), 404)

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("PUT", "/api/files"),
            ("GET", "/api/auth/login"),
            ("GET", "/api/file/upload"),
            ("POST", "/api/config"),
        ],
    )
    def test_a_method(self, client, method, path):
        assert is_of_framework(client.request(method, path), 404)


class TestBodies:
    def test_beyond_the_limit_it_is_413(self, client):
        found = client.post("/api/folder", json={"Name": "x" * 2_000_000})
        assert is_of_framework(found, 413)

    def test_head_is_get_without_its_body(self, client):
        found = client.head("/api/config")
        assert (found.status_code, found.content) == (200, b"")
        assert (
            found.headers["content-length"] == client.get("/api/config").headers["content-length"]
        )


class TestOrigins:
    @pytest.mark.parametrize("path", ["/api/files", "/api/nowhere", "/api/auth/login"])
    def test_every_options_is_204(self, site, path):
        headers = {
            "origin": "https://panel.example",
            "access-control-request-method": "DELETE",
            "access-control-request-headers": "authorization",
        }
        found = site.anonymous("OPTIONS", path, headers=headers)
        assert (found.status_code, found.content) == (204, b"")
        assert found.headers["access-control-allow-origin"] == "*"
        assert found.headers["access-control-max-age"] == "7200"
        methods = set(found.headers["access-control-allow-methods"].split(","))
        assert methods == {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
        assert "authorization" in found.headers["access-control-allow-headers"].lower().split(",")
        assert "Origin" in found.headers["vary"]

    def test_other_sites_may_read_and_never_with_cookies(self, client):
        for path in ("/api/files", "/api/nowhere"):
            found = client.get(path, headers={"origin": "https://panel.example"})
            assert found.headers["access-control-allow-origin"] == "*"
            assert "access-control-allow-credentials" not in found.headers
            exposed = found.headers["access-control-expose-headers"].split(",")
            assert {"Location", "Upload-Offset", "Tus-Resumable"} <= set(exposed)

    def test_every_answer_varies_by_origin(self, site):
        for found in (site.client.get("/api/config"), site.anonymous("GET", "/api/files")):
            assert found.headers["vary"] == "Origin"


def test_fields_may_come_in_xml(site):
    kind = {"content-type": "application/xml"}
    body = b"<folder><name>Trips &amp; more</name></folder>"
    made = site.client.post("/api/folder", content=body, headers=kind)
    assert (made.status_code, made.json()["Name"]) == (200, "Trips & more")
    ids = f"<x><FolderIDs><FolderID>{made.json()['ID']}</FolderID></FolderIDs></x>"
    gone = site.client.request("DELETE", "/api/folders", content=ids, headers=kind)
    assert (gone.status_code, gone.content) == (200, b"")
    evil = b"<!DOCTYPE a [<!ENTITY f SYSTEM 'file:///etc/passwd'>]><a><Name>&f;</Name></a>"
    refused = site.client.post("/api/folder", content=evil, headers=kind)
    assert is_text(refused, 400)
