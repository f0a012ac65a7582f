"""The calls of VideoCMS's panel, in its order, with its headers and bodies, against a running server.

No browser: what the panel sends and reads is told by the VideoCMS contract, in 0.1, 10.10 and each chapter.
"""

import base64
import os
import struct
import time
import uuid
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.factories.clips import ClipMaker
from tests.server import Server

pytestmark = pytest.mark.e2e

NAME, PASSWORD = "admin", "correct horse battery"
MIB = 1 << 20
PART_BYTES = 64 * MIB
AT_ONCE = 4
MASK = "********"
BYTES = "application/offset+octet-stream"
LINK_KEYS = {"ID", "CreatedAt", "UpdatedAt", "DeletedAt", "UUID", "Name", "ParentFolderID", "Tags"}


def png(width: int, height: int) -> bytes:
    """A picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    rows = (b"\0" + bytes((0, 128, 128)) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


class Panel:
    """One tab with the panel in it."""

    def __init__(self, server: Server) -> None:
        self.client = httpx.Client(base_url=server.url, timeout=60)
        self.client.headers["origin"] = server.url
        self.config = self.get("/api/config")

    def login(self, password: str) -> httpx.Response:
        """The form, sent as FormData."""
        return self.client.post("/api/auth/login", files=form(username=NAME, password=password))

    def get(self, path: str, **query: object) -> Any:
        """The JSON of a list or thing."""
        found = self.client.get(path, params={key: str(each) for key, each in query.items()})
        assert found.status_code == 200, (path, found.text)
        assert found.headers["content-type"] == "application/json"
        return found.json()

    def send(self, method: str, path: str, **body: Any) -> httpx.Response:
        """A call with a body, which DELETE has too."""
        return self.client.request(method, path, **body)

    def upload(self, film: Path, folder_id: int) -> dict[str, Any]:
        """A file as the panel sends it: in parallel partials where it is longer than two chunks."""
        size, chunk = film.stat().st_size, self.config["MaxUploadChunkSize"]
        words = {
            "filename": film.name,
            "parent_folder_id": str(folder_id),
            "client_upload_uuid": str(uuid.uuid4()),
        }
        text = ",".join(
            f"{key} {base64.b64encode(each.encode()).decode()}" for key, each in words.items()
        )
        if size <= 2 * chunk:
            path = self.piece(film, 0, size, {"Upload-Metadata": text})
        else:
            part = max(PART_BYTES, 4 * chunk if chunk < 16 * MIB else PART_BYTES, size // 128)
            fields = {"Upload-Metadata": text, "Upload-Concat": "partial"}
            starts = range(0, size, part)
            with ThreadPoolExecutor(AT_ONCE) as pool:
                paths = list(
                    pool.map(lambda at: self.piece(film, at, min(part, size - at), fields), starts)
                )
            assert len(paths) == AT_ONCE
            assert self.get("/api/uploads/sessions") == []
            concat = "final;" + " ".join(paths)
            path = self.created({"Upload-Metadata": text, "Upload-Concat": concat})
        (session,) = self.get("/api/uploads/sessions")
        assert (session["Size"], session["Offset"], session["Status"]) == (size, size, "uploaded")
        first, again = (self.client.post(f"{path}/finalize") for _ in range(2))
        assert (first.status_code, first.json()) == (200, again.json())
        assert self.get("/api/uploads/sessions") == []
        return dict(first.json())

    def piece(self, film: Path, start: int, length: int, fields: dict[str, str]) -> str:
        """One tus upload of a stretch of the file, chunk by chunk; its address."""
        path = self.created({"Upload-Length": str(length), **fields})
        head = self.client.head(path, headers={"Tus-Resumable": "1.0.0"})
        assert (head.status_code, head.headers["upload-offset"]) == (200, "0")
        with film.open("rb") as file:
            for offset in range(0, length, self.config["MaxUploadChunkSize"]):
                file.seek(start + offset)
                size = min(self.config["MaxUploadChunkSize"], length - offset)
                sent = {
                    "Tus-Resumable": "1.0.0",
                    "Upload-Offset": str(offset),
                    "Content-Type": BYTES,
                }
                found = self.client.patch(path, headers=sent, content=file.read(size))
                assert (found.status_code, found.headers["upload-offset"]) == (
                    204,
                    str(offset + size),
                )
        return path

    def created(self, fields: dict[str, str]) -> str:
        """The address of a new upload."""
        found = self.client.post("/api/uploads", headers={"Tus-Resumable": "1.0.0", **fields})
        assert found.status_code == 201, found.text
        assert found.headers["tus-resumable"] == "1.0.0"
        return found.headers["location"]


def form(**fields: object) -> dict[str, tuple[None, str]]:
    """FormData: a multipart body without files."""
    return {name: (None, str(each)) for name, each in fields.items()}


def is_empty(found: httpx.Response) -> bool:
    """200 with nothing: what the panel takes for done (204 it takes for failed)."""
    return (found.status_code, found.content, found.headers["content-length"]) == (200, b"", "0")


def is_ok(found: httpx.Response) -> bool:
    return (found.status_code, found.text) == (200, "ok") and is_plain(found)


def is_plain(found: httpx.Response) -> bool:
    return found.headers["content-type"].lower() == "text/plain; charset=utf-8"


@pytest.fixture
def panel(start_server) -> Iterator[Panel]:
    server = start_server()
    server.add_user(NAME, PASSWORD, admin=True)
    panel = Panel(server)
    yield panel
    panel.client.close()


@pytest.fixture
def signed_in(panel: Panel) -> Panel:
    refused = panel.login("not the password")
    assert (refused.status_code, is_plain(refused)) == (400, True)
    found = panel.login(PASSWORD)
    assert (found.status_code, set(found.json())) == (200, {"exp", "token"})
    panel.client.headers["authorization"] = f"Bearer {found.json()['token']}"
    assert panel.get("/api/auth/check")["username"] == NAME
    return panel


def grown(clip: Path, film: Path, size: int) -> Path:
    """The clip with a box of anything after it."""
    data = clip.read_bytes()
    rest = size - len(data)
    with film.open("wb") as file:
        file.write(data + rest.to_bytes(4, "big") + b"free" + os.urandom(64))
        file.truncate(size)
    return film


def test_files_from_upload_to_deletion(
    signed_in: Panel, make_clip: ClipMaker, tmp_path: Path
) -> None:
    panel = signed_in
    clip = make_clip(seconds=4.0, width=320, height=240)
    assert panel.get("/api/account")["Files"] == 0
    assert (
        panel.get("/api/folders", ParentFolderID=0)
        == panel.get("/api/files", ParentFolderID=0)
        == []
    )
    made = panel.send("POST", "/api/folder", files=form(name="Films", ParentFolderID=0))
    assert (made.status_code, made.json()["Name"]) == (200, "Films")
    folder_id = made.json()["ID"]

    long = panel.upload(grown(clip, tmp_path / "long.mp4", 3 * PART_BYTES + 10 * MIB), folder_id)
    short = panel.upload(grown(clip, tmp_path / "short.mp4", MIB), folder_id)
    assert set(long) == LINK_KEYS
    assert long["Tags"] is None
    listed = panel.get("/api/files", ParentFolderID=folder_id)
    assert [each["Name"] for each in listed] == ["long.mp4", "short.mp4"]
    shown = polled_until_ready(panel, long["ID"])
    assert (shown["Size"], shown["CustomThumbnail"]) == (3 * PART_BYTES + 10 * MIB, False)

    tag = panel.send("POST", "/api/file/tag", files=form(Name="holiday", LinkId=long["ID"]))
    assert (tag.status_code, tag.json()["Name"]) == (200, "holiday")
    found = panel.get("/api/files/search", Query="LONG")
    assert [each["Name"] for each in found[0]["Tags"]] == ["holiday"]
    gone = panel.send(
        "DELETE", "/api/file/tag", files=form(TagId=tag.json()["ID"], LinkId=long["ID"])
    )
    assert is_empty(gone)

    poster = {
        "thumbnail": ("poster.png", png(64, 36), "image/png"),
        **form(LinkID=long["ID"]),
    }
    assert is_empty(panel.send("PUT", "/api/file/thumbnail", files=poster))
    assert panel.get("/api/file", LinkID=long["ID"])["CustomThumbnail"] is True
    assert is_empty(panel.send("DELETE", f"/api/file/thumbnail?LinkID={long['ID']}"))

    renamed = {"LinkID": short["ID"], "Name": "shorter.mp4"}
    assert is_empty(panel.send("PUT", "/api/file", json=renamed))
    moved = {"ParentFolderID": 0, "FolderIDs": [], "LinkIDs": [short["ID"]]}
    assert is_empty(panel.send("PUT", "/api/move", json=moved))
    both = {"LinkIDs": [{"LinkID": long["ID"]}, {"LinkID": short["ID"]}]}
    twice = {"LinkIDs": [{"LinkID": long["ID"]}, {"LinkID": long["ID"]}]}
    refused = panel.send("DELETE", "/api/files", json=twice)
    assert (refused.status_code, is_plain(refused)) == (400, True)
    assert is_empty(panel.send("DELETE", "/api/files", json=both))
    assert is_empty(
        panel.send("DELETE", "/api/folders", json={"FolderIDs": [{"FolderID": folder_id}]})
    )
    assert (
        panel.get("/api/folders", ParentFolderID=0)
        == panel.get("/api/files", ParentFolderID=0)
        == []
    )


def polled_until_ready(panel: Panel, link_id: object, timeout_s: float = 60) -> dict[str, Any]:
    """What the info pane shows, once a quality is ready; its picture, which needs no cookie."""
    deadline = time.monotonic() + timeout_s
    while True:
        shown: dict[str, Any] = panel.get("/api/file", LinkID=link_id)
        if any(each["Ready"] for each in shown["Qualitys"]):
            break
        assert time.monotonic() < deadline, shown
        assert panel.client.get("/api/encodings").status_code == 200
        time.sleep(0.2)
    while (
        picture := httpx.get(f"{panel.client.base_url}{shown['Thumbnail']}".replace("//v", "/v"))
    ).status_code != 200:
        assert time.monotonic() < deadline, picture
        time.sleep(0.2)
    assert picture.headers["content-type"] == "image/webp"
    page = panel.client.get(f"/v/{shown['UUID']}")
    assert (page.status_code, "vc_media=" in page.headers["set-cookie"]) == (200, True)
    return shown


def test_what_an_administrator_does(signed_in: Panel) -> None:
    panel = signed_in
    read: dict[str, Any] = panel.get("/api/settings")
    rows = {"ID", "CreatedAt", "UpdatedAt", "DeletedAt"}
    assert all(isinstance(each, str) for key, each in read.items() if key not in rows)
    assert (read["JwtSecretKey"], read["JwtMediaSecretKey"]) == (MASK, MASK)
    assert is_ok(panel.send("PUT", "/api/settings", json=read))
    assert panel.get("/api/settings") == read | {
        "UpdatedAt": panel.get("/api/settings")["UpdatedAt"]
    }
    assert panel.get("/api/auth/check")["username"] == NAME
    lacking = {key: each for key, each in read.items() if key != "AppName"}
    refused = panel.send("PUT", "/api/settings", json=lacking)
    assert (refused.status_code, refused.text) == (400, "AppName [required] : ")
    assert is_ok(panel.send("PUT", "/api/settings", json=read | {"AppName": "Kino"}))
    assert panel.get("/api/config")["AppName"] == "Kino"

    page = {"Path": "/terms", "Title": "Terms", "Html": "<p>Be kind.</p>", "ListInFooter": True}
    assert is_ok(panel.send("POST", "/api/page", json=page))
    text = panel.client.get("/api/p/page", params={"path": "/terms/"})
    assert (text.status_code, text.text, is_plain(text)) == (200, "<p>Be kind.</p>", True)
    assert is_plain(panel.client.get("/api/file/example"))

    key = panel.send("POST", "/api/apikey", json={"name": "ci job"})
    assert (key.status_code, set(key.json()) >= {"id", "name", "key"}) == (201, True)
    (row,) = panel.get("/api/apikeys")
    assert {"ID", "CreatedAt", "UserID", "name", "prefix"} <= set(row)
    assert "key" not in row
    assert panel.send("DELETE", f"/api/apikey/{row['ID']}").status_code == 204

    people = panel.get("/api/users", page=1, limit=10)
    assert (set(people), people["meta"]["total"]) == ({"data", "meta"}, 1)
    for path in ("/api/account/traffic", "/api/stats/traffic", "/api/account/upload"):
        points = panel.get(path)["Traffic"]
        assert {frozenset(point) for point in points} == {frozenset({"Timestamp", "Bytes"})}
    assert panel.get("/api/stats/upload/top") == []
    assert panel.client.get("/api/versioncheck").status_code == 200
