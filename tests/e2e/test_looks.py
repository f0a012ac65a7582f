"""Every page in both themes and at the width of a phone; everything can be reached by the keyboard."""

from typing import Any

import pytest
from playwright.sync_api import StorageState

from tests.e2e.conftest import FreshCopy, NewVisitor
from tests.e2e.visitor import Visitor
from tests.factories.clips import ClipMaker

pytestmark = pytest.mark.e2e

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

WIDTHS = "() => [document.documentElement.scrollWidth, window.innerWidth]"
PAPER = "() => getComputedStyle(document.body).backgroundColor"
REACHABLE = """() => [...document.querySelectorAll(
    'a[href], button, input, select, media-play-button, media-time-range')]
  .filter((node) => node.tabIndex >= 0 && !node.disabled && node.checkVisibility({ visibilityProperty: true })
    && !node.closest('[popover]:not(:popover-open), dialog:not([open])'))
  .map((node, i) => (node.dataset.tabtest = String(i)))"""
FOCUSED = """() => {
  const node = document.activeElement;
  const box = node.getBoundingClientRect();
  return { mark: node.dataset.tabtest ?? null, tag: node.tagName, wide: box.width };
}"""


@pytest.fixture
def film(ada: Visitor, make_clip: ClipMaker, fresh: FreshCopy) -> str:
    """The uuid of a video with a name that is too long for any line."""
    before = ada.states()
    name = "Averylongnamewithoutanyspacesinit" * 4 + " and some words.mp4"
    ada.choose(str(fresh(make_clip(seconds=6), name)))
    uuid = ada.new_card(before)
    ada.wait_playable(uuid)
    return uuid


def brightness(colour: str) -> int:
    """Of a CSS `rgb(...)`."""
    numbers = colour[colour.index("(") + 1 : -1].replace(",", " ").split()[:3]
    return int(sum(float(number) for number in numbers) / 3)


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_no_page_is_wider_than_a_phone(
    visit: NewVisitor, session: StorageState, film: str, scheme: str
) -> None:
    wishes: dict[str, Any] = {**PHONE, "color_scheme": scheme}
    guest, owner = visit(**wishes), visit(storage_state=session, **wishes)
    guest.allowed = {404}
    for visitor, path in [
        (guest, "/login"),
        (guest, f"/v/{film}"),
        (guest, "/v/00000000-0000-7000-8000-000000000000"),
        (owner, "/"),
        (owner, f"/video/{film}"),
    ]:
        visitor.go(path)
        wide, screen = visitor.page.evaluate(WIDTHS)
        assert wide <= screen, (path, wide, screen)
        if not path.startswith(f"/v/{film}"):  # the player's own page is always dark
            assert (brightness(visitor.page.evaluate(PAPER)) < 128) == (scheme == "dark"), path


def test_a_chosen_theme_stays(ada: Visitor) -> None:
    page = ada.page
    for choice, is_dark in (("dark", True), ("light", False)):
        page.click(".avatar")
        page.locator(f"[data-theme-switch] label:has(input[value={choice}])").click()
        assert (brightness(page.evaluate(PAPER)) < 128) == is_dark
        page.reload()
        assert (brightness(page.evaluate(PAPER)) < 128) == is_dark


@pytest.mark.parametrize("where", ["library", "video"])
def test_everything_is_reached_by_tab(ada: Visitor, film: str, where: str) -> None:
    if where == "video":
        ada.go(f"/video/{film}")
        ada.page.wait_for_selector("[data-big]", state="visible")
    wanted = set(ada.page.evaluate(REACHABLE))
    assert len(wanted) > 4
    reached = []
    for _ in range(len(wanted) + 25):
        ada.page.keyboard.press("Tab")
        now = ada.page.evaluate(FOCUSED)
        assert now["tag"] == "BODY" or now["wide"] > 0, f"the focus is somewhere unseen: {now}"
        reached.append(now["mark"])
    assert wanted <= set(reached)
