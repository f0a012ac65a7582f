"""The first minutes: the printed link, the first administrator, signing in and out."""

import pytest
from playwright.sync_api import expect

from tests.conftest import ServerStarter
from tests.e2e.conftest import NAME, PASSWORD, NewVisitor

pytestmark = pytest.mark.e2e


def test_the_printed_link_makes_one_administrator_and_then_never_again(
    start_server: ServerStarter, visit: NewVisitor
) -> None:
    server = start_server()
    link = server.setup_link.removeprefix(server.url)
    visitor = visit(server.url)
    visitor.allowed = {400, 403}
    page = visitor.page
    visitor.go(link)
    # The page itself stops a short password; the server does so for those who get past the page.
    page.fill("#username", NAME)
    page.fill("#password", "short")
    page.fill("#password2", "short")
    page.click("[type=submit]")
    assert page.evaluate("() => document.querySelector('#password').validity.valid") is False
    page.evaluate("() => { document.querySelector('form').noValidate = true; }")
    page.click("[type=submit]")
    expect(page.locator("#password-error")).to_contain_text("8 to 250 characters")
    page.fill("#password", PASSWORD)
    page.fill("#password2", PASSWORD)
    page.click("[type=submit]")
    expect(page.locator("[data-empty]")).to_be_visible()
    assert page.url == f"{server.url}/"

    late = visit(server.url)
    late.go(link)
    assert late.page.url == f"{server.url}/login"
    late.sign_in(NAME, PASSWORD)
    assert late.page.url == f"{server.url}/"


def test_a_wrong_token_opens_nothing(start_server: ServerStarter, visit: NewVisitor) -> None:
    visitor = visit(start_server().url)
    visitor.allowed = {403}
    visitor.go("/setup?token=guessed")
    expect(visitor.page.locator("h1")).to_have_text("This link does not open set-up")
    assert visitor.page.locator("form").count() == 0


def test_sign_in_sign_out_and_a_wrong_password(visit: NewVisitor) -> None:
    visitor = visit()
    visitor.allowed = {403}
    page = visitor.page
    visitor.go("/?folder=")
    assert "/login?next=" in page.url
    visitor.sign_in(NAME, "not the password")
    expect(page.locator("[role=alert]")).to_be_visible()
    assert page.input_value("#username") == NAME
    visitor.sign_in(NAME, PASSWORD)
    expect(page.locator("h1")).to_have_text("Library")
    page.click(".avatar")
    page.click("text=Sign out")
    page.wait_for_url("**/login*")
    visitor.go("/")
    assert "/login" in page.url
