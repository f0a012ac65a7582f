"""Webhooks of the player. Source: the VideoCMS contract, section 13."""

import pytest

from tests.contract.videocms.site import TIME, is_text

WISH = {
    "Name": "Progress",
    "Url": "https://lms.example.org/hook?course=1",
    "Rpm": 6,
    "ReqQuery": "student",
    "ResField": "who",
}


def make(site, **changes):
    return site.client.post("/api/webhook", json={**WISH, **changes})


def rows(site, **given):
    return site.client.get("/api/webhooks", **given).json()


class TestWhoMayAsk:
    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", "/api/webhooks"), *((m, "/api/webhook") for m in ("POST", "PUT", "DELETE"))],
    )
    def test_nobody_unknown(self, site, method, path):
        assert is_text(site.anonymous(method, path), 403)

    def test_a_key_may(self, site):
        headers = {"authorization": f"Bearer {site.key(site.bobby)}"}
        assert is_text(site.client.post("/api/webhook", json=WISH, headers=headers), 200, "ok")
        assert len(rows(site, headers=headers)) == 1


class TestRows:
    def test_none_is_an_empty_list(self, site):
        found = site.client.get("/api/webhooks")
        assert (found.status_code, found.text) == (200, "[]\n")

    def test_a_row_is_as_the_contract_says(self, site):
        assert is_text(make(site), 200, "ok")
        (row,) = rows(site)
        assert list(row) == [
            "ID", "CreatedAt", "UpdatedAt", "DeletedAt",
            "Name", "Url", "Rpm", "ReqQuery", "ResField", "UserID",
        ]  # fmt: skip
        assert TIME.fullmatch(row["CreatedAt"])
        assert {name: row[name] for name in WISH} == WISH
        assert (row["DeletedAt"], row["UserID"]) == (None, site.bobby.id)

    def test_everybody_sees_their_own(self, site):
        make(site)
        assert rows(site, headers=site.as_user(site.alice)) == []


class TestRules:
    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            ({"Name": ""}, "Name [required] : "),
            ({"Name": "x" * 121}, "Name [max] : 120"),
            ({"Url": None}, "Url [required] : "),
            ({"Url": "ftp://example.org/"}, "Url [http_url] : "),
            ({"Url": "https://" + "x" * 250}, "Url [max] : 255"),
            ({"Rpm": 0}, "Rpm [required] : "),
            ({"Rpm": 61}, "Rpm [max] : 60"),
            ({"ReqQuery": "a1"}, "ReqQuery [alpha] : "),
            ({"ResField": "x" * 51}, "ResField [max] : 50"),
        ],
    )
    def test_the_first_that_fails_is_told(self, site, changes, text):
        assert is_text(make(site, **changes), 400, text)
        assert rows(site) == []

    @pytest.mark.parametrize(
        "url",
        [
            "https://user:secret@example.org/",
            "https://example.org/a b",
            "https://example.org;script-src/",
            "https://[::1]/",
            "https://exa\nmple.org/",
        ],
    )
    def test_what_could_not_stand_in_a_pages_policy_is_refused(self, site, url):
        assert is_text(make(site, Url=url), 400)

    @pytest.mark.parametrize("body", [b"{", b"[]", b'{"Name": 1}'])
    def test_malformed(self, site, body):
        headers = {"content-type": "application/json"}
        assert is_text(site.client.post("/api/webhook", content=body, headers=headers), 400)

    def test_so_many_and_no_more(self, site):
        for _ in range(100):
            assert make(site).status_code == 200
        assert is_text(make(site), 409)


class TestChange:
    def test_all_of_it_is_replaced(self, site):
        make(site)
        (row,) = rows(site)
        new = {"Name": "N", "Url": "http://x.example", "Rpm": 60, "ReqQuery": "q", "ResField": "r"}
        sent = {"WebhookID": row["ID"], **new}
        assert is_text(site.client.put("/api/webhook", json=sent), 200, "ok")
        (changed,) = rows(site)
        assert {name: changed[name] for name in new} == new

    def test_not_in_part(self, site):
        make(site)
        sent = {"WebhookID": rows(site)[0]["ID"], "Name": "N"}
        assert is_text(site.client.put("/api/webhook", json=sent), 400, "Url [required] : ")

    @pytest.mark.parametrize("method", ["PUT", "DELETE"])
    def test_a_missing_one_and_a_strangers_are_404(self, site, method):
        make(site)
        number = rows(site)[0]["ID"]
        for given, headers in ((number, site.as_user(site.carol)), (number + 99, {})):
            sent = {**WISH, "WebhookID": given}
            found = site.client.request(method, "/api/webhook", json=sent, headers=headers)
            assert is_text(found, 404)
        assert len(rows(site)) == 1

    def test_deleted_by_json_on_delete(self, site):
        make(site)
        sent = {"WebhookID": rows(site)[0]["ID"]}
        assert is_text(site.client.request("DELETE", "/api/webhook", json=sent), 200, "ok")
        assert rows(site) == []

    def test_which_one_must_be_said(self, site):
        found = site.client.request("DELETE", "/api/webhook", json={})
        assert is_text(found, 400, "WebhookID [required] : ")
