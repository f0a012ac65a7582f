"""The chapter "Account". Source: the VideoCMS contract, section 12."""

import pytest

from polyreel.core import users
from tests.contract.videocms.site import PASSWORD, golden, is_empty, is_text, shape

SETTINGS = "/api/account/settings"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api/account"), ("GET", SETTINGS), ("PUT", SETTINGS)]
)
def test_nobody_unknown(site, method, path):
    assert is_text(site.anonymous(method, path, json={"EnablePlayerCaptcha": True}), 403)


class TestAccount:
    def test_oneself_with_a_jwt_or_a_key(self, site):
        for headers in (site.as_user(site.alice), site.as_key(site.alice)):
            found = site.client.get("/api/account", headers=headers)
            assert found.status_code == 200
            assert shape(found.json()) == shape(golden("account"))
            assert (found.json()["Username"], found.json()["Admin"]) == ("alice", True)

    def test_what_one_uses(self, site):
        site.video(site.bobby, size_bytes=1000)
        site.video(site.bobby, "second.mp4", size_bytes=2500)
        site.video(site.carol, size_bytes=9)
        found = site.client.get("/api/account").json()
        assert (found["Used"], found["Files"]) == (3500, 2)

    def test_without_a_limit_it_is_what_the_disk_has_free(self, site):
        assert site.client.get("/api/account").json()["Storage"] > 1_000_000
        with site.db.write() as tx:
            users.update_user(tx, site.bobby.id, {"quota_bytes": 5000})
        assert site.client.get("/api/account").json()["Storage"] == 5000


class TestSettings:
    def test_as_it_comes(self, client):
        assert client.get(SETTINGS).json() == golden("account_settings")

    @pytest.mark.parametrize("way", ["json", "data"])
    def test_a_change_is_kept(self, client, way):
        for wanted in (True, False):
            assert is_empty(client.put(SETTINGS, **{way: {"EnablePlayerCaptcha": wanted}}), 200)
            assert client.get(SETTINGS).json() == {"EnablePlayerCaptcha": wanted}
            account = client.get("/api/account").json()
            assert account["Settings"]["EnablePlayerCaptcha"] is wanted

    def test_the_number_of_downloads_is_read_and_stays(self, client):
        given = {"EnablePlayerCaptcha": False, "MaxRemoteDownloads": 77}
        assert is_empty(client.put(SETTINGS, json=given), 200)
        assert client.get("/api/account").json()["MaxRemoteDownloads"] == 5

    def test_a_new_password_ends_every_login(self, site):
        given = {"EnablePlayerCaptcha": False, "NewPassword": "another horse"}
        assert is_empty(site.client.put(SETTINGS, json=given), 200)
        assert is_text(site.client.get("/api/account"), 403)
        answers = {
            password: site.anonymous(
                "POST", "/api/auth/login", json={"username": "bobby", "password": password}
            ).status_code
            for password in (PASSWORD, "another horse")
        }
        assert answers == {PASSWORD: 400, "another horse": 200}

    @pytest.mark.parametrize(
        ("given", "text"),
        [
            ({}, "EnablePlayerCaptcha [required] : "),
            ({"EnablePlayerCaptcha": True, "NewPassword": "short"}, "NewPassword [min] : 8"),
            ({"EnablePlayerCaptcha": True, "NewPassword": "x" * 65}, "NewPassword [max] : 64"),
        ],
    )
    def test_the_first_rule_that_fails_is_told(self, client, given, text):
        assert is_text(client.put(SETTINGS, json=given), 400, text)

    @pytest.mark.parametrize("value", ["true", 1, []])
    def test_a_wrong_kind_is_malformed(self, client, value):
        assert is_text(client.put(SETTINGS, json={"EnablePlayerCaptcha": value}), 400)

    def test_keys_read_and_are_refused_after_the_body_was_checked(self, site):
        headers = site.as_key(site.bobby)
        assert site.client.get(SETTINGS, headers=headers).status_code == 200
        found = site.client.put(SETTINGS, headers=headers, json={})
        assert is_text(found, 400, "EnablePlayerCaptcha [required] : ")
        found = site.client.put(SETTINGS, headers=headers, json={"EnablePlayerCaptcha": True})
        assert is_text(found, 403, "API Key Not Permitted to Update Settings")
