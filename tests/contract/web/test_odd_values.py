"""What a browser, or what plays one, may send and no database keeps: refused, never a fault of ours."""

import json

import pytest

from tests.contract.web.people import JSON

pytestmark = pytest.mark.anyio

TEXTS = ["a\0b", "\ud800b", "\ufdfa" * 32, "\ufdfa" * 300, "x" * 5000, "%_\\'"]
NUMBERS = [-(2**63) - 1, -1, 0, 2**31, 2**63, 10**30]


def as_form(**fields):
    """A body as a page's form sends it; half a pair as its three bytes."""
    values = {name: str(value).encode(errors="surrogatepass") for name, value in fields.items()}
    return {"data": values}


def as_json(**fields):
    """A body as a script sends it."""
    return {"content": json.dumps(fields), "headers": {**JSON, "content-type": "application/json"}}


@pytest.mark.parametrize("odd", [*TEXTS, *NUMBERS])
async def test_every_field_of_a_form(place, odd):
    async with place.browser("alice") as browser:
        for path, fields in [
            ("/folders", {"name": odd}),
            ("/folders", {"name": "Films", "folder": odd}),
            ("/folders", {"name": "Films", "parent": odd}),
            ("/folders", {"name": "Films", "parent_id": odd}),
            ("/login", {"name": odd, "password": "wrong horse"}),
            ("/login", {"name": "alice", "password": odd}),
            ("/login", {"name": "alice", "password": "wrong horse", "next": odd}),
            ("/setup", {"token": odd, "name": odd, "password": odd}),
        ]:
            for way in (as_form, as_json):
                found = await browser.post(path, **way(**fields))
                assert found.status_code < 500, (path, fields, found.text)


@pytest.mark.parametrize("odd", TEXTS)
async def test_every_field_of_a_video(place, odd):
    video = place.add_video("alice")
    async with place.browser("alice") as browser:
        for field in ("name", "visibility"):
            found = await browser.patch(f"/video/{video.uuid}", **as_json(**{field: odd}))
            assert found.status_code in (200, 400, 422), (field, found.text)
        assert (await browser.get("/")).status_code == 200


@pytest.mark.parametrize("odd", ["%00", "%ED%A0%80", "%FF", "-1", str(2**31), str(2**63), "9" * 30])
async def test_every_part_of_an_address(place, odd):
    async with place.browser("alice") as browser:
        for path in ("/video/{}", "/video/{}/state", "/video/{}/poster.webp", "/v/{}", "/?folder={}",
                     "/?before={}", "/login?next={}", "/setup?token={}"):  # fmt: skip
            found = await browser.get(path.format(odd))
            assert found.status_code < 500, (path, found.text)
        browser.cookies.set("session", odd)
        assert (await browser.get("/session")).status_code < 500
