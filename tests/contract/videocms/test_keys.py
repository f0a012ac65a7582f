"""The chapter "API keys". Source: the VideoCMS contract, section 6."""

import re
from datetime import timedelta

import pytest

from polyreel.core import users
from polyreel.kit import clock
from tests.contract.videocms.site import golden, is_empty, is_text, shape

REFUSAL = "API Key Not Permitted to Manage API Keys"
ROUTES = [
    ("GET", "/api/apikeys"),
    ("POST", "/api/apikey"),
    ("DELETE", "/api/apikey/1"),
    ("GET", "/api/apikey/1/audit"),
]


def made(client, **given):
    """A key's answer, made through the API."""
    found = client.post("/api/apikey", json={"name": "nightly", **given})
    assert found.status_code == 201, found.text
    return found.json()


@pytest.mark.parametrize(("method", "path"), ROUTES)
class TestWho:
    def test_nobody_unknown(self, site, method, path):
        assert is_text(site.anonymous(method, path), 403)

    @pytest.mark.parametrize("body", [{}, {"json": {"name": "more"}}])
    def test_no_key_not_even_an_administrators(self, site, method, path, body):
        for user in (site.bobby, site.alice):
            headers = site.as_key(user)
            assert is_text(site.client.request(method, path, headers=headers, **body), 403, REFUSAL)


class TestCreate:
    @pytest.mark.parametrize("way", ["json", "data"])
    def test_the_key_is_told_once(self, client, way):
        ends = "2099-01-01T00:00:00Z"
        found = client.post("/api/apikey", **{way: {"name": "nightly", "expires_at": ends}})
        assert found.status_code == 201
        assert shape(found.json()) == shape(golden("key_made"))
        assert re.fullmatch("ak_[0-9a-f]{64}", found.json()["key"])
        assert found.json()["expires_at"] == ends
        assert found.json()["key"] not in client.get("/api/apikeys").text

    @pytest.mark.parametrize("ends", [{}, {"expires_at": None}, {"expires_at": ""}])
    def test_without_an_end_none_is_told(self, client, ends):
        assert list(made(client, **ends)) == ["id", "name", "key"]

    def test_it_opens_the_api(self, client):
        headers = {"authorization": f"Bearer {made(client)['key']}"}
        assert client.get("/api/files", headers=headers).status_code == 200

    @pytest.mark.parametrize(
        ("given", "text"),
        [
            ({}, "Name [required] : "),
            ({"name": "ab"}, "Name [min] : 3"),
            ({"name": "a" * 33}, "Name [max] : 32"),
        ],
    )
    def test_the_first_rule_that_fails_is_told(self, client, given, text):
        assert is_text(client.post("/api/apikey", json=given), 400, text)

    @pytest.mark.parametrize(
        "ends",
        ["tomorrow", "2099-01-01", "2099-01-01T00:00:00", "2099-13-01T00:00:00Z", 7,
         "2001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "2099-01-01T00:00:00+99:99"],
    )  # fmt: skip
    def test_an_end_that_is_none_or_has_passed_is_400(self, client, ends):
        assert is_text(client.post("/api/apikey", json={"name": "ci!", "expires_at": ends}), 400)

    def test_an_end_may_have_an_offset_and_a_fraction(self, client):
        ends = "2099-01-01T01:00:00.123456789+01:00"
        assert made(client, expires_at=ends)["expires_at"] == "2099-01-01T00:00:00.123456Z"


class TestList:
    def test_without_keys_it_is_empty(self, client):
        assert client.get("/api/apikeys").text == "[]\n"

    def test_a_row_mixes_its_cases(self, client):
        key = made(client, expires_at="2099-01-01T00:00:00Z")
        client.get("/api/files", headers={"authorization": key["key"]})
        (row,) = client.get("/api/apikeys").json()
        assert shape(row) == shape(golden("key_listed"))
        assert (row["ID"], row["name"]) == (key["id"], "nightly")
        assert row["prefix"] == key["key"][:8] + "..."

    def test_what_is_not_set_is_left_out(self, client):
        made(client)
        (row,) = client.get("/api/apikeys").json()
        assert list(row) == list(golden("key_listed"))[:-2]

    def test_only_ones_own_of_this_api(self, site):
        site.key(site.carol)
        with site.db.write() as tx:
            actor = users.actor_of(site.bobby)
            users.create_key(tx, actor, "uploads", name="elsewhere")
        assert site.client.get("/api/apikeys").json() == []


class TestDelete:
    def test_it_opens_nothing_after_that(self, client):
        key = made(client)
        assert client.delete(f"/api/apikey/{key['id']}").status_code == 204
        headers = {"authorization": key["key"]}
        assert is_text(client.get("/api/files", headers=headers), 403)
        assert client.get("/api/apikeys").json() == []
        assert is_text(client.delete(f"/api/apikey/{key['id']}"), 404)

    def test_anothers_is_404(self, site):
        key = made(site.client)
        for user in (site.carol, site.alice):
            found = site.client.delete(f"/api/apikey/{key['id']}", headers=site.as_user(user))
            assert is_text(found, 404)

    @pytest.mark.parametrize("number", ["x", "-1", "1.5", "9" * 30, "%00"])
    def test_a_bad_id_is_400(self, client, number):
        assert is_text(client.delete(f"/api/apikey/{number}"), 400)
        assert is_text(client.get(f"/api/apikey/{number}/audit"), 400)


class TestAudit:
    def test_requests_newest_first_refused_ones_too(self, site):
        key = made(site.client)
        headers = {"authorization": key["key"]}
        site.client.get("/api/files?ParentFolderID=0", headers=headers)
        site.client.get("/api/apikeys", headers=headers)
        site.client.get("/api/auth/check", headers=headers)
        found = site.client.get(f"/api/apikey/{key['id']}/audit")
        assert shape(found.json()[0]) == shape(golden("key_use"))
        assert [(each["Method"], each["Path"]) for each in found.json()] == [
            ("GET", "/api/apikeys"),
            ("GET", "/api/files"),
        ]
        assert {each["UserID"] for each in found.json()} == {site.bobby.id}

    def test_a_key_that_was_not_used_has_none(self, client):
        assert client.get(f"/api/apikey/{made(client)['id']}/audit").text == "[]\n"

    def test_at_most_a_hundred(self, client):
        key = made(client)
        for _ in range(103):
            client.get("/api/nowhere", headers={"authorization": key["key"]})
        assert len(client.get(f"/api/apikey/{key['id']}/audit").json()) == 100

    def test_anothers_and_missing_ones_are_404(self, site):
        key = made(site.client)
        path = f"/api/apikey/{key['id']}/audit"
        assert is_text(site.client.get(path, headers=site.as_user(site.alice)), 404)
        assert is_text(site.client.get("/api/apikey/999/audit"), 404)


def test_a_key_that_is_over_opens_nothing(site, monkeypatch):
    key = site.as_key(site.bobby, expires_at=clock.now() + timedelta(seconds=30))
    assert site.client.get("/api/files", headers=key).status_code == 200
    later = clock.now() + timedelta(seconds=31)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert is_text(site.client.get("/api/files", headers=key), 403)


def test_a_key_acts_for_its_owner(site):
    folder = site.folder(site.bobby, "Trips")
    headers = site.as_key(site.alice)
    found = site.client.get("/api/files", headers=headers, params={"ParentFolderID": folder.id})
    assert found.status_code == 200
    assert is_empty(site.client.get("/api/auth/refresh", headers={"authorization": ""}), 403)
