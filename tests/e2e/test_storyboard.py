"""Small pictures over the time range, for a mouse and for keys; also after the stream was opened anew."""

import itertools
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import FreshCopy
from tests.e2e.visitor import Visitor, wait_for
from tests.factories.clips import ClipMaker

pytestmark = pytest.mark.e2e

PREVIEW = """() => {
  const thumbnail = document.querySelector('media-preview-thumbnail');
  const image = thumbnail.shadowRoot.querySelector('img');
  const box = thumbnail.getBoundingClientRect();
  return {
    coords: thumbnail.getAttribute('mediapreviewcoords'), source: thumbnail.getAttribute('mediapreviewimage'),
    loaded: image.complete && image.naturalWidth > 0, wide: box.width, high: box.height,
    seen: getComputedStyle(thumbnail.parentElement).visibility === 'visible' && box.width > 40,
  };
}"""
CUES = """() => [...document.querySelector('video').textTracks]
  .filter((track) => track.label === 'thumbnails')[0]?.cues?.length ?? 0"""
HAS_ALL = """async () => {
  const { readLevels } = await import('/static/js/player-session.js');
  const offered = await readLevels(document.querySelector('[data-player]').dataset.master);
  const video = document.querySelector('video');
  const names = (levels) => [...levels].map(({ height, bitrate }) => `${height} ${bitrate}`).sort().join();
  return names(offered) === names(video.videoRenditions) && video.readyState > 1 && !video.seeking;
}"""
"""Whether the stream that is open, of a film that stands still, is the newest: it is not opened anew any more."""
WATCH_STILL = """() => {
  const still = document.querySelector('[data-seek]'), video = document.querySelector('video');
  window.still = new Promise((done) => new MutationObserver(() => {
    if (!still.checkVisibility()) return;
    done({ place: getComputedStyle(still).backgroundPosition, at: video.currentTime });
  }).observe(still, { attributes: true }));
}"""
"""`still` will be what is shown where keys have led: for less than a second, so the page itself looks."""


def point(visitor: Visitor, share: float, before: list[dict[str, str]]) -> dict[str, str]:
    """Point at a place of the time range until a picture shows. The hand is not quite still: while the stream
    is opened anew there is no time to point at, and who comes just then is shown something when they move.
    """
    box = visitor.page.locator("media-time-range").bounding_box()
    assert box is not None
    x, y = box["x"] + 10 + (box["width"] - 20) * share, box["y"] + box["height"] / 2
    steps = itertools.cycle((0, 1))

    def look() -> dict[str, Any] | None:
        visitor.page.mouse.move(x, y + next(steps))
        return _shown(visitor.page.evaluate(PREVIEW), before)

    return wait_for("a picture", look)


def test_a_moment_is_shown_before_it_is_chosen(
    ada: Visitor, make_clip: ClipMaker, fresh: FreshCopy
) -> None:
    clip = make_clip(seconds=60, width=640, height=360)
    before = ada.states()
    ada.choose(str(fresh(clip, "a minute of test picture.mp4")))
    uuid = ada.new_card(before)
    ada.wait_playable(uuid)
    ada.go(f"/video/{uuid}")
    ada.play()
    ada.wait_playing()
    page = ada.page
    # It comes while the page is open.
    assert wait_for("the storyboard", lambda: page.evaluate(CUES)) == 30
    seen: list[dict[str, str]] = []
    for share in (0.25, 0.75):
        seen.append(point(ada, share, seen))
    assert seen[0]["coords"] == "1120 0 160 90"
    assert seen[1]["source"] == seen[0]["source"].split("#")[0] + "#xywh=1600,90,160,90"
    # The stream is opened anew when qualities were added: the pictures stay.
    ada.wait_ready(uuid)
    page.evaluate("() => document.querySelector('video').pause()")
    # The server is ready before the page has heard of it.
    wait_for("the newest stream", lambda: page.evaluate(HAS_ALL))
    point(ada, 0.5, seen)
    # Where keys lead the picture is shown, too, while the film's own is on its way.
    page.mouse.move(5, 5)
    page.evaluate(WATCH_STILL)
    page.keyboard.press("ArrowRight")
    still = page.evaluate("window.still")
    tile = int(still["at"] // 2)
    assert still["place"] == f"-{tile % 12 * 160}px {-90 if tile > 11 else 0}px"
    expect(page.locator("[data-seek]")).to_be_hidden()


def _shown(preview: dict[str, Any], before: list[dict[str, str]]) -> dict[str, Any] | None:
    is_new = not before or preview["coords"] != before[-1]["coords"]
    return preview if preview["seen"] and preview["loaded"] and is_new else None
