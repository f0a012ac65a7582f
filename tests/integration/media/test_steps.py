"""What was done for a film is told; what failed is tried again; originals that nobody keeps go."""

import pytest

from polyreel.core.media import list_steps, retry_video
from polyreel.infra.jobs import JobState
from polyreel.kit.errors import Conflict

UNFINISHED = (JobState.QUEUED, JobState.RUNNING)


def add_and_wait(site, clip):
    with site.working():
        video = site.until_ended(site.add(clip))
        site.until(lambda: not site.jobs(states=UNFINISHED))
    return site.video(video)


def steps_of(site, video):
    with site.tools.db.read() as tx:
        return list_steps(tx, video.media_id)


def test_every_step_of_a_film_is_told_with_what_it_took(site, make_clip):
    clip = make_clip(seconds=4.0, width=480, height=360)
    video = add_and_wait(site, clip)
    steps = {step.label: step for step in steps_of(site, video)}
    assert {
        "Look into the file",
        "Copy the picture: 360p",
        "Encode: 240p",
        "Make the images",
    } <= set(steps)
    encode = steps["Encode: 240p"]
    assert (encode.state, encode.attempts, encode.progress) == ("succeeded", 1, 1.0)
    assert encode.cpu_s > 0
    assert encode.ran_s > 0
    assert encode.command.startswith("ffmpeg ")
    assert "libx264" in encode.command
    assert str(site.settings.data_dir) not in encode.command
    assert encode.expected_s is None


def test_what_waits_is_expected_to_take_as_long_as_others_of_its_size_took(site, make_clip):
    small = {"width": 426, "height": 240, "picture": "vp8", "sound": None}
    add_and_wait(site, make_clip(seconds=3.0, **small))
    waiting = site.add(make_clip(seconds=6.0, **small))
    with site.working(["fast"]):
        site.until(lambda: len(steps_of(site, waiting)) > 2)
    encodes = [step for step in steps_of(site, waiting) if step.kind == "media.head"]
    looks = [step for step in steps_of(site, waiting) if step.kind == "media.look"]
    assert looks[0].state == "succeeded"
    for step in encodes:
        assert step.expected_s is None or step.expected_s > 0


def test_a_failed_video_can_be_tried_again(site, make_clip):
    video = add_and_wait(site, make_clip.text_named_mp4())
    assert video.state == "failed"
    with site.tools.db.write() as tx:
        retry_video(tx, site.alice, video.uuid)
    assert site.video(video).state == "received"
    with site.working():
        video = site.until_ended(video)
    assert video.state == "failed"
    assert [step.kind for step in steps_of(site, video)] == ["media.look", "media.look"]
    assert steps_of(site, video)[0].message == "This is a text file, not a video."


def test_an_original_that_nobody_keeps_goes_when_all_is_made(site, make_clip):
    site.choose("keep_originals", False)
    video = site.add(make_clip(seconds=3.0, width=426, height=240))
    key = site.media(video).source_key
    assert site.tools.storage.exists(key)
    with site.working():
        video = site.until_ended(video)
        site.until(lambda: site.media(video).original_key is None)
        site.until(lambda: not site.tools.storage.exists(key))
    assert video.state == "ready"
    with pytest.raises(Conflict, match="not kept"), site.tools.db.write() as tx:
        retry_video(tx, site.alice, video.uuid)


def test_a_damaged_original_stays(site, make_clip):
    site.choose("keep_originals", False)
    clip = make_clip(seconds=8.0, width=426, height=240)
    video = add_and_wait(site, make_clip.cut_short(clip, 0.5))
    assert video.state == "damaged"
    assert site.tools.storage.exists(site.media(video).source_key)
