"""A face answers everything in its own voice, and knows who is asking."""

import asyncio
import logging
from dataclasses import dataclass
from typing import cast

import msgspec
import pytest
from litestar import Request, get, post
from litestar.params import JSONBody
from litestar.testing import TestClient

from polyreel.core.users import Actor
from polyreel.http import face
from polyreel.http.auth import Proxies
from polyreel.http.face import AnyActor, Crash, KnownActor, ServerTools, WrongMethod, make_face
from polyreel.http.middleware import Observer, observed
from polyreel.infra.tools import Tools
from polyreel.kit.errors import Busy, Invalid, NotFound, Unauthenticated

ALICE = Actor(user_id=7, username="alice", is_admin=False, via="key")


@dataclass(frozen=True)
class FewTools:
    """As much of Tools as these handlers touch."""

    name: str = "tools"


class Sent(msgspec.Struct):
    count: int


def answer(error):
    headers = {"Content-Type": "text/plain", "X-Kind": type(error).__name__}
    status = {Unauthenticated: 401, NotFound: 404, WrongMethod: 405, Crash: 500, Busy: 429}
    if isinstance(error, WrongMethod):
        headers["Allow"] = ", ".join(error.allowed)
    fields = "|".join(error.fields) if isinstance(error, Invalid) else ""
    return status.get(type(error), 400), headers, f"voice: {error.message} {fields}".encode()


def authenticate(tools, scope):
    given = dict(scope["headers"]).get(b"authorization")
    if given == b"alice":
        return ALICE
    if given:
        raise Unauthenticated("Who?")
    return None


@get("/me", sync_to_thread=True)
def who_am_i(actor: KnownActor, tools: ServerTools, request: Request) -> str:
    assert request.app.state.tools is tools
    return f"{actor.username} {tools.name}"


@get("/maybe", opt={"access": "known"}, sync_to_thread=True)
def who_if_anyone(actor: AnyActor) -> str:
    return actor.username if actor else "nobody"


@get("/open", opt={"access": "anyone"}, sync_to_thread=True)
def open_to_all() -> str:
    return "open"


@get("/crash", sync_to_thread=True)
def crash() -> str:
    raise RuntimeError("secret detail")


@get("/busy", sync_to_thread=True)
def busy() -> str:
    raise Busy("Later.", 3)


@post("/sent", sync_to_thread=True)
def sent(data: JSONBody[Sent]) -> int:
    return data.count


def face_of(**given):
    return make_face(
        "test",
        [who_am_i, who_if_anyone, open_to_all, crash, busy, sent],
        tools=cast(Tools, FewTools()),
        answer=answer,
        authenticate=authenticate,
        **given,
    )


def client_of(**given):
    app = face_of(**given)
    return TestClient(observed(app, Observer(proxies=Proxies(""))), raise_server_exceptions=False)


@pytest.fixture
def alice():
    with client_of() as client:
        client.headers["authorization"] = "alice"
        yield client


@pytest.fixture
def nobody():
    with client_of() as client:
        yield client


def test_a_handler_gets_the_person_and_the_tools(alice):
    assert alice.get("/me").text == "alice tools"


def test_a_route_that_says_nothing_needs_a_person(nobody):
    found = nobody.get("/me")
    assert (found.status_code, found.headers["x-kind"]) == (401, "Unauthenticated")
    assert nobody.get("/me", headers={"authorization": "x"}).text.startswith("voice: Who?")


def test_some_routes_take_anyone(nobody, alice):
    assert nobody.get("/open").text == "open"
    assert nobody.get("/open", headers={"authorization": "x"}).text == "open"
    assert nobody.get("/maybe").text == "nobody"
    assert nobody.get("/maybe", headers={"authorization": "x"}).text == "nobody"
    assert alice.get("/maybe").text == "alice"


def test_an_unknown_path_is_answered_in_the_faces_voice(nobody):
    found = nobody.get("/nowhere")
    assert (found.status_code, found.headers["x-kind"]) == (404, "NotFound")


def test_a_wrong_method_names_the_right_ones(alice):
    found = alice.put("/me")
    assert (found.status_code, found.headers["allow"]) == (405, "GET, HEAD")
    assert found.text.startswith("voice:")


def test_who_must_be_known_first_learns_no_path():
    with client_of(auth_first=True) as client:
        assert client.get("/nowhere").status_code == 401
        assert client.put("/me").status_code == 401
        client.headers["authorization"] = "alice"
        assert client.get("/nowhere").status_code == 404
        assert client.get("/me").text == "alice tools"


def test_a_crash_tells_its_number_and_nothing_else(alice, caplog):
    found = alice.get("/crash")
    assert found.status_code == 500
    assert found.headers["x-request-id"] in found.text
    assert "secret detail" not in found.text
    (record,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert found.headers["x-request-id"] in record.getMessage()
    assert record.exc_info is not None


def test_errors_of_the_core_are_answered(alice):
    found = alice.get("/busy")
    assert (found.status_code, found.text) == (429, "voice: Later. ")


@pytest.mark.parametrize(
    "body",
    ["{", "[]", '{"count": "many"}', "\x00", b'{"a": "\xff"}', "[" * 100_000, '{"a":' * 100_000],
)
def test_a_body_that_does_not_fit_is_invalid(alice, body):
    found = alice.post("/sent", content=body, headers={"content-type": "application/json"})
    assert found.headers["x-kind"] == "Invalid"


async def send_half(path, *, goes_away):
    """The messages of an answer to somebody who goes away, or falls silent, in the middle of a body."""
    sent_back = []
    messages = [{"type": "http.request", "body": b'{"co', "more_body": True}]
    messages += [{"type": "http.disconnect"}] * goes_away

    async def receive():
        return messages.pop(0) if messages else await asyncio.Event().wait()

    async def send(message):
        sent_back.append(message)

    headers = [(b"content-type", b"application/json"), (b"authorization", b"alice")]
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "headers": headers,
        "query_string": b"", "client": ("10.0.0.1", 5), "scheme": "http", "server": ("x", 80),
        "root_path": "", "http_version": "1.1",
    }  # fmt: skip
    await face_of()(scope, receive, send)
    return sent_back


@pytest.mark.parametrize("goes_away", [True, False])
def test_a_body_that_does_not_end_is_no_crash_and_is_not_waited_for(caplog, monkeypatch, goes_away):
    monkeypatch.setattr(face, "BODY_S", 60 if goes_away else 0.05)
    start, *_ = asyncio.run(send_half("/sent", goes_away=goes_away))
    assert (b"x-kind", b"ClientGone") in start["headers"]
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


def test_a_field_that_does_not_fit_is_named(alice):
    assert alice.post("/sent", json={"count": "many"}).text.endswith(" count")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_limit_is_too_large(alice, chunked):
    body = b'{"count": 1}' + b" " * 1024 * 1024
    content = iter([body[:100], body[100:]]) if chunked else body
    found = alice.post("/sent", content=content, headers={"content-type": "application/json"})
    assert found.headers["x-kind"] == "TooLarge"


def test_head_is_get_without_its_body(alice):
    got, headed = alice.get("/me"), alice.head("/me")
    assert headed.status_code == 200
    assert headed.content == b""
    assert headed.headers["content-length"] == got.headers["content-length"]


def test_every_answer_has_the_headers_that_every_answer_has(nobody):
    for path in ("/open", "/nowhere", "/crash"):
        found = nobody.get(path)
        assert found.headers["x-content-type-options"] == "nosniff"
        assert found.headers["referrer-policy"] == "same-origin"
        assert found.headers["cross-origin-resource-policy"] == "same-origin"
        assert len(found.headers["x-request-id"]) == 24


def test_one_line_is_logged_for_a_request_without_its_query(alice, caplog):
    caplog.set_level(logging.INFO, "polyreel.access")
    found = alice.get("/me?token=secret")
    (record,) = [each for each in caplog.records if each.name == "polyreel.access"]
    line = vars(record)
    assert (line["method"], line["path"], line["status"]) == ("GET", "/me", 200)
    assert (line["user_id"], line["bytes"]) == (7, len(found.content))
    assert line["request_id"] == found.headers["x-request-id"]
    assert "secret" not in str(line)


def test_a_path_cannot_break_a_line_of_the_log(alice, caplog):
    caplog.set_level(logging.INFO, "polyreel.access")
    alice.get("/a%0Ab")
    (record,) = [each for each in caplog.records if each.name == "polyreel.access"]
    assert "\n" not in vars(record)["path"]
