"""What pages hold, and what they forbid the browser."""

import asyncio
import json
import re
from html import unescape

import pytest

from polyreel.core.library import create_folder, update_video
from polyreel.core.options import set_option
from polyreel.core.webhooks import WantedWebhook, create_player_webhook
from tests.contract.web.people import JSON, find

pytestmark = pytest.mark.anyio

PAGES = ["/", "/video/{uuid}", "/v/{uuid}", "/login", "/nothing", "/v/malformed"]
HOSTILE = "<script>alert('x')</script>\" onload=x .mp4"


def policy_of(answer):
    text = answer.headers["content-security-policy"]
    return {name: value.split() for name, _, value in (p.partition(" ") for p in text.split("; "))}


async def open_page(place, path, video):
    name = None if path == "/login" else "alice"
    async with place.browser(name) as browser:
        return await browser.get(path.format(uuid=video.uuid))


@pytest.mark.parametrize("path", PAGES)
async def test_pages_allow_what_they_need_from_here_and_nothing_else(place, path):
    answer = await open_page(place, path, place.add_video("alice"))
    policy = policy_of(answer)
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == ["'self'"]
    assert policy["base-uri"] == ["'none'"]
    assert policy["form-action"] == ["'self'"]
    is_player = path.startswith(("/video", "/v/"))
    assert ("'unsafe-inline'" in policy["style-src"]) == is_player
    framed = path.startswith("/v/")
    assert policy["frame-ancestors"] == (["*"] if framed else ["'none'"])
    assert ("x-frame-options" in answer.headers) != framed
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", PAGES)
async def test_no_page_holds_script_or_style_of_its_own(place, path):
    answer = await open_page(place, path, place.add_video("alice", HOSTILE))
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", answer.text, re.DOTALL)
    assert all("src=" in head and not body.strip() for head, body in scripts)
    assert not re.search(r"<[^>]*\son[a-z]+\s*=", re.sub(r'"[^"]*"', '""', answer.text))
    assert not re.search(r"<style|\sstyle=", answer.text)
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize("path", PAGES)
async def test_everything_a_page_names_is_there_and_may_be_kept(place, path):
    answer = await open_page(place, path, place.add_video("alice"))
    named = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', answer.text))
    assert named
    async with place.browser() as browser:
        for address in named:
            found = await browser.get(address)
            assert found.status_code == 200
            assert "immutable" in found.headers["cache-control"]


@pytest.mark.parametrize("path", ["/v/{uuid}", "/video/{uuid}"])
async def test_a_player_may_call_its_owners_webhooks_and_nobody_else(place, path):
    video = place.add_video("alice")
    wanted = WantedWebhook("Hook", "https://lms.example:8443/x?a='1'&b=\"2\"", 30, "student", "who")
    with place.tools.db.write() as tx:
        create_player_webhook(tx, place.actor("alice"), wanted)
    answer = await open_page(place, path, video)
    assert policy_of(answer)["connect-src"] == ["'self'", "https://lms.example:8443"]
    found = re.search(r'data-webhooks="([^"]*)"', answer.text)
    assert found is not None
    assert json.loads(unescape(found[1])) == [
        {"url": wanted.url, "every_s": 2.0, "query": "student", "field": "who"}
    ]
    theirs = await open_page(place, path, place.add_video("bob", visibility="public"))
    assert theirs.status_code == 200
    assert policy_of(theirs)["connect-src"] == ["'self'"]


async def test_embedding_can_be_switched_off(make_place):
    place = make_place(embed_allowed=False)
    answer = await open_page(place, "/v/{uuid}", place.add_video("alice"))
    assert policy_of(answer)["frame-ancestors"] == ["'none'"]
    assert answer.headers["x-frame-options"] == "DENY"


class TestPlayerPage:
    @pytest.mark.parametrize("origin", ["http://video.test", "https://video.test"])
    async def test_it_hands_out_two_cookies_for_this_video_alone(self, place, origin):
        video = place.add_video("alice")
        async with place.browser(origin=origin) as browser:
            answer = await browser.get(f"/v/{video.uuid}")
        cookies = answer.headers.get_list("set-cookie")
        assert len(cookies) == 2
        parts = [dict(p.partition("=")[::2] for p in c.split("; ")) for c in cookies]
        assert [each["Path"] for each in parts] == [
            f"/videos/qualitys/{video.uuid}",
            f"/{video.uuid}",
        ]
        for each in parts:
            assert each["Max-Age"] == "21600"
            assert {"Expires", "HttpOnly", "vc_media"} <= each.keys()
            is_https = origin.startswith("https")
            assert ("Secure" in each) == ("Partitioned" in each) == is_https
            assert each["SameSite"] == ("None" if is_https else "Lax")

    async def test_it_tells_other_sites_what_it_is(self, make_place):
        place = make_place(base_url="https://video.test")
        video = place.add_video("alice", "A day & a night", poster=b"RIFF")
        with place.tools.db.write() as tx:
            set_option(tx, None, "app_name", "Home films")
        async with place.browser() as browser:
            await browser.get(f"/v/{video.uuid}")
            text = (await browser.get(f"/v/{video.uuid}")).text
        assert "<title>Home films - A day &amp; a night</title>" in text
        wanted = {
            'property="og:title"': "Home films - A day &amp; a night",
            'property="og:image"': f"/videos/qualitys/{video.uuid}/image/thumb/poster.webp",
            'property="og:type"': "video",
            'property="og:url"': f"/v/{video.uuid}",
            'property="og:site_name"': "Home films",
            'property="og:video"': "",
            'name="twitter:card"': "summary_large_image",
        }
        for name, content in wanted.items():
            assert f'<meta {name} content="{content}">' in text

    async def test_any_case_of_the_id_is_the_same_video(self, place):
        video = place.add_video("alice")
        async with place.browser() as browser:
            answer = await browser.get(f"/v/{video.uuid.upper()}")
        assert answer.status_code == 200
        assert f'data-uuid="{video.uuid}"' in answer.text

    async def test_only_public_videos_may_be_listed_by_search_engines(self, place):
        listed = place.add_video("alice", visibility="public")
        hidden = place.add_video("alice")
        async with place.browser() as browser:
            assert "x-robots-tag" not in (await browser.get(f"/v/{listed.uuid}")).headers
            answer = await browser.get(f"/v/{hidden.uuid}")
            assert answer.headers["x-robots-tag"] == "noindex"

    async def test_head_is_answered_without_a_body(self, place):
        video = place.add_video("alice")
        async with place.browser() as browser:
            answer = await browser.head(f"/v/{video.uuid}")
        assert (answer.status_code, answer.content) == (200, b"")


class TestTickets:
    async def test_a_new_visibility_ends_them_for_all_but_its_owner(self, place):
        video = place.add_video("alice")
        master = f"/videos/qualitys/{video.uuid}/stream/multi/master.m3u8"
        async with (
            place.browser() as nobody,
            place.browser("alice") as alice,
            place.browser(app=place.media) as media,
        ):

            async def status_with(ticket):
                headers = {"cookie": f"vc_media={ticket}"}
                return (await media.get(master, headers=headers)).status_code

            old = ticket_of(await nobody.get(f"/v/{video.uuid}"))
            # Let in: there only is nothing to play yet.
            assert await status_with(old) == 404
            path = f"/video/{video.uuid}"
            changed = await alice.patch(path, headers=JSON, json={"visibility": "private"})
            assert changed.json()["visibility"] == "private"
            # The design promises it within a second: notices take the time they take.
            for _ in range(50):
                if await status_with(old) == 401:
                    break
                await asyncio.sleep(0.02)
            assert await status_with(old) == 401
            assert await status_with(ticket_of(changed)) == 404
            assert (await nobody.get(f"/v/{video.uuid}")).status_code == 404

    async def test_a_visibility_that_is_none_is_refused(self, place):
        video = place.add_video("alice")
        async with place.browser("alice") as alice:
            path = f"/video/{video.uuid}"
            answer = await alice.patch(path, headers=JSON, json={"visibility": "secret"})
        assert answer.status_code == 400
        assert "private, unlisted or public" in answer.json()["message"]


def ticket_of(answer):
    return find(r"vc_media=([^;]+)", answer.headers["set-cookie"])


class TestLibrary:
    async def test_folders_lead_down_and_back_up(self, place):
        actor = place.actor("alice")
        async with place.browser("alice") as alice:
            top = (await alice.post("/folders", headers=JSON, json={"name": "Trips"})).json()
            inside = {"name": "2026", "parent_id": top["id"]}
            made = await alice.post("/folders", headers=JSON, json=inside)
            assert made.status_code == 201
            below = made.json()
            place.add_video("alice", "peak.mp4", folder_id=below["id"])
            with place.tools.db.write() as tx:
                create_folder(tx, actor, "Empty")
            home = (await alice.get("/")).text
            assert home.index("Empty") < home.index("Trips")
            assert "peak.mp4" not in home
            middle = (await alice.get(top["url"])).text
            assert f'href="{below["url"]}"' in middle
            page = (await alice.get(below["url"])).text
        assert "peak.mp4" in page
        assert f'<a href="{top["url"]}">Trips</a>' in page
        assert '<a href="/">Library</a>' in page

    async def test_old_videos_are_a_page_away(self, place):
        videos = [place.add_video("alice", f"film {n:03}.mp4") for n in range(65)]
        async with place.browser("alice") as alice:
            first = (await alice.get("/")).text
            on = find(r'href="([^"]+)" data-more', first).replace("&amp;", "&")
            second = (await alice.get(on)).text
        assert first.count('data-card="0') == 60
        assert first.index("film 064") < first.index("film 005")
        assert second.count('data-card="0') == 5
        assert "data-more" not in second
        assert len(videos) == 65

    async def test_a_private_poster_comes_by_session(self, place):
        video = place.add_video("alice", poster=b"RIFF____WEBP")
        with place.tools.db.write() as tx:
            update_video(tx, place.actor_in(tx, "alice"), video.uuid, visibility="private")
        async with place.browser("alice") as alice:
            page = (await alice.get("/")).text
            address = find(r'src="(/video/[^"]+poster[^"]+)"', page)
            picture = await alice.get(address)
        assert (picture.content, picture.headers["content-type"]) == (b"RIFF____WEBP", "image/webp")


class TestStatic:
    async def test_types_tags_and_packing(self, place):
        async with place.browser() as browser:
            page = (await browser.get("/login")).text
            script = find(r'src="(/static/[^"]+forms\.js)"', page)
            plain = await browser.get(script, headers={"accept-encoding": "identity"})
            packed = await browser.get(script)
            assert plain.headers["content-type"] == "text/javascript; charset=utf-8"
            assert packed.headers["content-encoding"] == "gzip"
            assert plain.content == packed.content
            assert plain.headers["etag"] != packed.headers["etag"]
            known = {"if-none-match": packed.headers["etag"]}
            again = await browser.get(script, headers=known)
            assert (again.status_code, again.content) == (304, b"")
            head = await browser.head(script)
            assert (head.status_code, head.content) == (200, b"")
            assert int(head.headers["content-length"]) > 0

    async def test_other_versions_are_served_but_not_kept(self, place):
        async with place.browser() as browser:
            for path in ("/static/000000000000/js/api.js", "/static/js/api.js"):
                answer = await browser.get(path)
                assert answer.status_code == 200
                assert answer.headers["cache-control"] == "no-cache"

    @pytest.mark.parametrize(
        "path",
        [
            "/static/x/../front.py",
            "/static/x/%2e%2e/front.py",
            "/static/x/..%2ffront.py",
            "/static//etc/passwd",
            "/static/x//etc/passwd",
            "/static/x/js/",
            "/static/x/js/api.js%00",
            "/static/x/js\\api.js",
        ],
    )
    async def test_nothing_else_is_reachable(self, place, path):
        async with place.browser() as browser:
            assert (await browser.get(path)).status_code == 404

    async def test_health_and_icon_ask_for_nothing(self, place):
        async with place.browser() as browser:
            health = await browser.get("/healthz")
            assert (health.status_code, health.text) == (200, "ok")
            icon = await browser.get("/favicon.ico", follow_redirects=True)
            assert icon.headers["content-type"] == "image/svg+xml"


async def test_a_crash_tells_its_number_and_nothing_else(place, monkeypatch, caplog):
    def broken(*_, **__):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(place.tools.db, "read", broken)
    async with place.browser() as browser:
        for headers in ({}, JSON):
            answer = await browser.get("/", headers={**headers, "cookie": "polyreel=x"})
            assert answer.status_code == 500
            assert "secret detail" not in answer.text
            assert answer.headers["x-request-id"] in answer.text
    assert "secret detail" in caplog.text
