"""The pages of webhooks at a real browser, with a receiver that really listens; by keyboard, on a phone."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import expect
from standardwebhooks.webhooks import Webhook

from tests.e2e.conftest import NAME, PASSWORD, NewVisitor
from tests.e2e.visitor import Visitor, wait_for
from tests.server import Server

pytestmark = pytest.mark.e2e

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
WIDTHS = "() => [document.documentElement.scrollWidth, window.innerWidth]"


class Receiver(ThreadingHTTPServer):
    """Keeps what it is sent; answers `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.seen: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.seen.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(receiver.status)
                self.end_headers()
                self.wfile.write(b"<b>thank you</b>")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    thread = threading.Thread(target=one.serve_forever, args=(0.05,))
    thread.start()
    yield one
    one.shutdown()
    one.server_close()
    thread.join()


@pytest.fixture
def near(tmp_path: Path) -> Iterator[Server]:
    """A server that may send to this machine."""
    with Server(tmp_path / "near", outbound_allow="127.0.0.1") as server:
        server.add_user(NAME, PASSWORD, admin=True)
        yield server


@pytest.fixture
def ada_near(visit: NewVisitor, near: Server) -> Visitor:
    visitor = visit(near.url, color_scheme="dark")
    visitor.go("/login")
    visitor.sign_in(NAME, PASSWORD)
    return visitor


def test_from_the_first_address_to_the_last_delivery(
    ada_near: Visitor, visit: NewVisitor, near: Server, receiver: Receiver
) -> None:
    page = ada_near.page
    # Added by keyboard alone.
    page.focus(".avatar")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Webhooks").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/webhooks")
    page.get_by_role("button", name="Add endpoint").focus()
    page.keyboard.press("Enter")
    page.keyboard.type(f"http://127.0.0.1:{receiver.server_port}/{'x' * 90}")
    page.keyboard.press("Tab")
    page.keyboard.type("<i>Chat</i>")
    page.keyboard.press("Enter")
    secret = page.locator("#hook-secret")
    expect(secret).to_have_value(re.compile("whsec_.{44}"))
    told = secret.input_value()
    page.keyboard.press("Escape")
    expect(secret).to_be_visible()
    page.get_by_role("button", name="I have kept it").press("Enter")
    page.wait_for_url("**/webhooks/1")
    assert told not in page.content()
    # A test arrives, signed with what was told.
    page.get_by_role("button", name="Send test").press("Enter")
    expect(page.get_by_text("Delivered")).to_be_visible(timeout=15_000)
    headers, body = receiver.seen[0]
    assert Webhook(told).verify(body.decode(), headers)["type"] == "webhook.test"
    page.locator("summary").press("Enter")
    expect(page.get_by_text("<b>thank you</b>")).to_be_visible()
    # One that fails is told, and sent again by hand.
    receiver.status = 500
    page.get_by_role("button", name="Send again").press("Enter")
    expect(page.get_by_text("The receiver answered 500.")).to_be_visible(timeout=15_000)
    expect(page.locator(".hook-line .badge")).to_have_text("Failing")
    receiver.status = 200
    page.get_by_role("button", name="Send again").press("Enter")
    wait_for("three of them", lambda: len(receiver.seen) >= 3)
    expect(page.locator(".hook-line .badge")).to_have_text("On", timeout=15_000)
    assert len({headers["webhook-id"] for headers, _ in receiver.seen}) == 1
    # The same at a phone, in the light.
    wishes = {**PHONE, "color_scheme": "light", "storage_state": ada_near.context.storage_state()}
    phone = visit(near.url, **wishes)
    for path in ("/webhooks", "/webhooks/1"):
        phone.go(path)
        wide, screen = phone.page.evaluate(WIDTHS)
        assert wide <= screen, path
    # Off, and gone.
    page.get_by_role("button", name="Switch off").press("Enter")
    expect(page.get_by_role("button", name="Switch on")).to_be_visible()
    expect(page.get_by_role("button", name="Send test")).to_be_disabled()
    page.get_by_role("button", name="Delete").press("Enter")
    page.locator("#ask-first [data-yes]").press("Enter")
    page.wait_for_url("**/webhooks")
    expect(page.get_by_text("Nobody is told yet")).to_be_visible()
