"""What breaks in the middle is made again, and nobody sees a mixture."""

import contextlib
import os
import signal

import psutil
import pytest

from polyreel.core.library import delete_video
from polyreel.core.upkeep import sweep_files
from polyreel.infra.jobs import JobState
from tests.integration.media.decoded import decode

UNFINISHED = (JobState.QUEUED, JobState.RUNNING)


@pytest.fixture
def slow_clip(site, make_clip):
    """Its encode takes long enough to be met in the middle."""
    site.choose("encoder_preset", "veryslow")
    return make_clip(picture="vp8", sound=None, seconds=8.0, width=480, height=360)


def begun(site, video):
    """The promised picture, once its first fragment is there and its encoder still runs."""
    found = site.until(
        lambda: next((item for item in site.renditions(video) if item.has_begun), None)
    )
    assert found.state == "running"
    return found


def encoders():
    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "libx264" in child.cmdline():
                found.append(child)
    return found


def check_whole(site, video, clip, revision):
    found = site.until_ended(video)
    assert (found.state, found.message) == ("ready", None)
    for item in site.renditions(video):
        assert decode(site.stream_of(item)).count == decode(clip).count
    assert site.renditions(video)[0].revision == revision
    site.until(lambda: not site.jobs(states=UNFINISHED))
    report = sweep_files(site.tools.db, site.tools.storage, min_age_s=0)
    assert (list(report.removed), list(report.missing)) == ([], [])


def test_an_encoder_that_is_killed_starts_again_under_new_addresses(site, slow_clip):
    with site.working():
        video = site.add(slow_clip)
        assert begun(site, video).revision == 1
        site.choose("encoder_preset", "ultrafast")
        for child in encoders():
            os.kill(child.pid, signal.SIGKILL)
        check_whole(site, video, slow_clip, 2)
    assert {job.tries for job in site.jobs(kind="media.head")} == {2}


def test_a_worker_that_stops_hands_its_encode_to_the_next(site, slow_clip):
    with site.working():
        video = site.add(slow_clip)
        begun(site, video)
    assert encoders() == []
    assert site.video(video).state == "playable", "what was playable is not taken back"
    site.choose("encoder_preset", "ultrafast")
    with site.working():
        check_whole(site, video, slow_clip, 2)
    assert {job.tries for job in site.jobs(kind="media.head")} == {1}, "a hand-back costs no try"


def test_the_encode_of_a_deleted_video_ends(site, slow_clip):
    with site.working():
        video = site.add(slow_clip)
        begun(site, video)
        with site.tools.db.write() as tx:
            delete_video(tx, site.alice, video.uuid)
        site.until(lambda: not encoders(), 10)
        site.until(lambda: not site.jobs(states=(JobState.RUNNING,)), 10)
    sweep_files(site.tools.db, site.tools.storage, min_age_s=0)
    assert list(site.tools.storage.list()) == []


def test_progress_moves_while_a_film_is_made(site, slow_clip):
    seen: set[float] = set()

    def watched():
        found = site.video(video)
        seen.add(round(found.progress, 2))
        return found.has_ended or len(seen) >= 4

    with site.working():
        video = site.add(slow_clip)
        site.until(watched)
    assert len(seen) >= 4
    assert all(0 <= share <= 1 for share in seen)


def test_a_failed_video_that_is_sent_again_is_tried_again(site, make_clip):
    clip = make_clip(seconds=3.0, sound=None, picture="vp8")
    exe = site.tools.ffmpeg.exe
    # An ffmpeg that fails at everything: the probe does without it.
    site.tools.ffmpeg.exe = "/bin/false"
    with site.working():
        video = site.until_ended(site.add(clip))
        assert video.state == "failed"
        assert video.message
        before = {item.id: item.revision for item in site.renditions(video)}
        site.tools.ffmpeg.exe = exe
        again = site.add(clip)
        assert again.media_id == video.media_id
        assert site.until_ended(again).state == "ready"
    assert site.video(video).state == "ready"
    now = site.renditions(video)
    assert not {item.id for item in now} & set(before)
    assert min(item.revision for item in now) > max(before.values())
