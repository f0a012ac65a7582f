"""Subtitles, steps and another try on a video's page: who may, what is said, what is kept."""

from typing import Any

import pytest

from polyreel.core.library import update_media
from tests.contract.web.people import JSON

pytestmark = pytest.mark.anyio

SRT = b"1\n00:00:00,500 --> 00:00:03,000\nHello\n"
VTT = b"WEBVTT\n\n00:00.500 --> 00:03.000\nHello\n"
ASS = (
    b"[Script Info]\nScriptType: v4.00+\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\n"
    b"Style: Default,Arial,20\n[Events]\nFormat: Layer, Start, End, Style, Text\n"
    b"Dialogue: 0,0:00:00.50,0:00:03.00,Default,Hello\n"
)


@pytest.fixture
def video(place):
    return place.add_video("alice")


async def send(browser, video, data, **fields):
    return await browser.post(
        f"/video/{video.uuid}/subtitles",
        data=fields,
        files={"file": ("words.srt", data)},
        headers=JSON,
    )


async def listed(browser, video):
    return (await browser.get(f"/video/{video.uuid}/subtitles", headers=JSON)).json()


@pytest.mark.parametrize("kind", [SRT, VTT, ASS], ids=["srt", "vtt", "ass"])
@pytest.mark.parametrize("who", ["alice", "root"])
async def test_every_kind_is_added_and_listed(place, video, kind, who):
    async with place.browser(who) as browser:
        made = await send(browser, video, kind, language="de", title="Deutsch")
        assert made.status_code == 201, made.text
        (track,) = await listed(browser, video)
    assert track == made.json()
    assert (track["title"], track["language"], track["state"]) == ("Deutsch", "de", "ready")
    assert (track["brought"], track["styled"]) == (True, kind is ASS)


async def test_one_is_replaced_and_removed(place, video):
    async with place.browser("alice") as alice:
        made = (await send(alice, video, SRT, language="de", title="Deutsch")).json()
        again = await send(alice, video, ASS, replaces=made["id"])
        assert again.json() == {**made, "styled": True}
        path = f"/video/{video.uuid}/subtitles/{made['id']}"
        assert (await alice.delete(path, headers=JSON)).status_code == 204
        assert (await alice.delete(path, headers=JSON)).status_code == 404
        assert (await send(alice, video, SRT, replaces=made["id"])).status_code == 404
        assert await listed(alice, video) == []
    # What no row names goes with the sweep; nothing of an upload is left.
    left = [file.key for file in place.tools.storage.list("subtitles")]
    assert not [key for key in left if "incoming" in key]


@pytest.mark.parametrize(
    ("data", "fields", "sentence"),
    [
        (b"", {}, "Choose a subtitle file."),
        (b"Dear reader", {}, "Only SubRip"),
        (b"#EXTM3U\nfile:///etc/passwd", {}, "Only SubRip"),
        (b"WEBVTT\n", {}, "There are no subtitles in this file"),
        (SRT, {"language": "../x"}, "language tag"),
        (SRT, {"title": "a\0b"}, "printable"),
        (SRT, {"title": "x" * 121}, "at most 120"),
        (bytes(range(256)) * 40, {}, "Only SubRip"),
    ],
)
async def test_what_cannot_be_used_is_said(place, video, data, fields, sentence):
    async with place.browser("alice") as alice:
        answer = await send(alice, video, data, **fields)
        assert answer.status_code == 400
        assert sentence in answer.json()["message"]
        assert await listed(alice, video) == []
    assert not list(place.tools.storage.list("subtitles"))


async def test_a_file_without_end_is_not_read_to_it(place, video):
    async with place.browser("alice") as alice:
        answer = await send(alice, video, SRT + bytes(17 << 20))
    assert answer.status_code == 413
    assert "16 MiB" in answer.json()["message"]
    assert not list(place.tools.storage.list("subtitles"))


async def test_a_form_without_a_file(place, video):
    async with place.browser("alice") as alice:
        path = f"/video/{video.uuid}/subtitles"
        bodies: list[dict[str, Any]] = [{"json": {}}, {"files": {"other": b"x"}}, {"content": b"x"}]
        for given in bodies:
            answer = await alice.post(path, headers=JSON, **given)
            assert answer.status_code == 400, given


@pytest.mark.parametrize(("who", "status"), [(None, 401), ("bob", 404)])
async def test_nobody_else_reads_or_changes_them(place, video, who, status):
    async with place.browser("alice") as alice:
        made = (await send(alice, video, SRT, title="Deutsch")).json()
    path = f"/video/{video.uuid}"
    async with place.browser(who) as other:
        for method, address in [
            ("GET", "/subtitles"),
            ("DELETE", f"/subtitles/{made['id']}"),
            ("GET", "/steps"),
            ("POST", "/retry"),
        ]:
            answer = await other.request(method, path + address, headers=JSON)
            assert answer.status_code == status, (method, address)
        assert (await send(other, video, SRT)).status_code == status
    async with place.browser("alice") as alice:
        assert await listed(alice, video) == [made]


async def test_another_sites_page_sends_nothing(place, video):
    async with place.browser("alice") as alice:
        alice.headers["sec-fetch-site"] = "cross-site"
        for answer in [
            await send(alice, video, SRT),
            await alice.post(f"/video/{video.uuid}/retry", headers=JSON),
        ]:
            assert answer.status_code == 403


async def test_a_failed_video_is_tried_again_and_its_steps_are_told(place):
    video = place.add_video("alice", state="failed", message="This is a text file, not a video.")
    path = f"/video/{video.uuid}"
    async with place.browser("alice") as alice:
        assert 'data-do="retry"' in (await alice.get(path)).text
        card = await alice.post(f"{path}/retry", headers=JSON)
        assert (card.status_code, card.json()["state"]) == (200, "received")
        assert (await alice.post(f"{path}/retry", headers=JSON)).status_code == 409
        (step,) = (await alice.get(f"{path}/steps", headers=JSON)).json()
    assert (step["label"], step["state"]) == ("Look into the file", "queued")
    assert {"waited_s", "ran_s", "cpu_s", "attempts", "expected_s", "command"} <= set(step)


async def test_without_its_original_nothing_is_tried(place):
    video = place.add_video("alice", state="failed")
    with place.tools.db.write() as tx:
        update_media(tx, video.media_id, original_key=None)
    async with place.browser("alice") as alice:
        answer = await alice.post(f"/video/{video.uuid}/retry", headers=JSON)
    assert answer.status_code == 409
    assert "original was not kept" in answer.json()["message"]


async def test_who_may_not_change_it_gets_no_such_sections(place, video):
    async with place.browser("bob") as bob:
        page = (await bob.get(f"/video/{video.uuid}")).text
    assert "data-subtitles" not in page
    assert "data-steps" not in page
