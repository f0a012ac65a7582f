"""A panel of other authors is served beside our own pages. Source: the VideoCMS contract, 1.1."""

import base64
import gzip
import hashlib

import pytest

from polyreel.core.options import OptionsCache, set_option
from polyreel.dialects.videocms import PanelApp, RateLimits
from polyreel.dispatch import Apps, dispatch
from polyreel.http.auth import Proxies
from polyreel.http.middleware import Observer, observed
from polyreel.http.packed import packed
from tests.contract.web.people import find

pytestmark = pytest.mark.anyio

INLINE = "window.__NUXT__={config:{}}"
INDEX = (
    '<!doctype html><html><head><script type="module" src="/_nuxt/entry.DfK1a234.js"></script>'
    f"</head><body><div id=__nuxt></div><script>{INLINE}</script></body></html>"
).encode()
SCRIPT = b"export const panel = 'the panel';\n" * 100
PAGES = ["/", "/login", "/my/videos", "/p/terms/", "/videos", "/a/b/c", "/p/v1.0"]
UUID = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def built(tmp_path):
    """A panel as its builder leaves it, with something beside it."""
    root = tmp_path / "panel"
    (root / "_nuxt" / "builds").mkdir(parents=True)
    (root / "about").mkdir()
    (root / "index.html").write_bytes(INDEX)
    (root / "about" / "index.html").write_bytes(b"<p>about")
    (root / "_nuxt" / "entry.DfK1a234.js").write_bytes(SCRIPT)
    (root / "_nuxt" / "builds" / "latest.json").write_bytes(b'{"id":"1"}')
    (root / "logo.svg").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    (root / "app.css").write_bytes(b"a{}" * 1000)
    (root / "app.css.br").write_bytes(b"brotli")
    (root / "video").mkdir()
    (root / "video" / "index.html").write_bytes(b"hidden by ours")
    (tmp_path / "secret.txt").write_bytes(b"secret")
    (root / "out.txt").symlink_to(tmp_path / "secret.txt")
    return root


@pytest.fixture
def open_panel(make_place, built):
    """A server with that panel; `host` is its own name, if any."""
    closing = []

    async def api(scope, receive, send):
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": b"api"})

    def make(host=""):
        place = make_place(panel_dir=str(built), panel_host=host)
        options = OptionsCache(place.tools.db, fresh_s=0)
        closing.append(options)
        panel = PanelApp(built, host, options, RateLimits(options))
        apps = Apps(media=api, uploads=api, videocms=api, web=place.web, panel=panel)
        place.app = observed(packed(dispatch(apps)), Observer(proxies=Proxies("")))
        return place

    yield make
    for options in closing:
        options.close()


@pytest.mark.parametrize("path", PAGES)
async def test_its_start_page_answers_what_nobody_else_does(open_panel, path):
    async with open_panel().browser() as browser:
        found = await browser.get(path)
        assert (found.status_code, found.content) == (200, INDEX)
        assert found.headers["content-type"] == "text/html; charset=utf-8"
        assert found.headers["cache-control"] == "no-cache"
        again = await browser.get(path, headers={"if-none-match": found.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        head = await browser.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(INDEX))


async def test_files_come_with_types_validators_and_what_may_be_kept(open_panel):
    async with open_panel().browser() as browser:
        script = await browser.get("/_nuxt/entry.DfK1a234.js", headers={"accept-encoding": "gzip"})
        assert script.content == SCRIPT
        assert script.headers["content-encoding"] == "gzip"
        assert script.headers["content-type"] == "text/javascript; charset=utf-8"
        assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert script.headers["vary"] == "Accept-Encoding"
        assert script.headers["x-content-type-options"] == "nosniff"
        part = await browser.get(
            "/_nuxt/entry.DfK1a234.js",
            headers={"range": "bytes=0-9", "accept-encoding": "identity"},
        )
        assert (part.status_code, part.content) == (206, SCRIPT[:10])
        latest = await browser.get("/_nuxt/builds/latest.json")
        assert latest.headers["cache-control"] == "no-cache"
        css = await browser.get("/app.css", headers={"accept-encoding": "identity"})
        assert (css.headers["content-type"], len(css.content)) == ("text/css; charset=utf-8", 3000)
        logo = await browser.get("/logo.svg")
        assert logo.headers["content-type"] == "image/svg+xml"
        assert "sandbox" in logo.headers["content-security-policy"]
        assert (await browser.get("/about")).text == "<p>about"


async def test_packed_twins_are_sent_as_they_are(open_panel):
    async with open_panel().browser() as browser:
        request = browser.build_request("GET", "/app.css", headers={"accept-encoding": "br"})
        found = await browser.send(request, stream=True)
        raw = b"".join([piece async for piece in found.aiter_raw()])
        assert raw == b"brotli"
        assert (found.headers["content-encoding"], found.headers["content-length"]) == ("br", "6")


async def test_long_texts_are_packed_once_for_who_wants_it(open_panel, built):
    long = INDEX + b"<!-- " + b"x" * 3000 + b" -->"
    (built / "index.html").write_bytes(long)
    async with open_panel().browser() as browser:
        request = browser.build_request("GET", "/", headers={"accept-encoding": "gzip"})
        found = await browser.send(request, stream=True)
        raw = b"".join([piece async for piece in found.aiter_raw()])
        assert gzip.decompress(raw) == long
        assert found.headers["etag"].endswith('-gz"')


@pytest.mark.parametrize(
    "path",
    [
        "/_nuxt/entry.old12345.js",
        "/_nuxt/none",
        "/none.css",
        "/favicon.ico",
        "/out.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/_nuxt/%2e%2e/%2e%2e/secret.txt",
        "/_nuxt/..%5c..%5csecret.txt",
        "/a%00.js",
    ],
)
async def test_a_file_that_is_none_is_404_and_nothing_leaks(open_panel, path):
    async with open_panel().browser() as browser:
        found = await browser.get(path)
    assert found.status_code == 404
    assert b"secret" not in found.content


@pytest.mark.parametrize("path", ["/../secret.txt", "//secret.txt", "/.env", "/a/../../x"])
async def test_odd_addresses_name_nothing_outside(open_panel, path):
    place = open_panel()
    async with place.browser() as browser:
        found = await browser.get("/", extensions={"target": path.encode()})
    assert b"secret" not in found.content


async def test_apis_player_media_and_our_own_stay_where_they_are(open_panel):
    place = open_panel()
    async with place.browser() as browser:
        for path in ("/api/config", "/api", f"/v/{UUID}/status", f"/videos/qualitys/{UUID}/x"):
            assert (await browser.get(path)).status_code == 418, path
        for path in (f"/v/{UUID}", "/v/none", "/videos/qualitys", "/static/x.js"):
            assert (await browser.get(path)).status_code in (400, 404), path
        assert (await browser.get("/healthz")).text == "ok"
        video = place.add_video("alice")
        assert (await browser.get(f"/v/{video.uuid}")).status_code == 200
        assert (await browser.post("/login", data={})).status_code == 403
        nowhere = await browser.post("/my/videos", data={})
        assert nowhere.status_code == 404


async def test_our_pages_are_at_library(open_panel):
    place = open_panel()
    async with place.browser() as browser:
        asked = await browser.get("/library?folder=5")
        assert asked.headers["location"] == "/library/login?next=/library%3Ffolder%3D5"
        assert (await browser.get("/library")).headers["location"] == "/library/login"
        page = await browser.get("/library/login?next=/library")
        assert page.status_code == 200
        assert 'data-home="/library"' in page.text
        given = {"username": "alice", "password": "correct horse"}
        entered = await browser.post("/login", data={**given, "next": "/"})
        assert (entered.status_code, entered.headers["location"]) == (303, "/library")
    async with place.browser("alice") as alice:
        library = await alice.get("/library")
        assert library.status_code == 200
        assert 'class="brand" href="/library"' in library.text
        made = await alice.post("/folders", json={"name": "Trips"})
        assert made.json()["url"].startswith("/library?folder=")
        inside = await alice.get(made.json()["url"])
        assert inside.status_code == 200
        assert find(r'<a[^>]* href="(/library)">Library', inside.text)
        out = await alice.post("/logout")
        assert out.headers["location"] == "/library/login"
        gone = await alice.get(f"/video/{UUID}")
        assert gone.headers["location"] == f"/library/login?next=/video/{UUID}"


async def test_with_a_host_of_its_own_everything_else_stays(open_panel):
    place = open_panel("panel.test")
    async with place.browser("alice") as ours, place.browser(origin="http://Panel.test:81") as its:
        assert 'data-home="/"' in (await ours.get("/")).text
        assert (await ours.get("/my/videos")).status_code == 404
        assert (await its.get("/")).content == INDEX
        assert (await its.get("/login")).content == INDEX
        assert (await its.get("/api/config")).status_code == 418
        video = place.add_video("alice")
        player = await its.get(f"/v/{video.uuid}")
        script = find(r'src="(/static/[^"]+/player.js)"', player.text)
        assert (await its.get(script)).status_code == 200


async def test_its_own_scripts_run_and_no_others(open_panel):
    place = open_panel()
    async with place.browser() as browser:
        plain = rules_of(await browser.get("/"))
        digest = base64.b64encode(hashlib.sha256(INLINE.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in plain["script-src"]
        assert "'unsafe-inline'" not in plain["script-src"]
        assert "https:" not in plain["script-src"]
        assert plain["frame-ancestors"] == "'none'"
        with place.tools.db.write() as tx:
            set_option(tx, None, "captcha_type", "turnstile")
            set_option(tx, None, "captcha_enabled", True)
        asked = rules_of(await browser.get("/"))
        assert asked["script-src"].endswith(" https://challenges.cloudflare.com")


def rules_of(answer):
    policy = answer.headers["content-security-policy"]
    return dict(rule.split(" ", 1) for rule in policy.split("; "))
