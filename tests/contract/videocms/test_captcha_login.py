"""A captcha at the login. Source: the VideoCMS contract, sections 2 and 3.3."""

from urllib.parse import parse_qs

import pytest

from polyreel.core import users
from polyreel.core.options import read_options
from polyreel.infra.outbound import BadAnswer, Fetched, Unreachable
from tests.contract.videocms.site import PASSWORD, golden, is_text, shape

GIVEN = {"username": "bobby", "password": PASSWORD}
PROVIDERS = {
    "recaptcha": ("g-recaptcha-response", "https://www.google.com/recaptcha/api/siteverify"),
    "hcaptcha": ("h-captcha-response", "https://api.hcaptcha.com/siteverify"),
    "turnstile": (
        "cf-turnstile-response",
        "https://challenges.cloudflare.com/turnstile/v0/siteverify",
    ),
}


class Provider:
    """Knows one good token, and notes what it is asked."""

    def __init__(self):
        self.asked = []
        self.answer = None

    def post(self, url, body, *, headers, limits):
        fields = {name: texts[0] for name, texts in parse_qs(body.decode()).items()}
        self.asked.append((url, fields, limits.total_s))
        if isinstance(self.answer, Exception):
            raise self.answer
        good = b"true" if fields["response"] == "good" else b"false"
        body = self.answer or b'{"success":' + good + b',"challenge_ts":"2026"}'
        return Fetched(status=200, headers={}, body=body)


@pytest.fixture
def provider(site):
    site.tools.outbound = Provider()
    return site.tools.outbound


def switch_on(site, kind, *, secret="s3cret", at_login=True):
    site.option("captcha_type", kind)
    site.option(f"{kind}_private_key", secret)
    site.option("captcha_enabled", True)
    site.option("captcha_at_login", at_login)


def login(site, **given):
    return site.anonymous("POST", "/api/auth/login", **given)


@pytest.mark.parametrize("kind", PROVIDERS)
class TestEachProvider:
    @pytest.mark.parametrize("sent_as", ["data", "json", "files"])
    def test_a_solved_one_lets_in(self, site, provider, kind, sent_as):
        switch_on(site, kind)
        field, url = PROVIDERS[kind]
        fields = {**GIVEN, field: "good"}
        if sent_as == "files":
            parts = [(name, (None, text)) for name, text in fields.items()]
            found = login(site, files=parts)
        else:
            found = login(site, **{sent_as: fields})
        assert found.status_code == 200, found.text
        assert shape(found.json()) == shape(golden("login"))
        [(asked, told, seconds)] = provider.asked
        assert (asked, told["secret"], told["response"]) == (url, "s3cret", "good")
        assert seconds == 5

    def test_its_token_may_come_in_the_query(self, site, provider, kind):
        switch_on(site, kind)
        field = PROVIDERS[kind][0]
        found = site.anonymous("POST", f"/api/auth/login?{field}=good", data=GIVEN)
        assert found.status_code == 200

    def test_a_wrong_one_is_400_whatever_the_password(self, site, provider, kind):
        switch_on(site, kind)
        field = PROVIDERS[kind][0]
        texts = set()
        for password in (PASSWORD, "wrong password"):
            found = login(site, data={**GIVEN, "password": password, field: "bad"})
            assert is_text(found, 400)
            texts.add(found.text)
        assert len(texts) == 1

    def test_none_is_400_and_nobody_is_asked(self, site, provider, kind):
        switch_on(site, kind)
        assert is_text(login(site, data=GIVEN), 400)
        others = {one: "good" for name, (one, _) in PROVIDERS.items() if name != kind}
        assert is_text(login(site, data={**GIVEN, **others}), 400)
        assert is_text(login(site, data={**GIVEN, PROVIDERS[kind][0]: "x" * 1501}), 400)
        assert is_text(login(site, json={**GIVEN, PROVIDERS[kind][0]: 5}), 400)
        assert provider.asked == []

    @pytest.mark.parametrize(
        "answer",
        [
            Unreachable("It is away."),
            BadAnswer("There is no such server."),
            b"<html>",
            b"[]",
            b'{"success":"yes"}',
            b"\xff",
        ],
    )
    def test_a_provider_that_does_not_answer_lets_nobody_in(self, site, provider, kind, answer):
        switch_on(site, kind)
        provider.answer = answer
        found = login(site, data={**GIVEN, PROVIDERS[kind][0]: "good"})
        assert found.status_code == 503
        assert "s3cret" not in found.text

    def test_without_a_secret_nobody_gets_in(self, site, provider, kind):
        switch_on(site, kind, secret="")
        assert is_text(login(site, data={**GIVEN, PROVIDERS[kind][0]: "good"}), 503)


@pytest.mark.parametrize(("kind", "told"), [("turnstile", "198.51.100.7"), ("hcaptcha", None)])
def test_one_provider_wants_to_know_who_solved_it(site, provider, kind, told):
    switch_on(site, kind)
    with site.db.read() as tx:
        options = read_options(tx)
    users.check_captcha(provider, options, "good", client_ip="198.51.100.7")
    assert provider.asked[0][1].get("remoteip") == told


def test_on_but_not_at_the_login_nothing_is_asked(site, provider):
    switch_on(site, "hcaptcha", at_login=False)
    assert login(site, data=GIVEN).status_code == 200
    assert provider.asked == []


def test_at_the_login_but_off_nothing_is_asked(site, provider):
    switch_on(site, "hcaptcha")
    site.option("captcha_enabled", False)
    assert login(site, data=GIVEN).status_code == 200
    assert provider.asked == []
