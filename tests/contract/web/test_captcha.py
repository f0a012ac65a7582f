"""A captcha before the player. Source: the VideoCMS contract, section 3."""

import asyncio
import dataclasses
from urllib.parse import parse_qs

import jwt
import pytest

from polyreel.core.options import set_option
from polyreel.http.auth import Proxies
from polyreel.http.media import PREFIX
from polyreel.http.middleware import Observer, observed
from polyreel.infra.outbound import Fetched, Unreachable
from polyreel.kit import clock
from polyreel.web import make_app
from tests.contract.web.people import find, text_of
from tests.factories.users import QUICK_PASSWORDS

pytestmark = pytest.mark.anyio

PROVIDERS = {
    "recaptcha": ("g-recaptcha-response", "https://www.google.com/recaptcha/api.js"),
    "hcaptcha": ("h-captcha-response", "https://js.hcaptcha.com/1/api.js"),
    "turnstile": (
        "cf-turnstile-response",
        "https://challenges.cloudflare.com/turnstile/v0/api.js",
    ),
}
FIELD = PROVIDERS["turnstile"][0]
UNKNOWN = "00000000-0000-7000-8000-000000000000"


class Provider:
    """Knows one good token, and notes what it is asked."""

    def __init__(self):
        self.asked = []
        self.is_away = False

    def post(self, url, body, *, headers, limits):
        fields = {name: texts[0] for name, texts in parse_qs(body.decode()).items()}
        self.asked.append((url, fields))
        if self.is_away:
            raise Unreachable
        good = b"true" if fields["response"] == "good" else b"false"
        return Fetched(status=200, headers={}, body=b'{"success":' + good + b"}")


@pytest.fixture
def guarded(place):
    """The server, with a captcha at the player that a provider of ours checks."""
    place.tools = dataclasses.replace(place.tools, outbound=Provider())
    place.web.close()
    place.web = make_app(place.tools, passwords=QUICK_PASSWORDS)
    place.app = observed(place.web, Observer(proxies=Proxies("")))
    switch_on(place, "turnstile")
    return place


def switch_on(place, kind, **more):
    given = {
        "captcha_enabled": True,
        "captcha_at_player": True,
        "captcha_type": kind,
        f"{kind}_private_key": "s3cret",
        f"{kind}_public_key": "the-site",
        **more,
    }
    with place.tools.db.write() as tx:
        for name, value in given.items():
            set_option(tx, None, name, value)


def challenge(uuid):
    return f"/captcha/challenge?uuid={uuid}"


async def solve(browser, uuid, token="good"):
    return await browser.post("/captcha/verify", data={"uuid": uuid, FIELD: token})


async def test_the_player_comes_after_it_and_not_before(guarded):
    video = guarded.add_video("alice")
    async with guarded.browser() as viewer:
        asked = await viewer.get(f"/v/{video.uuid}")
        assert (asked.status_code, asked.headers["location"]) == (303, challenge(video.uuid))
        assert "set-cookie" not in asked.headers
        page = await viewer.get(asked.headers["location"])
        assert page.status_code == 200
        assert 'action="/captcha/verify"' in page.text
        assert find('name="uuid" value="([^"]+)"', page.text) == video.uuid
        solved = await solve(viewer, video.uuid)
        assert (solved.status_code, solved.headers["location"]) == (303, f"/v/{video.uuid}")
        assert guarded.tools.outbound.asked[0][1]["remoteip"] == "192.168.1.7"
        player = await viewer.get(f"/v/{video.uuid}")
        assert player.status_code == 200
        assert "vc_media=" in player.headers["set-cookie"]
        # It is the viewer who has passed, for every video.
        other = guarded.add_video("bob")
        assert (await viewer.get(f"/v/{other.uuid}")).status_code == 200


async def test_without_a_player_there_is_no_media(guarded):
    video = guarded.add_video("alice", poster=b"RIFF____WEBP")
    async with guarded.browser(app=guarded.media) as viewer:
        base = f"{PREFIX}/{video.uuid}"
        assert (await viewer.get(f"{base}/stream/multi/master.m3u8")).status_code == 401
        assert (await viewer.get(f"{base}/image/thumb/poster.webp")).status_code == 200


async def test_the_pass_is_a_jwt_of_twenty_minutes_for_one_address(guarded):
    video = guarded.add_video("alice")
    async with guarded.browser() as viewer:
        line = (await solve(viewer, video.uuid)).headers["set-cookie"]
    name, _, rest = line.partition("=")
    token, *flags = rest.split("; ")
    assert name == "captcha_bypass"
    assert flags == ["Path=/", "Max-Age=1200", "HttpOnly"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims.keys() == {"ip", "exp"}
    assert claims["ip"] == "192.168.1.7"
    assert 1100 < claims["exp"] - clock.epoch_s() <= 1200
    key = guarded.tools.secrets.key("captcha passes")
    over = {**claims, "exp": clock.epoch_s() - 1}
    for cookie, address, wanted in (
        (token, "192.168.1.7", 200),
        (token, "192.168.1.8", 303),
        (token[:-2] + "xx", "192.168.1.7", 303),
        (jwt.encode(over, key, algorithm="HS256"), "192.168.1.7", 303),
        (jwt.encode(claims, "k" * 32, algorithm="HS256"), "192.168.1.7", 303),
        (jwt.encode({"ip": "192.168.1.7"}, key, algorithm="HS256"), "192.168.1.7", 303),
        ("x", "192.168.1.7", 303),
    ):
        async with guarded.browser(address=address) as viewer:
            viewer.cookies.set("captcha_bypass", cookie)
            assert (await viewer.get(f"/v/{video.uuid}")).status_code == wanted, cookie


async def test_over_https_frames_of_other_sites_keep_the_pass(guarded):
    async with guarded.browser(origin="https://video.test") as viewer:
        line = (await solve(viewer, UNKNOWN)).headers["set-cookie"]
    assert line.endswith("; HttpOnly; Secure; SameSite=None; Partitioned")


@pytest.mark.parametrize("token", ["bad", "", "x" * 1501])
async def test_what_is_not_solved_is_the_same_page_again(guarded, token):
    video = guarded.add_video("alice")
    async with guarded.browser() as viewer:
        again = await solve(viewer, video.uuid, token)
        assert again.status_code == 400
        assert "set-cookie" not in again.headers
        assert "The captcha was not solved" in text_of(again)
        assert find('name="uuid" value="([^"]+)"', again.text) == video.uuid
    assert len(guarded.tools.outbound.asked) == (token == "bad")


@pytest.mark.parametrize("sent_as", ["json", "files", "query"])
async def test_its_token_is_found_wherever_clients_put_it(guarded, sent_as):
    fields = {"uuid": UNKNOWN, FIELD: "good"}
    async with guarded.browser() as viewer:
        if sent_as == "json":
            found = await viewer.post("/captcha/verify", json=fields)
        elif sent_as == "files":
            parts = [(name, (None, text)) for name, text in fields.items()]
            found = await viewer.post("/captcha/verify", files=parts)
        else:
            found = await viewer.post(f"/captcha/verify?{FIELD}=good", data={"uuid": UNKNOWN})
    assert (found.status_code, found.headers["location"]) == (303, f"/v/{UNKNOWN}")


@pytest.mark.parametrize("uuid", [None, "", "x", "//evil.test", '"><script>alert(1)</script>'])
async def test_without_a_video_both_lead_to_the_start(guarded, uuid):
    given = {} if uuid is None else {"uuid": uuid}
    async with guarded.browser() as viewer:
        for found in (
            await viewer.get("/captcha/challenge", params=given),
            await viewer.post("/captcha/verify", data={**given, FIELD: "good"}),
        ):
            assert (found.status_code, found.headers["location"]) == (303, "/")
            assert "set-cookie" not in found.headers
    assert guarded.tools.outbound.asked == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{"),
        ("application/json", b"[" * 20_000),
        ("application/json", b'{"uuid":5}'),
        ("application/x-www-form-urlencoded", b"&".join([b"a=b"] * 100)),
        ("multipart/form-data; boundary=x", b"--x\r\n"),
        ("text/xml", b"\xff\xfe"),
    ],
)
async def test_bodies_that_are_none_are_no_crash(guarded, kind, body):
    async with guarded.browser() as viewer:
        headers = {"content-type": kind}
        found = await viewer.post("/captcha/verify", content=body, headers=headers)
    assert (found.status_code, found.headers["location"]) == (303, "/")


@pytest.mark.parametrize("kind", PROVIDERS)
async def test_the_page_lets_in_this_provider_and_nobody_else(guarded, kind):
    switch_on(guarded, kind)
    async with guarded.browser() as viewer:
        page = await viewer.get(challenge(UNKNOWN))
    _, script = PROVIDERS[kind]
    assert find(r'<script src="(https:[^"]+)"', page.text) == script
    assert 'data-sitekey="the-site"' in page.text
    assert "s3cret" not in page.text
    rules = dict(rule.split(" ", 1) for rule in page.headers["content-security-policy"].split("; "))
    assert "'unsafe-inline'" not in rules["script-src"]
    named = {
        source
        for name in ("script-src", "frame-src", "connect-src", "style-src", "img-src")
        for source in rules[name].split()
        if source.startswith("https:")
    }
    marks = {
        "recaptcha": ("google.com", "gstatic.com"),
        "hcaptcha": ("hcaptcha.com",),
        "turnstile": ("challenges.cloudflare.com",),
    }
    assert named
    assert all(any(mark in source for mark in marks[kind]) for source in named)


async def test_owner_and_administrator_are_not_asked_strangers_are(guarded):
    video = guarded.add_video("alice")
    for who, wanted in (("alice", 200), ("root", 200), ("bob", 303)):
        async with guarded.browser(who) as browser:
            for path in (f"/v/{video.uuid}", f"/video/{video.uuid}"):
                found = await browser.get(path)
                assert found.status_code == wanted, (who, path)
                assert ("vc_media" in found.headers.get("set-cookie", "")) == (wanted == 200)


async def test_it_tells_nobody_which_videos_there_are(guarded):
    private = guarded.add_video("alice", visibility="private")
    async with guarded.browser() as viewer:
        assert (await viewer.get(f"/v/{private.uuid}")).status_code == 404
        assert (await viewer.get(f"/v/{UNKNOWN}")).status_code == 404
        assert (await viewer.get("/v/none")).status_code == 400
        assert (await viewer.get(challenge(private.uuid))).status_code == 200
        assert (await viewer.get(challenge(UNKNOWN))).status_code == 200


@pytest.mark.parametrize("name", ["captcha_enabled", "captcha_at_player"])
async def test_switched_off_nobody_is_asked(guarded, name):
    video = guarded.add_video("alice")
    with guarded.tools.db.write() as tx:
        set_option(tx, None, name, False)
    async with guarded.browser() as viewer:
        assert (await viewer.get(f"/v/{video.uuid}")).status_code == 200
        if name == "captcha_enabled":
            found = await viewer.get(challenge(video.uuid))
            assert (found.status_code, found.headers["location"]) == (303, f"/v/{video.uuid}")
            # What is switched off is always passed.
            passed = await solve(viewer, video.uuid, "")
            assert passed.headers["location"] == f"/v/{video.uuid}"
    assert guarded.tools.outbound.asked == []


async def test_a_provider_that_is_away_lets_nobody_in(guarded):
    guarded.tools.outbound.is_away = True
    async with guarded.browser() as viewer:
        found = await solve(viewer, UNKNOWN)
        assert found.status_code == 503
        assert "set-cookie" not in found.headers
        assert "cannot be checked" in text_of(found)
        switch_on(guarded, "turnstile", turnstile_private_key="")
        # The notice of it comes in its own time.
        async with asyncio.timeout(10):
            while (found := await viewer.get(challenge(UNKNOWN))).status_code != 503:
                assert found.status_code == 200
                await asyncio.sleep(0.02)


async def test_who_tries_without_end_waits(guarded):
    async with guarded.browser() as viewer:
        found = [await solve(viewer, UNKNOWN, "bad") for _ in range(21)]
    assert [answer.status_code for answer in found] == [400] * 20 + [429]
    assert int(found[-1].headers["retry-after"]) >= 1
    assert len(guarded.tools.outbound.asked) == 20


async def test_who_need_not_solve_one_may_try_without_end(place):
    async with place.browser() as viewer:
        found = [await solve(viewer, UNKNOWN) for _ in range(25)]
    assert {(answer.status_code, answer.headers["location"]) for answer in found} == {
        (303, f"/v/{UNKNOWN}")
    }


async def test_a_browser_without_fetch_metadata_may_solve_it_too(guarded):
    async with guarded.browser() as viewer:
        del viewer.headers["sec-fetch-site"]
        assert (await solve(viewer, UNKNOWN)).status_code == 303
