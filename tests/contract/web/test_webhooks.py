"""The pages of webhooks: each person their own, secrets once, everything that was sent."""

import json
import re
from html import unescape

import pytest

from polyreel.core.webhooks import EVENT_KINDS
from polyreel.web.webhooks import KIND_WORDS
from tests.contract.web.people import JSON, text_of

pytestmark = pytest.mark.anyio

URL = "https://hooks.example.org/in"
SCRIPTS = [
    ("POST", "/webhooks"),
    ("PUT", "/webhooks/1"),
    ("DELETE", "/webhooks/1"),
    ("POST", "/webhooks/1/secret"),
    ("POST", "/webhooks/1/test"),
    ("POST", "/webhooks/1/deliveries/1"),
]


async def make(browser, **changes):
    answer = await browser.post("/webhooks", headers=JSON, json={"url": URL, **changes})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_every_kind_of_event_has_its_words():
    assert tuple(KIND_WORDS) == EVENT_KINDS


async def test_nobody_is_sent_to_sign_in(place):
    async with place.browser() as nobody:
        for path in ("/webhooks", "/webhooks/1"):
            answer = await nobody.get(path)
            assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={path}")
        for method, path in SCRIPTS:
            assert (await nobody.request(method, path, headers=JSON, json={})).status_code == 401


async def test_a_new_one_tells_its_secret_once(place):
    async with place.browser("alice") as alice:
        assert "Nobody is told yet" in text_of(await alice.get("/webhooks"))
        made = await make(alice, description="<b>Chat</b>", kinds=["video.ready"])
        assert made["secret"].startswith("whsec_")
        pages = [await alice.get(path) for path in ("/webhooks", made["address"])]
        for page in pages:
            assert page.status_code == 200
            assert made["secret"] not in page.text
            assert "&lt;b&gt;Chat&lt;/b&gt;" in page.text
            assert "video.ready" in text_of(page)
        [told] = re.findall(r'data-endpoint="([^"]*)"', pages[1].text)
        assert json.loads(unescape(told))["url"] == URL


async def test_strangers_find_nothing(place):
    async with place.browser("alice") as alice, place.browser("root") as root:
        made = await make(alice)
        await alice.post(f"{made['address']}/test", headers=JSON)
        assert URL not in (await root.get("/webhooks")).text
        for path in (made["address"], f"{made['address']}/deliveries"):
            assert (await root.get(path)).status_code == 404
        for method, path in SCRIPTS[1:]:
            answer = await root.request(method, path, headers=JSON, json={"url": URL})
            assert answer.status_code == 404


async def test_only_administrators_hear_of_everybody(place):
    async with place.browser("alice") as alice, place.browser("root") as root:
        wish = {"url": URL, "is_for_all": True}
        assert (await alice.post("/webhooks", headers=JSON, json=wish)).status_code == 403
        assert 'name="is_for_all"' not in (await alice.get("/webhooks")).text
        made = await make(root, is_for_all=True)
        assert "of everybody" in text_of(await root.get(made["address"]))


async def test_a_test_is_seen_and_sent_again(place):
    async with place.browser("alice") as alice:
        made = await make(alice)
        ordered = (await alice.post(f"{made['address']}/test", headers=JSON)).json()
        log = await alice.get(f"{made['address']}/deliveries")
        assert f'data-delivery="{ordered["id"]}"' in log.text
        assert "webhook.test" in text_of(log)
        assert "Sending" in text_of(log)
        path = f"{made['address']}/deliveries/{ordered['id']}"
        assert (await alice.post(path, headers=JSON)).json() == ordered


async def test_switched_off_it_takes_no_orders(place):
    async with place.browser("alice") as alice:
        made = await make(alice)
        wish = {"url": URL, "is_enabled": False}
        changed = await alice.put(made["address"], headers=JSON, json=wish)
        assert (changed.json()["state_text"], changed.status_code) == ("Off", 200)
        answer = await alice.post(f"{made['address']}/test", headers=JSON)
        assert (answer.status_code, answer.json()["message"]) == (
            409, "The endpoint is switched off.",
        )  # fmt: skip
        assert "Switch on" in text_of(await alice.get(made["address"]))


async def test_a_new_secret_and_the_end(place):
    async with place.browser("alice") as alice:
        made = await make(alice)
        renewed = (await alice.post(f"{made['address']}/secret", headers=JSON)).json()
        assert renewed["secret"] not in ("", made["secret"])
        assert (await alice.request("DELETE", made["address"], headers=JSON)).status_code == 204
        assert (await alice.get(made["address"])).status_code == 404


async def test_older_ones_are_had_page_by_page(place):
    async with place.browser("alice") as alice:
        made = await make(alice)
        for _ in range(52):
            await alice.post(f"{made['address']}/test", headers=JSON)
        seen, path = [], f"{made['address']}/deliveries"
        while path:
            page = (await alice.get(path)).text
            seen += re.findall(r'data-delivery="(\d+)"', page)
            path = unescape(next(iter(re.findall(r'data-url="([^"]+)"', page)), ""))
        assert (len(seen), len(set(seen))) == (52, 52)


async def test_malformed_input_is_said_kindly(place):
    async with place.browser("alice") as alice:
        made = await make(alice)
        for path in ("/webhooks/x", "/webhooks/" + "9" * 30, "/webhooks/-1", "/webhooks/99"):
            assert (await alice.get(path)).status_code == 404
        assert (await alice.get(f"{made['address']}/deliveries?before=x")).status_code == 404
        for body in ("{", "[]", "{}", '{"url": 7}', '{"url": ""}', '{"url": "ftp://x.example/"}',
                     f'{{"url": "{URL}", "kinds": ["x"]}}', f'{{"url": "{URL}\\u0000"}}'):  # fmt: skip
            answer = await alice.post("/webhooks", headers=JSON, content=body)
            assert answer.status_code == 400, body
            assert answer.json()["message"]
