"""A person at a real browser: what they see, do and wait for; and what must never happen meanwhile."""

import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Frame, Page, Request, Response

Found = TypeVar("Found")

FILM = """() => {
  const video = document.querySelector('video');
  const canvas = document.createElement('canvas');
  canvas.width = 32; canvas.height = 18;
  const paper = canvas.getContext('2d', { willReadFrequently: true });
  let tones = 0;
  if (video.videoWidth) {
    paper.drawImage(video, 0, 0, 32, 18);
    const data = paper.getImageData(0, 0, 32, 18).data;
    tones = new Set(data.filter((_, i) => i % 4 === 1).map((level) => level >> 3)).size;
  }
  return {
    at: video.currentTime, length: video.duration, height: video.videoHeight, paused: video.paused,
    rate: video.playbackRate, frames: video.getVideoPlaybackQuality().totalVideoFrames, tones,
  };
}"""
"""What the player does now; `tones`: how many different greens are in the picture, 1 when it is flat."""

STATES = """() => Object.fromEntries([...document.querySelectorAll('[data-card]')]
  .map((card) => [card.dataset.card, card.dataset.state]))"""


def wait_for(what: str, look: Callable[[], Found | None], timeout_s: float = 60) -> Found:
    """Look until there is something; fails with `what` was waited for."""
    deadline = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {what}"
        time.sleep(0.05)
    return found


class Visitor:
    """One browser window of a person. `problems` gathers what no page of ours may do: errors in the
    console (breaches of the content security policy are such), crashes of scripts, requests to
    anybody else. Answers whose status is in `allowed` are no problem.
    """

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.allowed: set[int] = set()
        self.origins = {url}
        self.problems: list[str] = []
        context.on("request", self._note_request)
        context.on("response", self._note_response)
        context.on("console", self._note_words)
        context.on("weberror", lambda error: self.problems.append(f"script: {error.error}"))
        self.page: Page = context.new_page()

    def _note_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss"):
            origin = f"{parts.scheme}://{parts.netloc}"
            if origin not in self.origins:
                self.problems.append(f"a request left the server: {request.url}")

    def _note_response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.allowed:
            self.problems.append(f"{response.status} for {response.url}")

    def _note_words(self, message: ConsoleMessage) -> None:
        # A bad status is told by _note_response; the console repeats it.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.problems.append(f"console: {message.text}")

    # --- going about ----------------------------------------------------------------------------

    def go(self, path: str) -> None:
        """Open an address of the server."""
        self.page.goto(self.url + path)

    def sign_in(self, name: str, password: str) -> None:
        """Fill in and send the form of the page that is open."""
        self.page.fill("#username", name)
        self.page.fill("#password", password)
        self.page.click("[type=submit]")
        self.page.wait_for_load_state()

    def ask(self, path: str) -> dict[str, Any]:
        """The JSON of an address, with this person's session."""
        answer = self.context.request.get(self.url + path)
        assert answer.ok, (answer.status, path)
        found: dict[str, Any] = answer.json()
        return found

    # --- videos ---------------------------------------------------------------------------------

    def states(self) -> dict[str, str]:
        """uuid -> state of every card on the page."""
        found: dict[str, str] = self.page.evaluate(STATES)
        return found

    def new_card(self, before: dict[str, str]) -> str:
        """The uuid of a card that was not there before."""
        found = wait_for("a new card", lambda: set(self.states()) - set(before))
        (uuid,) = found
        return uuid

    def choose(self, *files: str) -> None:
        """Upload through the button's dialog."""
        with self.page.expect_file_chooser() as dialog:
            self.page.locator("[data-pick-files]").first.click()
        dialog.value.set_files(list(files))

    def wait_playable(self, uuid: str, timeout_s: float = 60) -> None:
        """Until the card on the open page says that the video can be watched."""
        good = ("playable", "ready")
        wait_for(f"{uuid} playable", lambda: self.states().get(uuid) in good, timeout_s)

    def wait_ready(self, uuid: str, timeout_s: float = 120) -> dict[str, Any]:
        """Until everything of a video is made; its card."""

        def look() -> dict[str, Any] | None:
            card = self.ask(f"/video/{uuid}/state")
            assert card["state"] not in ("failed", "damaged"), card
            return card if card["state"] == "ready" else None

        return wait_for(f"{uuid} ready", look, timeout_s)

    # --- the player -----------------------------------------------------------------------------

    def film(self, frame: Frame | None = None) -> dict[str, Any]:
        """See FILM."""
        found: dict[str, Any] = (frame or self.page).evaluate(FILM)
        return found

    def play(self, frame: Frame | None = None) -> None:
        """Press the large button; unless the video started by itself."""
        where = frame or self.page
        where.wait_for_selector("video")
        wait_for(
            "the large button",
            lambda: where.locator("[data-big]").is_visible() or not self.film(frame)["paused"],
        )
        if self.film(frame)["paused"]:
            where.click("[data-big]")

    def wait_playing(
        self, *, frame: Frame | None = None, picture: bool = True, timeout_s: float = 60
    ) -> dict[str, Any]:
        """Until time goes on and, with a picture, different frames are painted."""
        first = self.film(frame)

        def look() -> dict[str, Any] | None:
            now = self.film(frame)
            moves = now["at"] != first["at"] and not now["paused"]
            painted = now["frames"] > first["frames"] + 3 and now["tones"] > 4
            return now if moves and (painted or not picture) else None

        return wait_for(f"playing, not {first}", look, timeout_s)

    def pick(self, menu: str, item: str) -> None:
        """Choose in the player's settings: `pick("Quality", "240p")`."""
        page = self.page
        page.locator("media-controller").hover()
        page.click("#settings-button")
        page.click(f'media-settings-menu-item:has-text("{menu}")')
        kind = {"Quality": "media-rendition-menu", "Speed": "media-playback-rate-menu"}[menu]
        page.locator(f"{kind} media-chrome-menu-item", has_text=item).first.click()
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")

    def seek(self, seconds: float) -> None:
        """Jump, as the bar does."""
        self.page.evaluate("(at) => { document.querySelector('video').currentTime = at; }", seconds)
