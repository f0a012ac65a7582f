"""Whatever kind of file came in, it plays in the page; and the player's controls do what they say."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import FreshCopy
from tests.e2e.visitor import Visitor, wait_for
from tests.factories.clips import ClipMaker
from tests.server import Server

pytestmark = pytest.mark.e2e

# The encodes of a film that had not ended when one of its parts began for who sought it.
STILL_WAITING = """
    SELECT usual.id FROM jobs AS usual, jobs AS sought, videos
    WHERE videos.uuid = '{uuid}'
      AND usual.about = 'media_id:' || videos.media_id AND usual.kind = 'media.encode'
      AND sought.about = usual.about AND sought.kind = 'media.sought'
      AND (usual.finished_at IS NULL OR usual.finished_at > sought.started_at)
"""

KINDS: dict[str, dict[str, Any]] = {
    "without sound": {"sound": None, "seconds": 6, "width": 640, "height": 360},
    "moov at the end": {"faststart": False, "seconds": 6, "width": 640, "height": 360},
    "ten bit": {"picture": "hevc", "seconds": 4, "extra": ("-pix_fmt", "yuv420p10le")},
}


def open_new(ada: Visitor, path: Path) -> str:
    """Upload, open as soon as it can be watched, press play; the uuid."""
    before = ada.states()
    ada.choose(str(path))
    uuid = ada.new_card(before)
    ada.wait_playable(uuid)
    ada.go(f"/video/{uuid}")
    ada.play()
    return uuid


@pytest.mark.parametrize("kind", KINDS)
def test_it_plays(ada: Visitor, make_clip: ClipMaker, fresh: FreshCopy, kind: str) -> None:
    clip = make_clip(**KINDS[kind])
    open_new(ada, fresh(clip, f"{kind}.mp4"))
    film = ada.wait_playing()
    assert film["length"] > 3


def test_vp8_plays_while_it_is_encoded(ada: Visitor, rabbit: Path, fresh: FreshCopy) -> None:
    open_new(ada, fresh(rabbit, "rabbit.webm"))
    film = ada.wait_playing()
    assert film["length"] == pytest.approx(8, abs=0.6)


def test_sound_alone_plays(ada: Visitor, make_clip: ClipMaker, fresh: FreshCopy) -> None:
    clip = make_clip(picture=None, sound="mp3", seconds=12, suffix="mp3")
    open_new(ada, fresh(clip, "only sound.mp3"))
    assert ada.wait_playing(picture=False)["length"] == pytest.approx(12, abs=0.6)


def test_a_seek_far_into_what_is_not_encoded_waits_for_nothing_else(
    ada: Visitor, site: Server, make_clip: ClipMaker, tmp_path: Path
) -> None:
    # Ten minutes, small: how soon it is made is `bench_playable`'s; here, that its turn comes at once.
    clip = make_clip(picture="vp8", sound=None, seconds=15, width=256, height=144)
    film = tmp_path / "far.webm"
    make_clip.run("-stream_loop", "39", "-i", str(clip), "-c", "copy", str(film))
    ada.allowed = {503}  # "not yet, ask again" is an answer here
    uuid = open_new(ada, film)
    assert ada.wait_playing()["length"] == pytest.approx(600, abs=0.6)
    ada.seek(500)
    assert ada.wait_playing()["at"] >= 500
    # More than the one that may have been at its end.
    assert len(site.rows(STILL_WAITING.format(uuid=uuid))) > 1
    ada.allowed.add(404)  # its player goes on asking
    ada.page.get_by_role("button", name="Delete").click()
    ada.page.click("#delete-video [type=submit]")
    ada.page.wait_for_url(f"{site.url}/")


def test_quality_speed_and_keyboard(ada: Visitor, bunny: Path, fresh: FreshCopy) -> None:
    uuid = open_new(ada, fresh(bunny, "Bunny, controlled.mp4"))
    card = ada.wait_ready(uuid)
    heights = [rung["height"] for rung in card["renditions"]]
    assert heights[0] == 720
    assert heights[-1] in (240, 360)
    ada.go(f"/video/{uuid}")
    ada.play()
    ada.wait_playing()
    page = ada.page
    page.evaluate("() => { document.querySelector('video').loop = true; }")
    ada.pick("Quality", f"{heights[-1]}p")
    wait_for("the small picture", lambda: ada.film()["height"] == heights[-1])
    ada.wait_playing()
    ada.pick("Quality", "720p")
    wait_for("the large picture", lambda: ada.film()["height"] == 720)
    ada.pick("Speed", "0.5")
    wait_for("half speed", lambda: ada.film()["rate"] == 0.5)
    expect(page.locator("media-pip-button")).to_be_visible()

    page.evaluate("() => document.activeElement.blur()")
    page.keyboard.press("Space")
    wait_for("a pause", lambda: ada.film()["paused"])
    page.keyboard.press("0")
    wait_for("the beginning", lambda: ada.film()["at"] < 0.2)
    page.keyboard.press("ArrowRight")
    wait_for("some seconds further", lambda: ada.film()["at"] > 4)
    page.keyboard.press("ArrowLeft")
    wait_for("back", lambda: ada.film()["at"] < 1)
    page.keyboard.press("m")
    assert page.evaluate("() => document.querySelector('video').muted")
    page.keyboard.press("f")
    wait_for("full screen", lambda: page.evaluate("() => document.fullscreenElement !== null"))
    page.keyboard.press("f")
    wait_for("the page", lambda: page.evaluate("() => document.fullscreenElement === null"))
    page.keyboard.press("?")
    expect(page.locator("[data-keys]")).to_be_visible()


def test_the_place_is_kept_over_a_reload(
    ada: Visitor, make_clip: ClipMaker, fresh: FreshCopy
) -> None:
    open_new(ada, fresh(make_clip(seconds=45), "forty-five seconds.mp4"))
    ada.wait_playing()
    ada.seek(20)
    ada.wait_playing()
    # The place is noted every three seconds of playing.
    wait_for("going on", lambda: ada.film()["at"] > 20.5)
    ada.page.reload()
    wait_for("the same place", lambda: 19 < ada.film()["at"] < 25)
    expect(ada.page.locator("[data-chip]")).to_contain_text("Continuing at 0:2")
    ada.page.click("[data-chip-do]")
    wait_for("the beginning", lambda: ada.film()["at"] < 1)
