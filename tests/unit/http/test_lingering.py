"""An answer that comes before the body was read is seen by its sender."""

import asyncio

import pytest

from polyreel.http.middleware import lingering

START = {"type": "http.response.start", "status": 401, "headers": []}
END = {"type": "http.response.body", "body": b"no", "more_body": False}


class Wire:
    """A client that would send this many MiB; what happens is noted in its order."""

    def __init__(self, mib, *headers):
        self.left = mib
        self.events = []
        self.scope = {"type": "http", "method": "POST", "headers": [*headers]}

    async def receive(self):
        self.events.append("read")
        self.left -= 1
        return {"type": "http.request", "body": bytes(1024 * 1024), "more_body": self.left > 0}

    async def send(self, message):
        if message["type"] == "http.response.body":
            self.events.append("more" if message["more_body"] else "end")

    def run(self, app):
        async def call():
            await lingering(app)(self.scope, self.receive, self.send)

        asyncio.run(call())
        return self.events


async def refuse(scope, receive, send):
    await send(dict(START))
    await send(dict(END))


async def read_first(scope, receive, send):
    while (await receive())["more_body"]:
        pass
    await refuse(scope, receive, send)


LENGTH = (b"content-length", b"99")
CHUNKED = (b"transfer-encoding", b"chunked")


@pytest.mark.parametrize("how", [LENGTH, CHUNKED])
def test_the_rest_is_read_after_the_answer(how):
    assert Wire(3, how).run(refuse) == ["more", "read", "read", "read", "end"]


def test_of_a_huge_rest_only_a_little_is_read():
    assert Wire(1000, CHUNKED).run(refuse).count("read") == 16


def test_who_asked_first_is_not_made_to_send():
    assert Wire(3, LENGTH, (b"expect", b"100-continue")).run(refuse) == ["end"]


def test_a_body_that_was_read_changes_nothing():
    assert Wire(2, LENGTH).run(read_first) == ["read", "read", "end"]


def test_a_request_without_a_body_changes_nothing():
    assert Wire(3, (b"content-length", b"0")).run(refuse) == ["end"]
