"""tus-js-client, which VideoCMS's panel and many pages upload with, against a running server.

Source: the VideoCMS contract, section 23, line 4. Needs node and npm; where the client cannot be had
the tests are skipped, and say so.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.factories.clips import ClipMaker
from tests.node import NodeMissing, installed
from tests.server import Server

pytestmark = pytest.mark.e2e

MIB = 1 << 20
SIZE = 12 * MIB
PASSWORD = "correct horse battery"
SCRIPT = """\
import fs from "node:fs";
import * as tus from "tus-js-client";

const { url, key, film, mode } = JSON.parse(process.argv[2]);
const headers = { Authorization: `Bearer ${key}` };
const metadata = { filename: "film.mp4", client_upload_uuid: crypto.randomUUID() };
const size = fs.statSync(film).size;
const usual = { endpoint: `${url}/api/uploads`, headers, metadata, chunkSize: 1 << 20, retryDelays: Array(100).fill(100) };
const say = (what) => console.log(JSON.stringify(what));

function send(options) {
  return new Promise((done, failed) => {
    const upload = new tus.Upload(fs.createReadStream(film), { ...usual, onError: failed, onSuccess: () => done(upload), ...options });
    options.started?.(upload, done);
    upload.start();
  });
}

let upload;
try {
  if (mode === "single") upload = await send({});
  if (mode === "parallel") upload = await send({ parallelUploads: 4, metadataForPartialUploads: metadata });
  if (mode === "told once") upload = await send({ parallelUploads: 4 });
  if (mode === "abort") {
    const cut = await send({ started: (one, done) => { one.options.onProgress = (sent) => { if (sent > size / 3 && !one.cut) { one.cut = true; one.abort().then(() => done(one)); } }; } });
    upload = await send({ uploadUrl: cut.url });
    say({ resumed: cut.url === upload.url });
  }
  if (mode === "kill") {
    let told = false;
    // A server takes its time to come back where others want the processor, too.
    upload = await send({ retryDelays: Array(900).fill(100), onShouldRetry: () => true, onProgress: (sent) => { if (sent > size / 3 && !told) { told = true; say({ at: sent }); } } });
  }
} catch (error) {
  say({ status: error.originalResponse?.getStatus(), text: error.originalResponse?.getBody() ?? String(error) });
  process.exit();
}
const answers = [];
for (let n = 0; n < 2; n++) {
  const found = await fetch(`${upload.url}/finalize`, { method: "POST", headers });
  answers.push({ status: found.status, link: await found.json() });
}
say({ answers });
"""


@pytest.fixture(scope="module")
def home() -> Path:
    try:
        folder = installed("tus-js-client", "tus-js-client@4")
    except NodeMissing as missing:
        pytest.skip(str(missing))
    (folder / "send.mjs").write_text(SCRIPT)
    return folder


@pytest.fixture
def film(make_clip: ClipMaker, tmp_path: Path) -> Path:
    """A film with a box of anything after it, long enough for a dozen chunks."""
    path = tmp_path / "film.mp4"
    data = make_clip(seconds=4.0, width=320, height=240).read_bytes()
    rest = SIZE - len(data)
    # Every byte of it tells where it belongs; and no server has had it.
    filling = b"".join(number.to_bytes(8, "big") for number in range(rest // 8))
    whole = data + rest.to_bytes(4, "big") + b"free" + filling
    path.write_bytes(whole[: SIZE - 16] + os.urandom(16))
    return path


class Script:
    """The client, as a process of its own."""

    def __init__(self, home: Path, server: Server, key: str, film: Path, mode: str) -> None:
        told = {"url": server.url, "key": key, "film": str(film), "mode": mode}
        self._process = subprocess.Popen(
            [str(shutil.which("node")), str(home / "send.mjs"), json.dumps(told)],
            cwd=home,
            stdout=subprocess.PIPE,
            text=True,
        )

    def says(self) -> dict[str, Any]:
        """The next line."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the client ended with {self._process.wait()}"
        return dict(json.loads(line))

    def end(self) -> None:
        """Wait until it has ended well."""
        with self._process:
            assert self._process.wait(30) == 0


def stored(server: Server, uuid: str) -> bytes:
    query = "SELECT uuid, original_key FROM videos JOIN media ON media.id = videos.media_id"
    (key,) = [row["original_key"] for row in server.rows(query) if row["uuid"] == uuid]
    return Path(server.data_dir, "files", str(key)).read_bytes()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("tus-js") / "data") as made:
        made.add_user("ada", PASSWORD, admin=True)
        yield made


@pytest.fixture
def limited(start_server: Any) -> Server:
    """One that holds nothing."""
    made: Server = start_server()
    made.add_user("ada", PASSWORD, admin=True)
    return made


@pytest.mark.parametrize("mode", ["single", "parallel", "told once", "abort", "kill"])
def test_all_of_it_arrives_and_is_one_video(home, server, film, mode) -> None:
    script = Script(home, server, server.add_key("ada", "videocms"), film, mode)
    said = script.says()
    if mode == "kill":
        assert 0 < said["at"] < SIZE
        server.kill()
        # It is refused for a while.
        time.sleep(0.5)
        server.start()
        said = script.says()
    if mode == "abort":
        assert said == {"resumed": True}
        said = script.says()
    script.end()
    assert "answers" in said, said
    first, again = said["answers"]
    assert first == again
    assert (first["status"], first["link"]["Name"]) == (200, "film.mp4")
    assert stored(server, first["link"]["UUID"]) == film.read_bytes()
    assert server.rows("SELECT sum(reserved_bytes) AS held FROM resumable_uploads")[0]["held"] == 0


@pytest.mark.parametrize("mode", ["single", "parallel"])
def test_a_full_quota_is_refused_in_the_words_the_panel_reads(home, limited, film, mode) -> None:
    with httpx.Client(base_url=limited.url) as admin:
        given = {"username": "ada", "password": PASSWORD}
        token = admin.post("/api/auth/login", json=given).json()["token"]
        admin.headers["authorization"] = f"Bearer {token}"
        account = admin.get("/api/users").json()["data"][0]
        changed = {"storage": MIB, "admin": True}
        assert admin.put(f"/api/users/{account['ID']}", json=changed).status_code == 200
    script = Script(home, limited, limited.add_key("ada", "videocms"), film, mode)
    said = script.says()
    script.end()
    assert said["status"] == 403
    assert said["text"].startswith("ERR_QUOTA_EXCEEDED: ")
    assert f"storage quota exceeded: 0/{MIB} bytes used" in said["text"]
