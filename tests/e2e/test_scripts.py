"""Programs instead of people: the Uploads API and the first line of VideoCMS, over a real socket."""

import json
import socket
import time
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import NAME, PASSWORD, FreshCopy
from tests.e2e.visitor import wait_for
from tests.factories.clips import ClipMaker
from tests.server import Server

pytestmark = pytest.mark.e2e

UPLOADS = "/api/client/v1/uploads"


@pytest.fixture
def script(site: Server):
    """An HTTP client with an Uploads key."""
    key = site.add_key(NAME, "uploads")
    assert key.startswith("sk-")
    with httpx.Client(base_url=site.url, headers={"Authorization": f"Bearer {key}"}) as client:
        yield client


def send(client: httpx.Client, path: Path, folder: str = "root") -> httpx.Response:
    """Upload as `curl -F folder=... -F video=@...` does."""
    with path.open("rb") as file:
        return client.post(UPLOADS, data={"folder": folder}, files={"video": (path.name, file)})


def follow(client: httpx.Client, uuid: str) -> list[int]:
    """Every status that was seen, in order, until 6 or 7."""
    seen = [1]

    def look() -> bool:
        status = int(client.get(f"{UPLOADS}/{uuid}").raise_for_status().json()["data"]["status"])
        if status != seen[-1]:
            seen.append(status)
        return status in (6, 7)

    wait_for("an end", look, timeout_s=60)
    return seen


def test_an_upload_goes_through_1_3_6(script: httpx.Client, bunny: Path, fresh: FreshCopy) -> None:
    answer = send(script, fresh(bunny, "by script.mp4"))
    assert answer.status_code == 202
    assert answer.json()["data"]["status"] == 1
    uuid = answer.json()["data"]["id"]
    assert follow(script, uuid) == [1, 3, 6]
    listed = script.get(UPLOADS).json()["data"]
    assert next(one for one in listed if one["id"] == uuid)["filename"] == "by script.mp4"
    assert script.get(f"/v/{uuid}").status_code == 200


def test_a_text_file_ends_in_7(script: httpx.Client, make_clip: ClipMaker) -> None:
    answer = send(script, make_clip.text_named_mp4())
    assert answer.status_code == 202
    assert follow(script, answer.json()["data"]["id"])[-1] == 7


def test_a_folder_that_is_not_there(script: httpx.Client, make_clip: ClipMaker) -> None:
    answer = send(script, make_clip(), folder="root/nowhere")
    assert answer.status_code == 404
    assert answer.json()["message"] == "The specified collection path was not found."


def test_a_bad_key_is_told_before_five_gigabytes_are_sent(site: Server) -> None:
    head = (
        f"POST {UPLOADS} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer sk-wrong\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 5368709120\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as line:
        began = time.monotonic()
        line.sendall(head.encode())
        first = line.recv(4096)
        took = time.monotonic() - began
    assert first.startswith(b"HTTP/1.1 401 ")
    assert took < 2, took


def test_videocms_from_sign_in_to_the_bytes(
    site: Server, make_clip: ClipMaker, fresh: FreshCopy
) -> None:
    with httpx.Client(base_url=site.url) as client:
        assert client.get("/api/files", params={"ParentFolderID": 0}).status_code == 403
        login = client.post("/api/auth/login", json={"username": NAME, "password": PASSWORD})
        client.headers["Authorization"] = f"Bearer {login.raise_for_status().json()['token']}"
        folder = client.post("/api/folder", json={"Name": "by script", "ParentFolderID": 0})
        folder_id = folder.raise_for_status().json()["ID"]
        path = fresh(make_clip(seconds=4), "videocms.mp4")
        with path.open("rb") as file:
            sent = client.post(
                "/api/file/upload",
                data={"Name": path.name, "ParentFolderID": folder_id},
                files={"file": (path.name, file)},
            )
        uuid = sent.raise_for_status().json()["UUID"]
        files = client.get("/api/files", params={"ParentFolderID": folder_id}).json()
        assert [(one["UUID"], one["Name"]) for one in files] == [(uuid, "videocms.mp4")]
        watch_with_cookie(client, uuid)
    assert json.loads(httpx.get(f"{site.url}/v/{uuid}/status").text)


def watch_with_cookie(client: httpx.Client, uuid: str) -> None:
    """The page sets the cookie that the bytes want."""
    master = f"/videos/qualitys/{uuid}/stream/multi/master.m3u8"
    assert httpx.get(str(client.base_url.join(master))).status_code == 401
    page = client.get(f"/v/{uuid}")
    assert page.status_code == 200
    assert uuid in page.text
    wait_for("playable", lambda: client.get(f"/v/{uuid}/status").json()["ready"])
    assert client.get(master).text.startswith("#EXTM3U")
