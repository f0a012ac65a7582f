"""Films as one file: chosen on the page, kept by the browser, and played by it as any MP4 is."""

from pathlib import Path

import av
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import FreshCopy
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.e2e

PLAY = """async (address) => {
  const video = document.createElement('video');
  video.muted = true;
  video.src = address;
  const wait = (name) => new Promise((done, failed) => {
    video.addEventListener(name, done, { once: true });
    video.addEventListener('error', () => failed(video.error?.message), { once: true });
  });
  await wait('loadeddata');
  const places = [];
  for (const place of [0.7, 0.2, 0.9]) {
    video.currentTime = video.duration * place;
    await wait('seeked');
    places.push(Math.abs(video.currentTime - video.duration * place) < 0.1 && video.readyState >= 2);
  }
  video.currentTime = 0;
  await wait('seeked');
  await video.play();
  await wait('ended');
  const quality = video.getVideoPlaybackQuality();
  return { length: video.duration, height: video.videoHeight, places, frames: quality.totalVideoFrames };
}"""


def kept(page: Page, name: str, folder: Path) -> Path:
    """What the browser keeps after a click on a link of the menu."""
    with page.expect_download() as download:
        page.get_by_role("link", name=name, exact=True).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_a_film_is_kept_and_played(
    ada: Visitor, bunny: Path, fresh: FreshCopy, tmp_path: Path
) -> None:
    before = ada.states()
    ada.choose(str(fresh(bunny, "Bunny, to keep.mp4")))
    uuid = ada.new_card(before)
    ada.wait_playable(uuid)
    ada.go(f"/video/{uuid}")
    ada.wait_ready(uuid)
    page = ada.page
    # Not loaded again: what became whole meanwhile is offered by itself.
    page.get_by_role("button", name="Download").click()
    expect(page.locator("#downloads [data-download]:visible").first).to_contain_text("720p")
    mp4 = kept(page, "720p as MP4", tmp_path)
    assert mp4.name == "Bunny-to-keep-mp4[720p].mp4"
    mkv = kept(page, "240p as MKV", tmp_path)
    assert mkv.name == "Bunny-to-keep-mp4[240p].mkv"
    for path, height in ((mp4, 720), (mkv, 240)):
        with av.open(str(path)) as container:
            assert container.streams.video[0].height == height
            assert len(container.streams.audio) == 1
    page.keyboard.press("Escape")
    expect(page.locator("#downloads")).to_be_hidden()
    film = page.evaluate(PLAY, f"/videos/qualitys/{uuid}/720p/1/stream/video.mp4")
    assert film["height"] == 720
    assert film["length"] == pytest.approx(5.3, abs=0.4)
    assert film["places"] == [True, True, True]
    assert film["frames"] > 0


def test_the_player_for_everybody_has_a_link(ada: Visitor, bunny: Path, fresh: FreshCopy) -> None:
    before = ada.states()
    ada.choose(str(fresh(bunny, "Bunny, for all.mp4")))
    uuid = ada.new_card(before)
    ada.wait_ready(uuid)
    ada.go(f"/v/{uuid}")
    with ada.page.expect_download() as download:
        ada.page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "Bunny-for-all-mp4[720p].mp4"
