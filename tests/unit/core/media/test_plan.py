"""From what a probe found to what is made."""

import itertools
from itertools import pairwise

import pytest

from polyreel.core.media.cutting import (
    FRAGMENT_US,
    cuts_at_keyframes,
    cuts_on_grid,
    plan_parts,
)
from polyreel.core.media.plan import LadderRules, plan_media, replan_without_copy
from polyreel.core.media.source import SourceLimits, is_copyable
from polyreel.kit.errors import Unsupported
from tests.factories.probes import make_audio, make_probe, make_video

S = 1_000_000
RULES = LadderRules(
    rates_bps={240: 600_000, 360: 1_200_000, 480: 2_500_000, 720: 4_500_000, 1080: 8_000_000}
)


def every(step_us, duration_us):
    return list(range(0, duration_us, step_us))


def pictures(plan):
    return [item for item in plan.renditions if item.kind == "video"]


def ladder(plan):
    return [(item.name, item.mode, item.promised) for item in pictures(plan)]


def sizes(plan):
    return {item.name: (item.width, item.height) for item in pictures(plan)}


# --- what can be copied ----------------------------------------------------------------------------


def test_plain_h264_is_copied_and_every_smaller_height_is_encoded():
    plan = plan_media(make_probe(make_video(), make_audio()), RULES)
    assert ladder(plan) == [
        ("720p", "copy", True),
        ("480p", "encode", False),
        ("360p", "encode", False),
        ("240p", "encode", False),
    ]
    assert [item.mode for item in plan.renditions if item.kind == "audio"] == ["copy"]
    assert len(plan.parts) == 1


@pytest.mark.parametrize(
    "track",
    [
        {"codec": "mpeg4"},
        {"codec": "vp8"},
        {"fps": 1000.0},
        {"bit_depth": 10},
        {"chroma": "422"},
        {"chroma": "444"},
        {"field_order": "tt"},
        {"rotation": 90},
        {"rotation": 180},
        {"idr_checked": False},
        {"parameter_sets": 2},
        {"color_transfer": "smpte2084"},
        {"color_transfer": "arib-std-b67"},
        {"width": 1279},
        {"height": 719},
        {"keyframes_us": []},
        {"keyframes_us": [0, 20 * S, 40 * S]},
        {"keyframes_us": [0, 2 * S, 4 * S]},
        {"keyframes_us": [600_000, 2 * S]},
        {"keyframes_us": [-80_000, *every(2 * S, 60 * S)[1:]]},
    ],
    ids=str,
)
def test_one_unfit_property_of_the_picture_is_enough_to_encode_it(track):
    probe = make_probe(make_video(**track))
    assert is_copyable(make_video(), make_probe(make_video()), max_fps=60)
    assert not is_copyable(probe.video[0], probe, max_fps=60)
    assert {item.mode for item in plan_media(probe, RULES).renditions} == {"encode"}


def test_keyframes_ten_seconds_apart_are_still_copied():
    probe = make_probe(make_video(keyframes_us=every(10 * S, 60 * S)))
    assert plan_media(probe, RULES).cuts_us == tuple(every(10 * S, 60 * S))


@pytest.mark.parametrize("given", [{"has_index": False}, {"duration_ms": None}], ids=str)
def test_without_an_index_or_a_length_nothing_is_promised_and_nothing_copied(given):
    plan = plan_media(make_probe(make_video(), make_audio(), **given), RULES)
    assert plan.cuts_us == ()
    assert {item.mode for item in plan.renditions} == {"encode"}
    assert len(plan.parts) == 1


# --- heights ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (1920, 1080, {"1080p": (1920, 1080), "720p": (1280, 720), "240p": (426, 240)}),
        (3840, 2160, {"1080p": (1920, 1080), "480p": (854, 480)}),
        (1080, 1920, {"1080p": (1080, 1920), "720p": (720, 1280)}),
        (1998, 1080, {"1080p": (1998, 1080)}),
        (853, 481, {"480p": (852, 480), "240p": (426, 240)}),
    ],
    ids=str,
)
def test_heights_are_enabled_ones_of_the_short_side_in_the_source_s_shape(width, height, expected):
    plan = plan_media(make_probe(make_video(codec="vp9", width=width, height=height)), RULES)
    made = sizes(plan)
    assert expected.items() <= made.items()
    assert all(side % 2 == 0 for size in made.values() for side in size)
    assert all(min(size) <= min(width, height) for size in made.values())


def test_a_480_line_source_gets_no_720_rendition():
    plan = plan_media(make_probe(make_video(codec="vp8", width=854, height=480)), RULES)
    assert [item.name for item in pictures(plan)] == ["480p", "360p", "240p"]


def test_a_rotated_picture_is_planned_as_it_is_shown():
    plan = plan_media(make_probe(make_video(width=1920, height=1080, rotation=90)), RULES)
    assert (plan.width, plan.height) == (1080, 1920)
    assert sizes(plan)["720p"] == (720, 1280)


@pytest.mark.parametrize("sar", [(2**31 - 1, 1), (1000, 1)])
def test_pixels_without_reason_are_refused(sar):
    video = make_video(width=64, height=48, sar_num=sar[0], sar_den=sar[1])
    with pytest.raises(Unsupported, match="shape"):
        plan_media(make_probe(video), RULES)


def test_oblong_pixels_are_made_square():
    video = make_video(codec="mpeg2video", width=720, height=576, sar_num=64, sar_den=45)
    plan = plan_media(make_probe(video), RULES)
    assert (plan.width, plan.height) == (1024, 576)
    assert sizes(plan)["480p"] == (854, 480)


@pytest.mark.parametrize(
    ("width", "height", "name"), [(128, 96, "096p"), (2, 2, "002p"), (1, 1, "002p")]
)
def test_a_tiny_source_gets_one_rendition_of_its_own_height(width, height, name):
    plan = plan_media(make_probe(make_video(codec="vp8", width=width, height=height)), RULES)
    assert ladder(plan) == [(name, "encode", True)]
    assert sizes(plan)[name] == (max(2, width), max(2, height))


def test_without_an_enabled_height_below_the_source_keeps_its_own():
    rules = LadderRules(rates_bps={1080: 8_000_000})
    plan = plan_media(make_probe(make_video(codec="vp8")), rules)
    assert ladder(plan) == [("720p", "encode", True)]
    assert plan_media(make_probe(make_video(codec="vp8")), LadderRules({})).renditions


def test_exactly_one_picture_is_promised_and_it_is_the_tallest():
    for codec, side in itertools.product(("h264", "vp8"), (96, 240, 500, 720, 2160)):
        plan = plan_media(make_probe(make_video(codec=codec, width=side, height=side)), RULES)
        assert [item.promised for item in pictures(plan)].index(True) == 0
        assert sum(item.promised for item in pictures(plan)) == 1
        assert len({item.name for item in pictures(plan)}) == len(pictures(plan))


@pytest.mark.parametrize("codec", ["hevc", "av1", "vp9"])
def test_other_codecs_are_offered_as_they_are_beside_what_every_player_takes(codec):
    hdr = make_video(codec=codec, bit_depth=10, color_transfer="smpte2084")
    plan = plan_media(make_probe(hdr), RULES)
    assert ladder(plan) == [
        ("720p", "encode", True),
        ("480p", "encode", False),
        ("360p", "encode", False),
        ("240p", "encode", False),
        (f"720p-{codec}", "copy", True),
    ]
    # All of them are cut at the copy's keyframes.
    assert set(plan.cuts_us) <= set(hdr.keyframes_us)
    assert plan.parts[0].end_us in plan.cuts_us


@pytest.mark.parametrize(
    "track",
    [
        {"idr_checked": False},
        {"rotation": 90},
        {"field_order": "tt"},
        {"chroma": "444"},
        {"fps": 500.0},
        {"keyframes_us": [0, 30 * S]},
    ],
    ids=str,
)
def test_what_no_player_could_show_is_not_offered_as_it_is(track):
    plan = plan_media(make_probe(make_video(codec="hevc", **track)), RULES)
    assert {item.mode for item in plan.renditions} == {"encode"}


def test_an_administrator_may_offer_h264_only():
    rules = LadderRules(rates_bps=RULES.rates_bps, offers_native=False)
    assert {
        item.mode for item in plan_media(make_probe(make_video(codec="av1")), rules).renditions
    } == {"encode"}


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"duration_s": 59}, "longer than 0:59"),
        ({"side_px": 1279}, "larger than 1279 pixels"),
        ({"tracks": 1}, "more than 1 track"),
        ({"bitrate_bps": 1_900_000}, "more than 1.9 Mbit/s"),
        ({"size_bytes": 14_000_000}, "larger than 13.4 MiB"),
    ],
    ids=str,
)
def test_what_lies_outside_a_limit_is_refused_with_a_sentence(limits, says):
    probe = make_probe(make_video(), make_audio())
    assert plan_media(probe, RULES).renditions
    rules = LadderRules(rates_bps=RULES.rates_bps, limits=SourceLimits(**limits))
    with pytest.raises(Unsupported, match=says):
        plan_media(probe, rules)


def test_a_copy_too_heavy_to_stream_is_kept_and_its_height_is_encoded_too():
    heavy = make_video(bit_rate_bps=9_100_000)
    assert ladder(plan_media(make_probe(heavy), RULES))[:2] == [
        ("h264", "copy", True),
        ("720p", "encode", False),
    ]
    light = make_video(bit_rate_bps=8_900_000)
    assert ladder(plan_media(make_probe(light), RULES))[0] == ("720p", "copy", True)


def test_a_heavy_copy_below_every_enabled_height_has_a_light_twin():
    tiny = make_video(width=160, height=120, bit_rate_bps=40_000_000)
    assert ladder(plan_media(make_probe(tiny), RULES)) == [
        ("h264", "copy", True),
        ("120p", "encode", False),
    ]


def test_a_copy_s_rates_are_those_of_the_source_s_own_fragments():
    keyframes = every(4 * S, 60 * S)
    sizes_of = [1_000_000] * 15
    sizes_of[3] = 4_000_000
    video = make_video(keyframes_us=keyframes, keyframe_bytes=sizes_of)
    copy = pictures(plan_media(make_probe(video), RULES))[0]
    assert copy.average_bps == 18_000_000 * 8 // 60
    assert copy.peak_bps == 4_000_000 * 8 // 4


def test_frame_rates_above_the_limit_are_planned_at_the_limit():
    rules = LadderRules(RULES.rates_bps, max_fps=30)
    plan = plan_media(make_probe(make_video(codec="vp9", fps=120.0)), rules)
    assert {item.fps for item in pictures(plan)} == {30}
    assert pictures(plan_media(make_probe(make_video(codec="vp9")), rules))[0].fps == 25


# --- sound ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("track", "mode", "channels"),
    [
        ({}, "copy", 2),
        ({"channels": 1}, "copy", 1),
        ({"channels": 6}, "copy", 6),
        ({"profile": "HE-AACv2"}, "copy", 2),
        ({"profile": "Main"}, "encode", 2),
        ({"codec": "opus", "profile": None}, "encode", 2),
        ({"codec": "ac3", "channels": 6}, "encode", 6),
        ({"codec": "flac", "channels": 7}, "encode", 6),
        ({"codec": "dts", "channels": 8}, "encode", 8),
        ({"codec": "mp3", "channels": 1}, "encode", 2),
        ({"sample_rate": 96_000}, "encode", 2),
        ({"start_us": 250_000}, "encode", 2),
    ],
    ids=str,
)
def test_sound_is_copied_when_every_player_takes_it(track, mode, channels):
    sound = plan_media(make_probe(make_video(), make_audio(**track)), RULES).renditions[-1]
    assert (sound.kind, sound.mode, sound.channels, sound.promised) == (
        "audio",
        mode,
        channels,
        True,
    )


def test_sounds_keep_the_file_s_order_titles_and_languages():
    tracks = [
        make_audio(index=1, title="Director", language="eng"),
        make_audio(index=2, language="deu"),
    ]
    plan = plan_media(make_probe(make_video(), *tracks), RULES)
    assert [(i.stream, i.title, i.language) for i in plan.renditions if i.kind == "audio"] == [
        (1, "Director", "eng"),
        (2, "Audio 2", "deu"),
    ]


def test_sound_alone_is_promised_on_a_grid():
    plan = plan_media(make_probe(None, make_audio(index=0), duration_ms=9_000), RULES)
    assert [item.kind for item in plan.renditions] == ["audio"]
    assert plan.cuts_us == (0, 2 * S, 4 * S, 8 * S)
    assert (plan.width, plan.height) == (0, 0)


def test_a_cover_is_no_picture():
    cover = make_video(index=1, codec="mjpeg", attached_picture=True)
    plan = plan_media(make_probe(None, make_audio(index=0), more=[cover]), RULES)
    assert [item.kind for item in plan.renditions] == ["audio"]


def test_a_silent_film_has_only_pictures():
    plan = plan_media(make_probe(make_video()), RULES)
    assert {item.kind for item in plan.renditions} == {"video"}


def test_a_track_that_ends_early_is_promised_only_so_far():
    sound = make_audio(start_us=100_000, duration_us=30 * S)
    plan = plan_media(make_probe(make_video(duration_us=70 * S), sound), RULES)
    assert [item.duration_us for item in plan.renditions] == [60 * S] * 4 + [30_100_000]


# --- refusals -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "probe",
    [
        make_probe(None),
        make_probe(make_video(attached_picture=True)),
        make_probe(make_video(), duration_ms=10 * 3600 * 1000 + 1),
        make_probe(make_video(width=8194)),
        make_probe(make_video(height=0)),
    ],
    ids=["nothing", "only a cover", "too long", "too large", "no size"],
)
def test_what_lies_outside_the_limits_is_refused_with_a_sentence(probe):
    with pytest.raises(Unsupported, match=r"^The .*\.$"):
        plan_media(probe, RULES)


# --- cuts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gop_us", "fragment_us"),
    [
        (40_000, 4 * S),
        (500_000, 4 * S),
        (1 * S, 4 * S),
        (2 * S, 4 * S),
        (2_500_000, 5 * S),
        (2_800_000, 2_800_000),
        (3 * S, 3 * S),
        (4 * S, 4 * S),
        (5 * S, 5 * S),
        (10 * S, 10 * S),
    ],
)
def test_regular_keyframes_make_fragments_as_near_to_four_seconds_as_they_can(gop_us, fragment_us):
    cuts = cuts_at_keyframes(every(gop_us, 120 * S), 120 * S)
    lengths = {end - start for start, end in itertools.pairwise(cuts)}
    assert lengths == {fragment_us}


def test_irregular_keyframes_are_the_only_places_to_cut():
    gaps = [0, 40_000, 3_100_000, 700_000, 1_900_000, 9_000_000, 120_000, 4_200_000, 2_000_000]
    keyframes = list(itertools.accumulate(gaps * 5))
    cuts = cuts_at_keyframes(keyframes, keyframes[-1] + S)
    assert set(cuts) <= set(keyframes)
    assert list(cuts) == sorted(set(cuts))
    assert all(end - start >= 1_500_000 for start, end in itertools.pairwise(cuts))
    assert max(end - start for start, end in itertools.pairwise(cuts)) <= 2 * FRAGMENT_US + S


def test_a_copy_never_ends_in_a_sliver():
    cuts = cuts_at_keyframes(every(2 * S, 9 * S), 8_100_000)
    assert cuts == (0, 4 * S)


def test_a_copy_starts_where_its_first_picture_does():
    assert cuts_at_keyframes([300_000, 5 * S], 8 * S) == (300_000, 5 * S)
    assert cuts_at_keyframes([-10_000, 4 * S], 8 * S)[0] == 0


def test_the_last_keyframe_is_used_when_much_follows_it():
    assert cuts_at_keyframes([0, 3_900_000], 13 * S) == (0, 3_900_000)
    assert cuts_at_keyframes([0, 2 * S], 5 * S) == (0,)


@pytest.mark.parametrize(
    ("duration_us", "cuts"),
    [
        (1, (0,)),
        (2 * S, (0,)),
        (2_200_000, (0, 2 * S)),
        (4_100_000, (0, 2 * S)),
        (9 * S, (0, 2 * S, 4 * S, 8 * S)),
    ],
)
def test_the_grid_is_two_seconds_first_and_then_every_four(duration_us, cuts):
    assert cuts_on_grid(duration_us) == cuts


@pytest.mark.parametrize("gop_us", [40_000, 1_500_000, 2_700_000, 3_000_000, 9_900_000])
def test_the_longest_film_fits_into_four_digit_names(gop_us):
    duration_us = 36_000 * S
    assert len(cuts_at_keyframes(every(gop_us, duration_us), duration_us)) <= 10_000
    assert len(cuts_on_grid(duration_us)) <= 10_000


def test_a_film_that_cannot_be_copied_gets_a_short_head():
    plan = plan_media(make_probe(make_video(codec="vp8")), RULES)
    head, rest = plan.parts
    assert (head.first_fragment, head.start_us, head.end_us) == (0, 0, 8 * S)
    assert (rest.first_fragment, rest.start_us, rest.end_us) == (3, 8 * S, None)
    assert plan.cuts_us[rest.first_fragment] == rest.start_us


@pytest.mark.parametrize(
    ("seconds", "with_head", "starts"),
    [(100, False, [0]), (112, False, [0]), (115, False, [0, 76]), (3600, False, None),
     (24, True, [0]), (25, True, [0, 8]), (120, True, [0, 8]), (130, True, [0, 8, 84])],
)  # fmt: skip
def test_parts_are_about_seventy_five_seconds_and_begin_at_cuts(seconds, with_head, starts):
    cuts = cuts_on_grid(seconds * 1_000_000)
    parts = plan_parts(cuts, seconds * 1_000_000, with_head=with_head)
    assert starts is None or [part.start_us // 1_000_000 for part in parts] == starts
    for part, following in pairwise(parts):
        assert part.end_us == following.start_us == cuts[following.first_fragment]
        assert following.start_us - part.start_us <= 80_000_000
    assert parts[-1].end_us is None


def test_a_short_film_is_one_part():
    plan = plan_media(make_probe(make_video(codec="vp8"), duration_ms=24_000), RULES)
    assert len(plan.parts) == 1


def test_what_replaces_a_failed_copy_is_promised_at_the_largest_enabled_height():
    probe = make_probe(make_video(width=1280, height=722))
    plan = plan_media(probe, RULES)
    again = replan_without_copy(plan, probe, RULES)
    assert ladder(plan)[0] == ("722p", "copy", True)
    assert ladder(again)[0] == ("720p", "encode", True)
    assert again.cuts_us == plan.cuts_us
    assert {item.duration_us for item in again.renditions} == {60 * S}


def test_the_same_probe_gives_the_same_plan():
    probe = make_probe(make_video(), make_audio())
    assert plan_media(probe, RULES) == plan_media(probe, RULES)
