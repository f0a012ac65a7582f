"""Real clips become media that plays: every frame, at its time, cut where it was promised."""

import io

import av
import pytest

from polyreel.core.library import delete_video
from polyreel.core.media import find_fragment, promised, seek
from polyreel.core.media.index import unpack_cuts
from polyreel.core.upkeep import sweep_files
from polyreel.infra.bmff import parse_init
from polyreel.infra.jobs import JobState
from tests.factories.boxes import shown_times
from tests.integration.media.decoded import decode

UNFINISHED = (JobState.QUEUED, JobState.RUNNING)
FRAME_S = 0.04
# One AAC frame, and what rounding adds.
SOUND_S = 0.03


def of_kind(site, video, kind):
    return [item for item in site.renditions(video) if item.kind == kind]


def check_promise(site, video):
    """Every fragment that the playlist promised from the start is there, where it should be."""
    cuts = unpack_cuts(site.media(video).cuts)
    for rendition in site.renditions(video):
        assert rendition.state == "ready"
        made = [number for part in rendition.parts for number in range(
            part.first_fragment, part.first_fragment + len(part.fragments))]  # fmt: skip
        assert made == [number for number, _ in promised(rendition, cuts)]
        for number, seconds in promised(rendition, cuts):
            found = find_fragment(rendition, number)
            assert found is not None, f"{rendition.name} {number}"
            assert abs(found[1].duration_us / 1e6 - seconds) < 0.2
            assert abs(found[1].start_us - cuts[number]) < 30_000


def shown(site, rendition):
    """When its pictures are shown, in seconds."""
    data = site.stream_of(rendition).removeprefix(rendition.init)
    return shown_times(data, parse_init(rendition.init).timescale)


def check_pictures(site, video, source, *, frame_s=FRAME_S):
    """All renditions hold the source's frames without a gap, with keyframes at every cut."""
    wanted = decode(source)
    cuts = [cut / 1e6 for cut in unpack_cuts(site.media(video).cuts)]
    for rendition in of_kind(site, video, "video"):
        made = decode(site.stream_of(rendition))
        assert made.count == wanted.count, rendition.name
        times = shown(site, rendition)
        assert times == pytest.approx(wanted.times, abs=0.002), rendition.name
        assert times[0] == pytest.approx(0, abs=0.002)
        assert made.longest_step < 1.5 * frame_s, rendition.name
        late = made.times[0] - times[0]
        for cut in cuts:
            assert min(abs(time - late - cut) for time in made.keyframes) < 0.005, cut
    return wanted


def add_and_wait(site, clip):
    with site.working():
        video = site.until_ended(site.add(clip))
        site.until(lambda: not site.jobs(states=UNFINISHED))
    return site.video(video)


@pytest.mark.parametrize("faststart", [True, False], ids=["moov in front", "moov at the end"])
def test_h264_and_aac_are_copied(site, make_clip, faststart):
    clip = make_clip(seconds=9.0, width=426, height=240, faststart=faststart)
    video = add_and_wait(site, clip)
    assert (video.state, video.message, video.has_poster) == ("ready", None, True)
    assert [(item.kind, item.mode) for item in site.renditions(video)] == [
        ("video", "copy"),
        ("audio", "copy"),
    ]
    check_pictures(site, video, clip)
    check_promise(site, video)
    (sound,) = of_kind(site, video, "audio")
    assert sound.codec == "mp4a.40.2"
    heard = decode(site.stream_of(sound), "audio")
    assert heard.times[0] == pytest.approx(0, abs=SOUND_S)
    assert heard.end == pytest.approx(9.0, abs=0.06)


def test_a_copy_s_packets_are_the_source_s_own(site, make_clip):
    def packets(source):
        with av.open(source) as container:
            return [bytes(p) for p in container.demux(container.streams.video[0]) if p.size]

    clip = make_clip(seconds=5.0, width=426, height=240)
    video = add_and_wait(site, clip)
    (copy,) = of_kind(site, video, "video")
    assert packets(io.BytesIO(site.stream_of(copy))) == packets(str(clip))


def test_a_ladder_below_a_copy_is_cut_at_the_copy_s_keyframes(site, make_clip):
    clip = make_clip(seconds=7.0, width=640, height=360, keyframe_every_s=1.2, sound=None)
    video = add_and_wait(site, clip)
    assert [(item.name, item.mode) for item in site.renditions(video)] == [
        ("360p", "copy"),
        ("240p", "encode"),
    ]
    check_pictures(site, video, clip)
    check_promise(site, video)
    assert video.progress == 1.0


def test_b_frames_behind_an_edit_list_begin_at_zero_with_the_sound(site, make_clip):
    clip = make_clip(seconds=5.0, width=426, height=240, extra=("-bf", "3", "-b_strategy", "0"))
    video = add_and_wait(site, clip)
    assert video.state == "ready"
    check_pictures(site, video, clip)
    check_promise(site, video)
    starts = [shown(site, item)[0] for item in site.renditions(video)]
    assert max(starts) - min(starts) < 0.06


def test_a_webm_is_made_in_two_parts_that_join(site, make_clip):
    # With B frames, as the server is set by default.
    site.choose("encoder_preset", "veryfast")
    clip = make_clip(
        picture="vp8", sound="opus", seconds=25.0, width=480, height=360, fps=8,
        keyframe_every_s=3.7,
    )  # fmt: skip
    video = add_and_wait(site, clip)
    assert (video.state, video.message) == ("ready", None)
    pictures = of_kind(site, video, "video")
    assert [(item.name, item.mode, len(item.parts)) for item in pictures] == [
        ("360p", "encode", 2),
        ("240p", "encode", 2),
    ]
    assert {job.kind for job in site.jobs()} >= {"media.head", "media.encode"}
    check_pictures(site, video, clip, frame_s=0.125)
    check_promise(site, video)
    (sound,) = of_kind(site, video, "audio")
    heard = decode(site.stream_of(sound), "audio")
    assert heard.times[0] == pytest.approx(0, abs=SOUND_S)
    assert heard.end == pytest.approx(25.0, abs=0.1)
    assert heard.longest_step < SOUND_S
    assert {item.revision for item in site.renditions(video)} == {1}


def test_a_long_ladder_below_a_copy_joins_without_a_seam(site, make_clip):
    clip = make_clip(seconds=140.0, width=480, height=360, fps=10, keyframe_every_s=3.0)
    video = add_and_wait(site, clip)
    assert (video.state, video.message) == ("ready", None)
    pictures = of_kind(site, video, "video")
    assert [(item.name, item.mode, len(item.parts)) for item in pictures] == [
        ("360p", "copy", 1),
        ("240p", "encode", 2),
    ]
    check_pictures(site, video, clip, frame_s=0.1)
    check_promise(site, video)


def test_a_long_film_that_cannot_be_copied_has_a_head_and_joins(site, make_clip):
    clip = make_clip(picture="vp8", sound="opus", seconds=150.0, height=240, fps=10)
    video = add_and_wait(site, clip)
    assert (video.state, video.message) == ("ready", None)
    (picture,) = of_kind(site, video, "video")
    assert [part.end_us for part in picture.parts] == [8_000_000, 84_000_000, None]
    check_pictures(site, video, clip, frame_s=0.1)


def test_what_is_made_around_places_that_were_sought_joins(site, make_clip):
    clip = make_clip(picture="vp8", sound=None, seconds=70.0, width=480, height=360, fps=10)
    with site.working(["fast"]):
        added = site.add(clip)
        site.until(lambda: of_kind(site, added, "video"))
    for fragment in (12, 8, 15):
        seek(site.tools.db, added.media_id, of_kind(site, added, "video")[0].id, fragment)
    with site.working():
        video = site.until_ended(added)
    assert (video.state, video.message) == ("ready", None)
    for picture in of_kind(site, video, "video"):
        assert [part.first_fragment for part in picture.parts] == [0, 3, 8, 12, 15]
    assert len(site.jobs(kind="media.sought")) == 3
    check_pictures(site, video, clip, frame_s=0.1)
    check_promise(site, video)


def test_a_film_without_sound_has_none(site, make_clip):
    video = add_and_wait(site, make_clip(seconds=3.0, sound=None))
    assert (video.state, len(site.renditions(video))) == ("ready", 1)


def test_sound_alone_plays(site, make_clip):
    video = add_and_wait(site, make_clip(picture=None, seconds=9.0))
    (sound,) = site.renditions(video)
    assert (video.state, video.has_poster, sound.kind) == ("ready", False, "audio")
    check_promise(site, video)
    assert decode(site.stream_of(sound), "audio").end == pytest.approx(9.0, abs=0.1)


def test_six_channels_stay_six(site, make_clip):
    surround = ("-ac", "6")
    copied = add_and_wait(site, make_clip(seconds=3.0, extra=surround))
    encoded = add_and_wait(
        site, make_clip(picture=None, sound="flac", suffix="mkv", seconds=3.0, extra=surround)
    )
    (sound,) = of_kind(site, copied, "audio")
    assert (sound.mode, sound.channels, copied.state) == ("copy", 6, "ready")
    (sound,) = of_kind(site, encoded, "audio")
    assert (sound.mode, sound.channels, encoded.state) == ("encode", 6, "ready")
    check_promise(site, encoded)


def test_a_text_that_calls_itself_a_film_fails_with_a_sentence(site, make_clip):
    video = add_and_wait(site, make_clip.text_named_mp4())
    assert (video.state, video.message) == ("failed", "This is a text file, not a video.")
    assert site.renditions(video) == []


def test_a_film_cut_short_plays_as_far_as_it_goes_and_says_so(site, make_clip):
    clip = make_clip(seconds=10.0, width=426, height=240)
    video = add_and_wait(site, make_clip.cut_short(clip, 0.5))
    assert video.state == "damaged"
    assert video.message is not None
    assert video.message.startswith("The file is damaged: 0:0")
    (picture,) = of_kind(site, video, "video")
    assert 2.0 < decode(site.stream_of(picture)).times[-1] < 8.0


@pytest.mark.parametrize("suffix", ["webm", "mp4"])
def test_sound_that_outlasts_the_picture_is_no_damage(site, make_clip, suffix):
    picture, sound = ("vp8", "opus") if suffix == "webm" else ("h264", "aac")
    clip = make_clip(
        picture=picture, sound=sound, suffix=suffix, seconds=9.0, extra=("-vf", "trim=end=5")
    )
    video = add_and_wait(site, clip)
    assert (video.state, video.message) == ("ready", None)
    assert decode(site.stream_of(of_kind(site, video, "video")[0])).count == 125
    heard = decode(site.stream_of(of_kind(site, video, "audio")[0]), "audio")
    assert heard.end == pytest.approx(9.0, abs=0.1)


def test_every_promised_fragment_of_a_slide_show_holds_a_picture(site, make_clip):
    slides = ("-vf", "select=not(mod(n\\,175))", "-fps_mode", "vfr")
    clip = make_clip(picture="vp8", sound="opus", seconds=21.0, extra=slides)
    video = add_and_wait(site, clip)
    assert (video.state, video.message) == ("ready", None)
    for rendition in of_kind(site, video, "video"):
        for number, _ in promised(rendition, unpack_cuts(site.media(video).cuts)):
            assert find_fragment(rendition, number) is not None, f"{rendition.name} {number}"


def test_a_stream_without_an_index_grows_and_becomes_whole(site, make_clip):
    clip = make_clip(seconds=9.0, suffix="ts")
    with site.working():
        video = site.add(clip)
        site.until(lambda: site.video(video).is_playable)
        assert site.media(video).cuts is None
        video = site.until_ended(video)
    assert (video.state, video.message) == ("ready", None)
    (picture,) = of_kind(site, video, "video")
    assert decode(site.stream_of(picture)).count == decode(clip).count == 225
    assert [item.size > 0 for item in picture.parts[0].fragments] == [True] * 3


def test_equal_files_are_one_media(site, make_clip):
    clip = make_clip(seconds=3.0)
    first = add_and_wait(site, clip)
    second = site.add(clip)
    assert second.media_id == first.media_id
    assert second.uuid != first.uuid
    assert second.state == "ready"
    assert [job.kind for job in site.jobs()].count("media.look") == 1


def test_a_deleted_video_leaves_nothing(site, make_clip):
    clip = make_clip(seconds=3.0)
    first = add_and_wait(site, clip)
    second = site.add(clip)
    kept = sweep_files(site.tools.db, site.tools.storage, min_age_s=0)
    assert (list(kept.removed), list(kept.missing)) == ([], [])
    with site.tools.db.write() as tx:
        assert delete_video(tx, site.alice, first.uuid) is None
    assert site.video(second).state == "ready"
    with site.tools.db.write() as tx:
        assert delete_video(tx, site.alice, second.uuid) == first.media_id
    assert site.renditions(first) == []
    report = sweep_files(site.tools.db, site.tools.storage, min_age_s=0)
    assert len(report.removed) == 6
    assert list(site.tools.storage.list()) == []
    assert list(report.missing) == []
