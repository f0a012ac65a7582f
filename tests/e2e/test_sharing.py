"""Other people: with the link, inside another site's page, and when it is private."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import FreshCopy, NewVisitor
from tests.e2e.visitor import Visitor, wait_for
from tests.factories.clips import ClipMaker
from tests.server import Server

pytestmark = pytest.mark.e2e


class OtherSite(BaseHTTPRequestHandler):
    """A page of somebody else that frames `?<address>`."""

    def do_GET(self) -> None:
        """Any path."""
        address = self.path.partition("?")[2]
        body = (
            "<!doctype html><link rel='icon' href='data:,'><h1>Another site</h1>"
            f"<iframe src='{address}' width=640 height=360 allow='autoplay; fullscreen'></iframe>"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def other_site() -> Iterator[str]:
    """The origin of another site."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), OtherSite)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def upload(ada: Visitor, clip: object) -> str:
    """The uuid of a new video that can be watched."""
    before = ada.states()
    ada.choose(str(clip))
    uuid = ada.new_card(before)
    ada.wait_playable(uuid)
    return uuid


def test_it_plays_in_a_page_of_another_site(
    ada: Visitor,
    visit: NewVisitor,
    site: Server,
    make_clip: ClipMaker,
    fresh: FreshCopy,
    other_site: str,
) -> None:
    uuid = upload(ada, fresh(make_clip(seconds=6), "embedded.mp4"))
    guest = visit()
    guest.origins.add(other_site)
    guest.page.goto(f"{other_site}/?{site.url}/v/{uuid}")
    frame = wait_for("the frame", lambda: guest.page.main_frame.child_frames)[0]
    guest.play(frame)
    guest.wait_playing(frame=frame)


def test_where_cookies_are_not_sent_it_says_where_to_watch(
    visit: NewVisitor, ada: Visitor, site: Server, make_clip: ClipMaker, other_site: str
) -> None:
    uuid = upload(ada, make_clip(seconds=6))
    # By this name it is not only another origin but another site, and the connection is plain HTTP.
    elsewhere = other_site.replace("127.0.0.1", "localhost")
    guest = visit()
    guest.allowed = {401}
    guest.origins.add(elsewhere)
    guest.page.goto(f"{elsewhere}/?{site.url}/v/{uuid}")
    link = guest.page.frame_locator("iframe").locator("[data-wait] a")
    expect(link).to_have_attribute("href", f"/v/{uuid}")


def test_private_is_for_its_owner_alone(
    ada: Visitor, visit: NewVisitor, make_clip: ClipMaker, fresh: FreshCopy
) -> None:
    uuid = upload(ada, fresh(make_clip(seconds=6), "secret.mp4"))
    guest = visit()
    # Whoever is watching is refused what comes next, and then the page.
    guest.allowed = {401, 404}
    guest.go(f"/v/{uuid}")
    guest.play()
    guest.wait_playing()
    ada.go(f"/video/{uuid}")
    ada.page.select_option("[data-visibility]", "private")
    wait_for("it to be private", lambda: ada.ask(f"/video/{uuid}/state")["visibility"] == "private")
    answer = guest.page.goto(f"{guest.url}/v/{uuid}")
    assert answer is not None
    assert answer.status == 404
    assert guest.page.locator("video").count() == 0
    # The owner's own pages go on.
    ada.page.reload()
    ada.play()
    ada.wait_playing()
