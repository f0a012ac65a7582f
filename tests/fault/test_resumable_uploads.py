"""kill -9 in the middle of a resumable upload: what was acknowledged is there, and it goes on."""

import base64
import hashlib
import http.client
import json
import random
import time

import pytest

from tests.client import NAME, PASSWORD
from tests.server import Server

pytestmark = pytest.mark.fault

MIB = 1 << 20
CHUNK = 3 * MIB
BYTES = {"content-type": "application/offset+octet-stream"}


class Tus:
    """One person's client of a server that may die and come back."""

    def __init__(self, server: Server) -> None:
        self.server = server
        server.add_user(NAME, PASSWORD)
        self.key = server.add_key(NAME, "videocms")

    def ask(self, method, path, body=None, **headers):
        """(status, headers, body); `x_y="z"` becomes the header `x-y: z`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        sent = {"authorization": f"Bearer {self.key}", "tus-resumable": "1.0.0"}
        sent |= {key.replace("_", "-"): value for key, value in headers.items()}
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def create(self, length, **headers):
        name = base64.b64encode(b"film.mp4").decode()
        sent = {"upload_metadata": f"filename {name}", **headers}
        if length is not None:
            sent["upload_length"] = str(length)
        status, found, body = self.ask("POST", "/api/uploads", **sent)
        assert status == 201, (status, body)
        return "/api/uploads/" + found["location"].rsplit("/", 1)[1]

    def patch(self, path, offset, data):
        status, found, body = self.ask("PATCH", path, data, upload_offset=str(offset), **BYTES)
        assert status == 204, (status, body)
        return int(found["upload-offset"])

    def offset(self, path):
        status, found, _ = self.ask("HEAD", path)
        assert status == 200
        return int(found["upload-offset"])

    def begin(self, path, offset, length):
        """A PATCH whose body the caller sends."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        connection.putrequest("PATCH", path)
        sent = {"authorization": f"Bearer {self.key}", "tus-resumable": "1.0.0", **BYTES}
        for key, value in (sent | {"upload-offset": str(offset)}).items():
            connection.putheader(key, value)
        connection.putheader("content-length", str(length))
        connection.endheaders()
        return connection

    def finalize(self, path):
        status, _, body = self.ask("POST", f"{path}/finalize")
        assert status == 200, (status, body)
        return json.loads(body)


def film_of(make_clip, size):
    """A film, and an empty box of random bytes after it."""
    data = make_clip(seconds=4.0, width=320, height=240).read_bytes()
    rest = size - len(data)
    return data + rest.to_bytes(4, "big") + b"free" + random.Random(7).randbytes(rest - 8)


def original(server, uuid):
    query = "SELECT uuid, original_key, sha256 FROM videos JOIN media ON media.id = videos.media_id"
    (row,) = [row for row in server.rows(query) if row["uuid"] == uuid]
    return (server.data_dir / "files" / row["original_key"]).read_bytes(), row["sha256"]


def hashed(server, uuid, timeout_s=30.0):
    deadline = time.monotonic() + timeout_s
    while (found := original(server, uuid)[1]) is None:
        assert time.monotonic() < deadline, "nobody hashed it"
        time.sleep(0.1)
    return found


def test_between_requests_and_in_the_middle_of_one(start_server, make_clip) -> None:
    server = start_server()
    tus, film = Tus(server), film_of(make_clip, 48 * MIB)
    path, offset = tus.create(len(film)), 0
    for _ in range(3):
        acknowledged = tus.patch(path, offset, film[offset : offset + CHUNK])
        connection = tus.begin(path, acknowledged, len(film) - acknowledged)
        # Long enough that a part of what is under way has been made to count.
        for at in range(0, 7):
            connection.send(film[acknowledged + at * MIB : acknowledged + (at + 1) * MIB])
            time.sleep(0.9)
        server.kill()
        connection.close()
        server.start()
        offset = tus.offset(path)
        assert acknowledged <= offset <= acknowledged + 7 * MIB
    assert tus.patch(path, offset, film[offset:]) == len(film)
    link = tus.finalize(path)
    assert original(server, link["UUID"])[0] == film
    assert hashed(server, link["UUID"]) == hashlib.sha256(film).hexdigest()
    assert tus.finalize(path) == link


def test_partials_and_their_final(start_server, make_clip) -> None:
    server = start_server()
    tus, film = Tus(server), film_of(make_clip, 8 * MIB)
    pieces = [film[:CHUNK], film[CHUNK : 2 * CHUNK], film[2 * CHUNK :]]
    paths = [tus.create(len(piece), upload_concat="partial") for piece in pieces]
    for path, piece in zip(paths, pieces, strict=True):
        tus.patch(path, 0, piece[:MIB])
    server.kill()
    server.start()
    for path, piece in zip(paths, pieces, strict=True):
        assert tus.offset(path) == MIB
        tus.patch(path, MIB, piece[MIB:])
    final = tus.create(None, upload_concat="final;" + " ".join(paths))
    server.kill()
    server.start()
    assert tus.offset(final) == len(film)
    link = tus.finalize(final)
    assert original(server, link["UUID"])[0] == film
    assert hashed(server, link["UUID"]) == hashlib.sha256(film).hexdigest()
    query = "SELECT count(*) AS number FROM resumable_uploads WHERE reserved_bytes > 0"
    assert server.rows(query)[0]["number"] == 0
    assert [tus.ask("HEAD", path)[0] for path in paths] == [404] * 3
    said = server.cli("doctor", "--sweep", "--min-age", "0").stdout.strip().splitlines()
    assert said[-1].startswith("0 files without a row removed"), said
