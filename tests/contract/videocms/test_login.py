"""The chapter "Authentication API". Source: the VideoCMS contract, sections 1.6 and 2."""

import json
from datetime import timedelta

import jwt
import pytest

from polyreel.core import users
from polyreel.kit import clock
from tests.contract.videocms.site import PASSWORD, golden, is_empty, is_text, shape

GIVEN = {"username": "bobby", "password": PASSWORD}
FORM = {"files": [(name, (None, text)) for name, text in GIVEN.items()]}


def short_jwt(site, user, *, left_s, **changes):
    """A token as ours, with so many seconds to live."""
    claims = {
        "userid": user.id,
        "username": user.name,
        "admin": user.is_admin,
        "exp": int(clock.now().timestamp()) + left_s,
    }
    return jwt.encode(
        claims | changes,
        site.tools.secrets.key("jwt"),
        algorithm="HS256",
        headers={"kid": str(user.token_version)},
    )


class TestLogin:
    @pytest.mark.parametrize("body", [FORM, {"data": GIVEN}, {"json": GIVEN}])
    def test_multipart_form_and_json_do(self, site, body):
        found = site.anonymous("POST", "/api/auth/login", **body)
        assert found.status_code == 200
        assert found.headers["content-type"] == "application/json"
        assert found.text.endswith("}\n")
        assert shape(found.json()) == shape(golden("login"))

    def test_the_token_has_exactly_the_claims_of_the_contract(self, site):
        found = site.anonymous("POST", "/api/auth/login", json=GIVEN).json()
        claims = jwt.decode(found["token"], options={"verify_signature": False})
        left = claims["exp"] - clock.now().timestamp()
        assert {**claims, "exp": 0} == {
            "userid": site.bobby.id,
            "username": "bobby",
            "admin": False,
            "exp": 0,
        }
        assert timedelta(days=7).total_seconds() - 60 < left <= timedelta(days=7).total_seconds()
        assert jwt.get_unverified_header(found["token"])["alg"] == "HS256"

    def test_the_token_opens_the_api(self, site):
        token = site.anonymous("POST", "/api/auth/login", json=GIVEN).json()["token"]
        found = site.client.get("/api/files", headers={"authorization": f"Bearer {token}"})
        assert found.status_code == 200

    @pytest.mark.parametrize("name", ["bobby", "nobody-here"])
    def test_a_wrong_name_or_password_is_400(self, site, name):
        wrong = {"username": name, "password": "not the one"}
        found = site.anonymous("POST", "/api/auth/login", json=wrong)
        assert is_text(found, 400)

    @pytest.mark.parametrize(
        ("given", "text"),
        [
            ({}, "Username [required] : "),
            ({"username": "bo", "password": PASSWORD}, "Username [min] : 3"),
            ({"username": "b" * 33, "password": PASSWORD}, "Username [max] : 32"),
            ({"username": "bobby"}, "Password [required] : "),
            ({"username": "bobby", "password": "short"}, "Password [min] : 8"),
            ({"username": "bobby", "password": "x" * 251}, "Password [max] : 250"),
        ],
    )
    def test_the_first_rule_that_fails_is_told(self, site, given, text):
        assert is_text(site.anonymous("POST", "/api/auth/login", json=given), 400, text)

    def test_without_a_body_the_first_field_is_missing(self, site):
        found = site.anonymous("POST", "/api/auth/login")
        assert is_text(found, 400, "Username [required] : ")

    @pytest.mark.parametrize(
        ("content", "kind"),
        [("{", "application/json"), ("x", "text/plain"), ("x", None), ("x", "multipart/form-data")],
    )
    def test_what_cannot_be_read_is_malformed(self, site, content, kind):
        headers = {"content-type": kind} if kind else {}
        found = site.anonymous("POST", "/api/auth/login", content=content, headers=headers)
        assert is_text(found, 400)

    def test_guessing_is_slowed_down(self, site):
        wrong = {"username": "bobby", "password": "not the one"}
        answers = [site.anonymous("POST", "/api/auth/login", json=wrong) for _ in range(11)]
        assert is_text(answers[9], 400)
        assert is_text(answers[10], 429, "Too fast")
        assert int(answers[10].headers["retry-after"]) >= 1

    def test_plain_http_is_refused_where_https_is_required(self, site):
        site.set(require_https=True)
        assert is_text(site.anonymous("POST", "/api/auth/login", json=GIVEN), 403)


class TestCheck:
    def test_a_jwt(self, client):
        found = client.get("/api/auth/check")
        assert found.status_code == 200
        assert found.json()["username"] == "bobby"
        assert shape(found.json()) == shape(golden("check_jwt"))

    def test_an_api_key_and_it_is_not_noted(self, site):
        found = site.client.get("/api/auth/check", headers={"authorization": site.key(site.bobby)})
        assert found.json() == {**golden("check_key"), "username": "bobby"}
        assert list(found.json()) == list(golden("check_key"))
        assert site.uses.seen == []

    def test_an_api_key_that_ends(self, site):
        ends = clock.now() + timedelta(days=1)
        key = site.key(site.bobby, expires_at=ends)
        found = site.client.get("/api/auth/check", headers={"authorization": f"Bearer {key}"})
        assert found.json()["exp"] == clock.iso(ends)

    def test_everything_else_is_403_and_empty(self, site):
        assert is_empty(site.anonymous("GET", "/api/auth/check"), 403)
        for token in ("rubbish", "ak_" + "0" * 64, short_jwt(site, site.bobby, left_s=-5)):
            headers = {"authorization": f"Bearer {token}"}
            assert is_empty(site.client.get("/api/auth/check", headers=headers), 403)

    def test_a_login_ends_with_its_account(self, site):
        with site.db.write() as tx:
            users.end_all_sessions(tx, site.bobby.id)
        assert is_empty(site.client.get("/api/auth/check"), 403)


class TestRefresh:
    def test_in_the_last_five_minutes_there_is_a_new_token(self, site):
        token = short_jwt(site, site.bobby, left_s=290)
        found = site.client.get("/api/auth/refresh", headers={"authorization": f"Bearer {token}"})
        assert found.status_code == 200
        assert shape(found.json()) == shape(golden("login"))
        claims = jwt.decode(found.json()["token"], options={"verify_signature": False})
        assert claims["exp"] > clock.now().timestamp() + 6.9 * 86400

    def test_before_that_it_is_too_early(self, client):
        assert is_text(client.get("/api/auth/refresh"), 403)

    def test_without_a_token_it_is_403_and_empty(self, site):
        assert is_empty(site.anonymous("GET", "/api/auth/refresh"), 403)

    def test_what_is_over_or_false_is_403(self, site):
        for token in ("rubbish", short_jwt(site, site.bobby, left_s=-5)):
            headers = {"authorization": f"Bearer {token}"}
            assert is_text(site.client.get("/api/auth/refresh", headers=headers), 403)

    def test_api_keys_are_refused_and_noted(self, site):
        headers = {"authorization": site.key(site.bobby)}
        assert is_text(site.client.get("/api/auth/refresh", headers=headers), 403)
        assert [(method, path) for _, method, path, _ in site.uses.seen] == [
            ("GET", "/api/auth/refresh")
        ]


def test_a_token_of_another_server_or_with_other_claims_opens_nothing(site):
    forged = [
        jwt.encode({"userid": site.alice.id}, "x" * 32, algorithm="HS256"),
        jwt.encode({"userid": site.alice.id}, None, algorithm="none"),
        short_jwt(site, site.bobby, left_s=600, admin="yes"),
        short_jwt(site, site.bobby, left_s=600, sub="1"),
        json.dumps({"userid": 1}),
    ]
    for token in forged:
        headers = {"authorization": f"Bearer {token}"}
        assert is_text(site.client.get("/api/files", headers=headers), 403)
