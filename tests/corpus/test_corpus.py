"""Every file that people have, and many that nobody should: a real server takes them all."""

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.client import Client
from tests.corpus.broken import BROKEN
from tests.corpus.codecs import CODECS, NAMES
from tests.corpus.foreign import FOREIGN
from tests.corpus.oddity import Oddity
from tests.corpus.shapes import SHAPES
from tests.corpus.tracks import TRACKS
from tests.factories.clips import ClipMaker
from tests.server import Server

pytestmark = pytest.mark.slow

ALL = (*FOREIGN, *BROKEN, *SHAPES, *TRACKS, *CODECS, *NAMES)
ENDS = ("ready", "damaged", "failed")
EACH_S, TOGETHER_S = 60.0, 480.0
MOST_RSS = 1_500_000_000


@dataclass
class Ending:
    """How one file ended: its media's row, its renditions, and how long that took."""

    state: str
    message: str
    took_s: float
    media: Mapping[str, Any] = field(default_factory=dict)
    renditions: Sequence[Mapping[str, Any]] = ()
    subtitles: int = 0


class Watcher(threading.Thread):
    """The most memory that any one program started by the server held."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.most = 0
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.25):
            for process in self.server.processes():
                with suppress(psutil.Error):
                    self.most = max(self.most, process.memory_info().rss)


@pytest.fixture(scope="module")
def endings(
    tmp_path_factory: pytest.TempPathFactory, ffmpeg_exe: str
) -> Iterator[dict[str, Ending]]:
    """Make them all, send them all, wait for them all; then delete them, and sweep."""
    folder = tmp_path_factory.mktemp("corpus")
    ffmpeg = ClipMaker(folder, ffmpeg_exe)
    began = time.monotonic()
    paths = {item.title: folder / f"{number}.{item.suffix}" for number, item in enumerate(ALL)}
    for item in ALL:
        item.make(ffmpeg, paths[item.title])
    print(f"\n\n{len(ALL)} files made in {time.monotonic() - began:.0f} s")
    with Server(folder / "data") as server, Client(server) as client:
        watcher = Watcher(server)
        watcher.start()
        began = time.monotonic()
        found = _send_all(server, client, paths)
        together_s = time.monotonic() - began
        watcher.ended.set()
        watcher.join()
        _print(found, together_s, watcher.most)
        client.close()
        for uuid in [row["uuid"] for row in server.rows("SELECT uuid FROM videos")]:
            client.delete(uuid)
        swept = server.cli("doctor", "--sweep", "--min-age", "0").stdout
        again = server.cli("doctor", "--sweep", "--min-age", "0").stdout
        found["together"] = Ending(swept + again, str(watcher.most), together_s)
        yield found


def _send_all(server: Server, client: Client, paths: Mapping[str, Path]) -> dict[str, Ending]:
    sent: dict[str, str] = {}
    refused: dict[str, Ending] = {}
    for item in ALL:
        name = item.sent_as.replace('"', "%22").replace("\n", "%0A")
        data = paths[item.title].read_bytes()
        connection = client.begin(len(data), name)
        connection.send(data + client.closing())
        answer = connection.getresponse()
        said = json.loads(answer.read())
        if answer.status == 422:
            refused[item.title] = Ending("failed", said["message"], 0.0)
        else:
            assert answer.status == 202, said
            sent[item.title] = said["data"]["id"]
    return refused | _wait(server, sent)


def _wait(server: Server, sent: Mapping[str, str]) -> dict[str, Ending]:
    """The work that each took is counted from its first job to its last; waiting is for the others."""
    deadline = time.monotonic() + TOGETHER_S
    while True:
        rows = server.rows(
            "SELECT v.uuid, m.* FROM videos v JOIN media m ON m.id = v.media_id ORDER BY v.id"
        )
        by_uuid = {row["uuid"]: row for row in rows}
        busy = server.rows(
            "SELECT id FROM jobs WHERE state IN ('queued', 'running') AND kind LIKE 'media.%'"
        )
        open_ones = [one for one, uuid in sent.items() if by_uuid[uuid]["state"] not in ENDS]
        if (not open_ones and not busy) or time.monotonic() > deadline:
            break
        time.sleep(0.25)
    renditions = server.rows("SELECT * FROM renditions ORDER BY media_id, position")
    texts = server.rows(
        "SELECT media_id FROM subtitles WHERE state = 'ready' AND kind = 'subtitles'"
    )
    jobs = server.rows("SELECT args, started_at, finished_at FROM jobs")
    endings = {}
    for title, uuid in sent.items():
        media = by_uuid[uuid]
        own = [row for row in renditions if row["media_id"] == media["id"]]
        took = _seconds_of_work(jobs, media["id"])
        subtitles = sum(row["media_id"] == media["id"] for row in texts)
        endings[title] = Ending(media["state"], media["message"] or "", took, media, own, subtitles)
    return endings


def _seconds_of_work(jobs: Sequence[Mapping[str, Any]], media_id: int) -> float:
    total = 0.0
    for job in jobs:
        args = job["args"] if isinstance(job["args"], dict) else json.loads(job["args"])
        if args.get("media_id") == media_id and job["started_at"] and job["finished_at"]:
            total += (job["finished_at"] - job["started_at"]) / 1e6
    return total


def _print(found: Mapping[str, Ending], together_s: float, most: int) -> None:
    for item in ALL:
        end = found[item.title]
        made = " ".join(
            f"{row['name'] if row['kind'] == 'video' else 'sound'}{'' if row['mode'] == 'encode' else '='}"
            f"{'' if row['state'] == 'ready' else '!'}"
            for row in end.renditions
        )
        print(f"  {item.title:26} {end.state:9} {end.took_s:5.1f} s  {made:44.44} {end.message}")
    print(f"  together {together_s:.0f} s, largest child {most / 1e6:.0f} MB", flush=True)


@pytest.mark.parametrize("item", ALL, ids=lambda item: item.title)
def test_it_ends_as_a_sensible_person_expects(item: Oddity, endings: dict[str, Ending]) -> None:
    end = endings[item.title]
    assert end.state in item.state.split("|"), end
    assert end.took_s < EACH_S
    if item.says:
        assert item.says in end.message, end.message
    if end.state == "ready":
        assert not end.message
    pictures = [row for row in end.renditions if row["kind"] == "video"]
    if item.pictures is not None:
        assert [row["name"] for row in pictures] == list(item.pictures)
    if item.size is not None:
        assert (pictures[0]["width"], pictures[0]["height"]) == item.size
    if item.sounds is not None:
        assert sum(row["kind"] == "audio" for row in end.renditions) == item.sounds
    if item.subtitles is not None:
        assert end.subtitles == item.subtitles
    if item.lasts_s is not None:
        assert end.media["duration_ms"] / 1000 == pytest.approx(item.lasts_s, abs=0.15)
    assert all(row["state"] in ("ready", "failed") for row in end.renditions)


def test_all_of_it_in_time_in_memory_and_gone_again(endings: dict[str, Ending]) -> None:
    whole = endings["together"]
    assert whole.took_s < TOGETHER_S
    assert int(whole.message) <= MOST_RSS
    # Twice swept: what a first sweep removed is nobody's, and a second finds nothing.
    assert "0 files without a row" in whole.state.splitlines()[-1], whole.state
