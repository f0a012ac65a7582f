"""Files come in through the page: by the button, by dropping them, several tabs watching."""

import base64
from pathlib import Path

import pytest
from playwright.sync_api import Page, StorageState, expect

from tests.e2e.conftest import FreshCopy, NewVisitor
from tests.e2e.visitor import Visitor, wait_for
from tests.factories.clips import ClipMaker

pytestmark = pytest.mark.e2e

DROPPED = """([text, name]) => {
  const carried = new DataTransfer();
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  carried.items.add(new File([bytes], name, { type: 'video/mp4' }));
  return carried;
}"""


def drop(page: Page, path: Path) -> None:
    """Drag a file over the page and let it go."""
    text = base64.b64encode(path.read_bytes()).decode()
    carried = page.evaluate_handle(DROPPED, [text, path.name])
    page.dispatch_event("body", "dragenter", {"dataTransfer": carried})
    expect(page.locator("[data-drop]")).to_be_visible()
    page.dispatch_event("body", "dragover", {"dataTransfer": carried})
    page.dispatch_event("body", "drop", {"dataTransfer": carried})
    expect(page.locator("[data-drop]")).to_be_hidden()


def test_a_dropped_film_shows_its_way_in_and_plays(
    ada: Visitor, bunny: Path, fresh: FreshCopy
) -> None:
    before = ada.states()
    # A line of 4 Mbit/s upwards: the way in takes some two seconds, and can be watched.
    line = ada.context.new_cdp_session(ada.page)
    line.send("Network.enable")
    speed = {"offline": False, "latency": 1, "downloadThroughput": -1, "uploadThroughput": 500_000}
    line.send("Network.emulateNetworkConditions", speed)
    drop(ada.page, fresh(bunny, "Bunny, dropped.mp4"))
    row = ada.page.locator("[data-tray-list] li")
    expect(row.locator("[data-part=name]")).to_have_text("Bunny, dropped.mp4")
    wait_for("a speed", lambda: "MB/s" in row.inner_text())
    wait_for("some per cent", lambda: " %" in row.locator("[data-part=percent]").inner_text())
    uuid = ada.new_card(before)
    line.send("Network.emulateNetworkConditions", {**speed, "uploadThroughput": -1})
    ada.wait_playable(uuid)
    expect(ada.page.locator("[data-tray-title]")).to_have_text("Uploaded")
    row.locator("[data-part=link]").click()
    ada.page.wait_for_url(f"**/video/{uuid}")
    ada.play()
    assert ada.wait_playing()["height"] > 0


def test_a_chosen_film_appears_in_every_open_tab_without_a_reload(
    ada: Visitor, visit: NewVisitor, session: StorageState, bunny: Path, fresh: FreshCopy
) -> None:
    other = visit(storage_state=session)
    other.go("/")
    before = other.states()
    ada.choose(str(fresh(bunny, "Bunny, chosen.mp4")))
    uuid = other.new_card(before)
    card = other.page.locator(f'[data-card="{uuid}"]')
    expect(card.locator("[data-part=name]")).to_have_text("Bunny, chosen.mp4")
    other.wait_playable(uuid)
    wait_for("its picture", lambda: card.locator("img").evaluate("(img) => img.naturalWidth > 0"))
    wait_for("the end of the work", lambda: other.states()[uuid] == "ready", timeout_s=60)
    expect(card.locator("[data-part=badge]")).to_be_hidden()


def test_a_text_file_named_mp4_fails_with_its_reason(ada: Visitor, make_clip: ClipMaker) -> None:
    before = ada.states()
    ada.choose(str(make_clip.text_named_mp4()))
    uuid = ada.new_card(before)
    wait_for("failure", lambda: ada.states()[uuid] == "failed")
    message = ada.page.locator(f'[data-card="{uuid}"] [data-part=message]')
    expect(message).to_contain_text("text file")
    row = ada.page.locator("[data-tray-list] li")
    expect(row.locator("[data-part=link]")).to_have_text("Details")
    expect(row.locator("[data-part=done]")).to_be_hidden()
    ada.go(f"/video/{uuid}")
    expect(ada.page.locator("[data-wait-title]")).to_have_text("This video cannot be played")
    expect(ada.page.locator("[data-wait-text]")).to_contain_text("text file")


def test_names_are_shown_as_they_are_and_can_be_changed(
    ada: Visitor, make_clip: ClipMaker, fresh: FreshCopy
) -> None:
    before = ada.states()
    name = '<b>"100 %"</b> & Zürich 日本語.mp4'.replace("/", "")
    ada.choose(str(fresh(make_clip(), name)))
    uuid = ada.new_card(before)
    card = ada.page.locator(f'[data-card="{uuid}"]')
    expect(card.locator("[data-part=name]")).to_have_text(name)
    card.locator("[data-card-menu]").click()
    ada.page.click('#card-menu [data-do="rename"]')
    ada.page.fill('#rename-video [name="name"]', "Plain name")
    ada.page.click("#rename-video [type=submit]")
    expect(card.locator("[data-part=name]")).to_have_text("Plain name")
    card.locator("[data-card-menu]").click()
    ada.page.click('#card-menu [data-do="delete"]')
    ada.page.click("#delete-video [type=submit]")
    expect(card).to_have_count(0)


def test_a_folder_is_made_once_and_takes_files(
    ada: Visitor, make_clip: ClipMaker, fresh: FreshCopy
) -> None:
    ada.allowed = {409}
    page = ada.page
    for _ in range(2):
        page.click('[data-open-dialog="new-folder"]')
        page.fill("#folder-name", "Holidays")
        page.click("#new-folder [type=submit]")
        expect(page.locator("[data-folders] .folder-name")).to_contain_text(["Holidays"])
    expect(page.locator("#new-folder [data-error]")).to_contain_text("of this name")
    page.keyboard.press("Escape")
    page.click("[data-folders] >> text=Holidays")
    expect(page.locator("h1")).to_have_text("Holidays")
    ada.choose(str(fresh(make_clip(), "beach.mp4")))
    uuid = ada.new_card({})
    ada.go("/")
    assert uuid not in ada.states()
