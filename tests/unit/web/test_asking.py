"""How a request wants to be answered."""

import pytest

from polyreel.http.auth import Client
from polyreel.web.asking import is_insecure, read_asking
from polyreel.web.signing import checked_next


def asking(path="/", query=b"", accept=None, method="GET"):
    headers = [(b"accept", accept)] if accept else []
    scope = {"path": path, "query_string": query, "method": method, "headers": headers}
    return read_asking(scope, app_name=lambda: "x", embed_allowed=True)


@pytest.mark.parametrize(
    ("accept", "path", "wants_page"),
    [
        (b"text/html,*/*;q=0.8", "/", True),
        (None, "/", True),
        (b"application/json", "/video/x/state", False),
        (b"text/event-stream", "/events", False),
        (b"*/*", "/upload", False),
    ],
)
def test_people_get_pages_and_scripts_get_json(accept, path, wants_page):
    assert asking(path, accept=accept).wants_page is wants_page


@pytest.mark.parametrize(
    ("path", "query"),
    [("/", b""), ("/", b"folder=3"), ("/video/\u00e9 %", b"a=%2F"), ("/\udcff", b"")],
)
def test_the_address_to_come_back_to_is_one_that_is_allowed(path, query):
    address = asking(path, query).address
    assert address.startswith("/")
    assert checked_next(address) == address


def test_only_what_was_asked_with_get_is_asked_again():
    assert asking("/folders", method="POST").address == ""


@pytest.mark.parametrize(
    ("scheme", "address", "insecure"),
    [
        ("https", "192.168.1.7", False),
        ("http", "192.168.1.7", True),
        ("http", "127.0.0.1", False),
        ("http", "::1", False),
        ("http", "", False),
    ],
)
def test_plain_http_from_elsewhere_is_insecure(scheme, address, insecure):
    client = Client(address=address, scheme=scheme, host="h")
    assert is_insecure(client) is insecure
