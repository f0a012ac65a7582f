"""POST /upload: a file from the library page."""

import httpx
import pytest

from polyreel.core.library import create_folder
from polyreel.core.options import set_option
from polyreel.core.users import update_user
from tests.contract.web.people import JSON

pytestmark = pytest.mark.anyio

FILM = b"not really a film " * 1000


def body(*parts, boundary="b0undary"):
    """A form as browsers write it: (name, filename or None, bytes)."""
    out = b""
    for name, filename, data in parts:
        file = f'; filename="{filename}"' if filename is not None else ""
        head = f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"{file}\r\n\r\n'
        out += head.encode() + data + b"\r\n"
    return out + f"--{boundary}--\r\n".encode()


FORM = {**JSON, "content-type": "multipart/form-data; boundary=b0undary"}


async def send(place, who, *parts, headers=FORM):
    async with place.browser(who) as browser:
        return await browser.post("/upload", headers=headers, content=body(*parts))


def left_behind(place):
    """Files in the data folder's store, temporary ones included."""
    folder = place.tools.settings.files_dir
    return [path.name for path in folder.rglob("*") if path.is_file()]


async def test_a_file_becomes_a_card(place):
    answer = await send(place, "alice", ("folder", None, b""), ("video", "holiday.mp4", FILM))
    assert answer.status_code == 201
    card = answer.json()
    assert card["name"] == "holiday.mp4"
    assert card["state"] == "received"
    assert card["url"] == f"/video/{card['uuid']}"
    assert (card["size_bytes"], card["folder_id"], card["mine"]) == (len(FILM), None, True)
    async with place.browser("alice") as alice:
        assert card["uuid"] in (await alice.get("/")).text
    assert left_behind(place) == ["original"]


async def test_it_lies_in_the_folder_that_was_chosen(place):
    with place.tools.db.write() as tx:
        folder = create_folder(tx, place.actor_in(tx, "alice"), "Trips")
    chosen = str(folder.id).encode()
    answer = await send(place, "alice", ("folder", None, chosen), ("video", "a.mp4", FILM))
    assert answer.json()["folder_id"] == folder.id
    late = await send(place, "alice", ("video", "b.mp4", FILM), ("folder", None, chosen))
    assert late.json()["folder_id"] == folder.id, "whatever the order of the parts"


async def test_the_folder_of_somebody_else_is_like_one_that_is_not(place):
    with place.tools.db.write() as tx:
        folder = create_folder(tx, place.actor_in(tx, "alice"), "Trips")
    answers = [
        await send(place, "bob", ("folder", None, str(chosen).encode()), ("video", "a.mp4", FILM))
        for chosen in (folder.id, folder.id + 1)
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([("folder", None, b"")], 400),
        ([("video", "empty.mp4", b"")], 400),
        ([("video", None, b"text")], 400),
        ([("folder", None, b"x"), ("video", "a.mp4", FILM)], 400),
        ([("folder", None, b"12345"), ("video", "a.mp4", FILM)], 404),
        ([("video", "a.mp4", FILM), ("folder", None, b"12345")], 404),
        ([("video", "a.mp4", FILM), ("video", "b.mp4", FILM)], 400),
    ],
)
async def test_what_cannot_be_is_refused_and_leaves_nothing(place, parts, status):
    answer = await send(place, "alice", *parts)
    assert answer.status_code == status
    assert answer.json()["message"]
    assert left_behind(place) == []


async def test_no_form_is_400(place):
    for kind in ("application/json", "multipart/form-data", "text/plain"):
        headers = {**JSON, "content-type": kind}
        answer = await send(place, "alice", ("video", "a.mp4", FILM), headers=headers)
        assert answer.status_code == 400


async def test_over_the_limit_is_413_with_the_limit_in_it(make_place):
    place = make_place(upload_max_bytes=1000)
    answer = await send(place, "alice", ("video", "a.mp4", FILM))
    assert answer.status_code == 413
    assert "1.0 KB" in answer.json()["message"]
    assert left_behind(place) == []


async def test_over_the_quota_is_413_in_words(place):
    with place.tools.db.write() as tx:
        update_user(tx, place.actor_in(tx, "alice").user_id, {"quota_bytes": 1000})
    answer = await send(place, "alice", ("video", "a.mp4", FILM))
    assert answer.status_code == 413
    assert answer.json()["message"] == "Your storage is full: 0 B of 1.0 KB are in use."


async def test_a_full_disk_is_507(make_place):
    place = make_place(min_free_bytes=2**60)
    answer = await send(place, "alice", ("video", "a.mp4", FILM))
    assert answer.status_code == 507


async def test_uploads_can_be_switched_off(place):
    with place.tools.db.write() as tx:
        set_option(tx, None, "uploads_enabled", False)
    async with place.browser("alice") as alice:
        assert "data-pick-files" not in (await alice.get("/")).text
    assert (await send(place, "alice", ("video", "a.mp4", FILM))).status_code == 403


@pytest.mark.parametrize("who", [None, "alice"])
async def test_who_may_not_is_answered_before_the_body_is_read(place, who):
    """Nobody, and somebody whose browser is on another site's page."""
    given = 0

    async def endless():
        nonlocal given
        while True:
            given += 1
            yield b"x" * 65536

    told = {**FORM, "sec-fetch-site": "cross-site"} if who else FORM
    async with place.browser(who) as browser:
        transport = browser._transport
        request = browser.build_request("POST", "/upload", headers=told, content=endless())
        assert isinstance(transport, httpx.ASGITransport)
        answer = await browser.send(request)
    assert answer.status_code == (403 if who else 401)
    assert given < 300
