"""A film made by two workers of which one dies in the middle: every picture once, at its time, in every
rendition; sound and picture together everywhere; and nothing made twice that was whole.
"""

import io
import logging
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from tests.client import Client
from tests.factories.marked import TONE_EVERY_S, MarkedFilm, make_marked_film, number_shown
from tests.fleet import Fleet, WorkerProcess
from tests.integration.media.whole import beeps
from tests.postgres import Postgres
from tests.streams import Track, fetch_tracks

pytestmark = [pytest.mark.fault, pytest.mark.slow]

log = logging.getLogger(__name__)

TRUE_S = 0.002
EXTINF_S = 0.05
SYNC_S = 0.06
WITHIN_S = 180

H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "3", "-b_strategy", "0"]
H264 += ["-g", "100000", "-sc_threshold", "0"]
FILMS: dict[str, dict[str, Any]] = {
    # Four parts; the top is copied.
    "copied.mp4": {
        "seconds": 280,
        "picture": H264,
        "sound": ["-c:a", "aac", "-b:a", "48k", "-movflags", "+faststart"],
    },
    # What no browser takes: a head and three parts of each height, and the sound encoded.
    "encoded.mkv": {
        "seconds": 205,
        "picture": ["-c:v", "mpeg4", "-q:v", "4", "-bf", "2", "-g", "100000"],
        "sound": ["-c:a", "libopus", "-b:a", "32k"],
    },
}
PARTS = {"copied.mp4": 4, "encoded.mkv": 4}


@dataclass(frozen=True)
class Made:
    """A film, what players get of it, and the rows of its parts and jobs before the kill and after."""

    film: MarkedFilm
    client: Client
    uuid: str
    tracks: list[Track]
    before: dict[int, dict[str, Any]]
    after: dict[int, dict[str, Any]]
    killed: int
    jobs: list[dict[str, Any]]

    @property
    def pictures(self) -> list[Track]:
        """Smallest first."""
        return [track for track in self.tracks if not track.is_sound]

    @property
    def sound(self) -> Track:
        """The only one."""
        (found,) = [track for track in self.tracks if track.is_sound]
        return found


@pytest.fixture(scope="module")
def fleet(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A web and two workers with one encode each; what is killed is seen to be dead after 3 s."""
    settings: dict[str, object] = {"encode_threads": 1, "worker_encode": 1, "lease_s": 3}
    with Fleet(postgres, tmp_path_factory.mktemp("fleet"), **settings) as made:
        made.web()
        for _ in range(2):
            made.worker()
        made.webs[0].cli("option", "set", "encoder_preset", "ultrafast")
        yield made


@pytest.fixture(scope="module", params=FILMS)
def made(
    request: pytest.FixtureRequest,
    fleet: Fleet,
    ffmpeg_exe: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Made]:
    """The film whole, though a worker was killed in the middle of a part."""
    path = tmp_path_factory.mktemp("film") / request.param
    film = make_marked_film(ffmpeg_exe, path, **FILMS[request.param])
    for worker in fleet.workers:
        if not worker.processes():
            worker.start()
    with Client(fleet.webs[0], request.getfixturevalue("key")) as client:
        uuid = client.upload(path).uuid
        began = time.monotonic()
        killed = kill_one_that_encodes(fleet, uuid)
        before = parts_of(fleet, uuid)
        client.wait_until_completed(uuid, WITHIN_S)
        log.info("%s was whole after %.1f s", path.name, time.monotonic() - began)
        yield Made(
            film=film,
            client=client,
            uuid=uuid,
            tracks=fetch_tracks(client, uuid),
            before=before,
            after=parts_of(fleet, uuid),
            killed=killed,
            jobs=encodes(fleet, uuid),
        )


@pytest.fixture(scope="module")
def key(fleet: Fleet) -> str:
    """An account's key for scripts."""
    with Client(fleet.webs[0]) as client:
        return client.key


def kill_one_that_encodes(fleet: Fleet, uuid: str) -> int:
    """Once two parts are whole, stop a worker in the middle of another and kill it; the job's id."""
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        jobs = encodes(fleet, uuid)
        done = sum(job["state"] == "succeeded" for job in jobs)
        for worker in fleet.workers:
            job = held_by(worker, jobs)
            if done >= 2 and job is not None:
                worker.freeze()
                if held_by(worker, encodes(fleet, uuid)) == job:
                    worker.kill()
                    return job
                worker.thaw()
        time.sleep(0.01)
    raise AssertionError(f"nobody encoded long enough to be killed: {encodes(fleet, uuid)}")


def held_by(worker: WorkerProcess, jobs: Sequence[dict[str, Any]]) -> int | None:
    """The id of the job that this worker runs just now."""
    pids = {str(process.pid) for process in worker.processes()}
    for job in jobs:
        if job["state"] == "running" and job["lease_owner"].split(":")[1] in pids:
            return int(job["id"])
    return None


def encodes(fleet: Fleet, uuid: str) -> list[dict[str, Any]]:
    """The jobs that encode parts of a film."""
    return fleet.webs[0].rows(
        "SELECT id, key, state, attempt, lease_owner FROM jobs"
        " WHERE kind IN ('media.encode', 'media.head') AND about ="
        f" (SELECT 'media_id:' || media_id FROM videos WHERE uuid = '{uuid}') ORDER BY id"
    )


def parts_of(fleet: Fleet, uuid: str) -> dict[int, dict[str, Any]]:
    """The parts of all its renditions by their ids."""
    found = fleet.webs[0].rows(
        "SELECT p.* FROM parts p JOIN renditions r ON r.id = p.rendition_id"
        f" JOIN videos v ON v.media_id = r.media_id WHERE v.uuid = '{uuid}'"
    )
    return {row["id"]: row for row in found}


def test_what_was_whole_before_the_kill_is_not_made_again(made: Made) -> None:
    whole = {number: row for number, row in made.before.items() if row["state"] == "ready"}
    assert len(whole) >= 3
    assert {number: made.after[number] for number in whole} == whole
    again = [job["id"] for job in made.jobs if job["attempt"] != 1]
    assert again == [made.killed], made.jobs
    assert len(made.jobs) == PARTS[made.film.path.name]


def test_every_picture_comes_once_at_its_time_in_every_rendition(made: Made) -> None:
    """Each fragment is decoded by itself: that it can be is what closed groups of pictures mean."""
    wanted = [number / made.film.fps for number in range(made.film.frames)]
    assert len(made.pictures) >= 2
    for track in made.pictures:
        shown, times = [], []
        for number, fragment in enumerate(track.fragments):
            with av.open(io.BytesIO(track.init + fragment), "r") as container:
                frames = [number_shown(frame) for frame in container.decode(video=0)]
            own = track.times(number)
            assert len(frames) == len(own), (track.name, number)
            shown += frames
            times += own
        assert shown == list(range(made.film.frames)), track.name
        assert times == pytest.approx(wanted, abs=TRUE_S), track.name


def test_fragments_are_as_long_as_playlists_say(made: Made) -> None:
    length = made.film.frames / made.film.fps
    for track in made.tracks:
        starts = [track.times(number)[0] for number in range(len(track.fragments))]
        truth = [after - before for before, after in pairwise([*starts, length])]
        tolerance = EXTINF_S + (0.065 if track.is_sound else 0)
        assert track.seconds == pytest.approx(truth, abs=EXTINF_S), track.name
        assert sum(track.seconds) == pytest.approx(length, abs=tolerance)


def test_keyframes_are_at_the_same_times_in_every_rendition(made: Made) -> None:
    begins = [[track.times(n)[0] for n in range(len(track.fragments))] for track in made.pictures]
    for track, starts in zip(made.pictures, begins, strict=True):
        assert starts == pytest.approx(begins[0], abs=TRUE_S), track.name
        keyframes = keyframes_of(track)
        if keyframes != pytest.approx(starts, abs=TRUE_S):
            # The copy has the source's own, those of the cuts among them.
            assert keyframes == pytest.approx(made.film.keyframes_s, abs=TRUE_S), track.name
            assert all(min(abs(at - one) for one in keyframes) < TRUE_S for at in starts)


def keyframes_of(track: Track) -> list[float]:
    """When the keyframes of a rendition are shown."""
    with av.open(io.BytesIO(track.joined), "r") as container:
        found = [
            float(packet.pts * packet.time_base)
            for packet in container.demux(video=0)
            if packet.pts is not None and packet.is_keyframe
        ]
    # libav shows tracks with negative offsets later by the largest of them.
    late = found[0] - track.times(0)[0]
    return [time - late for time in found]


def test_a_rendition_has_one_init_and_no_seam(made: Made) -> None:
    for track in made.tracks:
        assert track.playlist.count("#EXT-X-MAP") == 1, track.name
        assert "DISCONTINUITY" not in track.playlist
        assert track.playlist.endswith("#EXT-X-ENDLIST\n")
        assert all(track.seconds)


def test_sound_and_picture_are_together_everywhere(made: Made, tmp_path: Path) -> None:
    sound = tmp_path / "sound.mp4"
    sound.write_bytes(made.sound.joined)
    heard = beeps(sound)
    assert len(heard) == made.film.frames // made.film.fps // TONE_EVERY_S
    for track in made.pictures:
        times = [time for number in range(len(track.fragments)) for time in track.times(number)]
        seen = times[:: TONE_EVERY_S * made.film.fps]
        assert heard == pytest.approx(seen, abs=SYNC_S), track.name
        off_s = [after - before for before, after in zip(seen, heard, strict=True)]
        log.info(
            "%s: sound is %.1f to %.1f ms late", track.name, min(off_s) * 1e3, max(off_s) * 1e3
        )


def test_the_joined_file_plays_without_a_warning(
    made: Made, tmp_path: Path, ffmpeg_exe: str
) -> None:
    cookie = made.client.media_cookie(made.uuid)
    for track in made.pictures:
        address = f"{made.client.media_base(made.uuid)}/{track.name}/1/stream/video.mp4"
        path = tmp_path / f"{track.name}.mp4"
        path.write_bytes(made.client.get(address, cookie))
        play = ["-nostdin", "-v", "warning", "-xerror", "-i", str(path), "-f", "null", "-"]
        played = subprocess.run([ffmpeg_exe, *play], capture_output=True, text=True, check=False)
        assert (played.returncode, played.stderr) == (0, "")
        with av.open(str(path)) as container:
            frames = [(number_shown(frame), frame.time) for frame in container.decode(video=0)]
        assert [number for number, _ in frames] == list(range(made.film.frames)), track.name
        late = [time - number / made.film.fps for number, time in frames]
        assert max(map(abs, late)) < TRUE_S
        assert beeps(path) == pytest.approx(
            range(0, len(frames) // made.film.fps, TONE_EVERY_S), abs=SYNC_S
        )
