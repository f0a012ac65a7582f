"""Every route, as nobody, a stranger, the owner and an administrator."""

import re

import pytest

from polyreel.core.library import create_folder
from polyreel.web.routes import ANYONE, PAGES
from tests.contract.web.people import JSON, PAGE

pytestmark = pytest.mark.anyio

NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture(params=["unlisted", "private"])
def video(request, place):
    """A video of alice's."""
    return place.add_video("alice", visibility=request.param, poster=b"RIFF____WEBP")


def test_who_may_come_unknown_is_one_list():
    by_opt = {
        path
        for handler in PAGES
        for path in handler.paths
        if handler.opt.get("access", "login") != "login"
    }
    assert by_opt == {
        "/setup",
        "/login",
        "/logout",
        "/v/{uuid:str}",
        "/p/{path:path}",
        "/captcha/challenge",
        "/captcha/verify",
        "/api/docs",
        "/api/openapi.json",
    }
    assert {re.sub(":[a-z]+", "", path) for path in by_opt} < ANYONE


@pytest.mark.parametrize("path", ["/", "/?folder=1", "/video/{uuid}", "/video/{uuid}/state"])
async def test_nobody_is_sent_to_sign_in_and_back(place, video, path):
    path = path.format(uuid=video.uuid)
    async with place.browser() as nobody:
        answer = await nobody.get(path)
        assert answer.status_code == 303
        where = answer.headers["location"]
        assert where == "/login" if path == "/" else where.startswith("/login?next=/")
        page = await nobody.get(where)
        assert page.status_code == 200
        assert f'name="next" value="{path}"' in page.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/session"),
        ("GET", "/events"),
        ("POST", "/upload"),
        ("POST", "/folders"),
        ("GET", "/video/{uuid}/state"),
        ("GET", "/video/{uuid}/poster.webp"),
        ("PATCH", "/video/{uuid}"),
        ("DELETE", "/video/{uuid}"),
    ],
)
async def test_scripts_of_nobody_get_401(place, video, method, path):
    async with place.browser() as nobody:
        answer = await nobody.request(method, path.format(uuid=video.uuid), headers=JSON, json={})
    assert answer.status_code == 401
    assert answer.json()["message"]


@pytest.mark.parametrize(
    ("who", "seen"), [("alice", 200), ("root", 200), ("bob", {"unlisted": 200, "private": 404})]
)
@pytest.mark.parametrize(
    "path", ["/video/{uuid}", "/video/{uuid}/state", "/video/{uuid}/poster.webp", "/v/{uuid}"]
)
async def test_private_is_hidden_from_strangers(place, video, who, seen, path):
    wanted = seen if isinstance(seen, int) else seen[video.visibility]
    async with place.browser(who) as browser:
        answer = await browser.get(path.format(uuid=video.uuid))
        missing = await browser.get(path.format(uuid=NOBODY))
    assert answer.status_code == wanted
    assert missing.status_code == 404
    if wanted == 404:
        assert answer.text == missing.text.replace(NOBODY, video.uuid)


async def test_nobody_plays_unlisted_and_not_private(place, video):
    async with place.browser() as nobody:
        answer = await nobody.get(f"/v/{video.uuid}")
    assert answer.status_code == (200 if video.visibility == "unlisted" else 404)
    assert ("set-cookie" in answer.headers) == (video.visibility == "unlisted")


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_strangers_change_nothing(place, video, method):
    async with place.browser("bob") as bob:
        path = f"/video/{video.uuid}"
        answer = await bob.request(method, path, headers=JSON, json={"name": "x"})
    assert answer.status_code == 404
    async with place.browser("alice") as alice:
        state = (await alice.get(f"/video/{video.uuid}/state")).json()
    assert state["name"] == "holiday.mp4"


@pytest.mark.parametrize("who", ["alice", "root"])
async def test_owner_and_administrator_rename_and_delete(place, video, who):
    path = f"/video/{video.uuid}"
    async with place.browser(who) as browser:
        renamed = await browser.patch(path, headers=JSON, json={"name": " Our holiday "})
        assert renamed.json()["name"] == "Our holiday"
        assert renamed.json()["mine"] is True
        gone = await browser.request("DELETE", path, headers=JSON)
        assert (gone.status_code, gone.content) == (204, b"")
        assert (await browser.request("DELETE", path, headers=JSON)).status_code == 404
        assert (await browser.get(path)).status_code == 404


async def test_a_stranger_of_an_unlisted_video_gets_no_buttons(place):
    video = place.add_video("alice")
    async with place.browser("bob") as bob:
        page = (await bob.get(f"/video/{video.uuid}")).text
        state = (await bob.get(f"/video/{video.uuid}/state")).json()
    assert 'data-do="delete"' not in page
    assert "data-visibility" not in page
    assert f'data-status="/v/{video.uuid}/status"' in page, "events tell owners only"
    assert (state["mine"], state["folder_id"]) == (False, -1)


async def test_folders_of_others_do_not_exist(place):
    with place.tools.db.write() as tx:
        folder = create_folder(tx, place.actor_in(tx, "alice"), "Trips")
    place.add_video("alice", "peak.mp4", folder_id=folder.id)
    async with place.browser("bob") as bob, place.browser("root") as root:
        assert (await bob.get(f"/?folder={folder.id}")).status_code == 404
        inside = {"name": "mine now", "parent_id": folder.id}
        assert (await bob.post("/folders", headers=JSON, json=inside)).status_code == 404
        assert "peak.mp4" in (await root.get(f"/?folder={folder.id}")).text


@pytest.mark.parametrize("path", ["/nothing", "/video/x/y/z", "/static/js/nothing.js", "/static/"])
async def test_unknown_addresses_are_404_for_everybody(place, path):
    async with place.browser() as nobody, place.browser("alice") as alice:
        for browser in (nobody, alice):
            answer = await browser.get(path)
            assert answer.status_code == 404
            assert "Not here" in answer.text


async def test_wrong_methods_say_what_is_possible(place):
    async with place.browser("alice") as alice:
        for path, allowed in [("/upload", "POST"), ("/events", "GET"), ("/logout", "POST")]:
            answer = await alice.put(path)
            assert answer.status_code == 405
            assert allowed in answer.headers["allow"]


async def test_malformed_input_is_said_kindly(place):
    async with place.browser("alice") as alice:
        assert (await alice.get("/?folder=x")).status_code == 404
        assert (await alice.get("/?before=9" + "9" * 30)).status_code == 404
        assert (await alice.get("/v/not-a-uuid", headers=PAGE)).status_code == 400
        assert (await alice.get("/video/not-a-uuid")).status_code == 404
        beyond = '{"name": "x", "parent_id": 9223372036854775808}'
        for body in ("{", "[]", '{"name": 7}', '{"name": ""}', '{"name": "a\\u0000b"}', beyond):
            answer = await alice.post("/folders", headers=JSON, content=body)
            assert answer.status_code == 400, body
            assert answer.json()["message"]
