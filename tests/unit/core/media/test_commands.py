"""Arguments for ffmpeg: numbers and constants of ours, one path, nothing that a person wrote."""

from pathlib import Path

import pytest

from polyreel.core.media.commands import (
    EncodeRules,
    Picture,
    Rung,
    Stretch,
    copy_sound_args,
    copy_video_args,
    decoder_threads,
    encode_sound_args,
    ladder_args,
    threads_each,
    x264_args,
)
from polyreel.infra.accepted import GUARDS

# A path is made by the server; even if it were not, it could only ever be one argument.
SOURCE = Path("/data/-y ;$(reboot)'\" [0:v]null/original")
PICTURE = Picture(SOURCE, 3)
LACED = Picture(SOURCE, 3, is_interlaced=True)
RUNGS = (Rung(1280, 720, 4_500_000, 23, None), Rung(426, 240, 600_000, 26, None))
RULES = EncodeRules("veryfast", 1)


def all_commands():
    return [
        copy_video_args(SOURCE, 3, "h264", "{sink0}"),
        copy_sound_args(SOURCE, 3, "{sink0}"),
        encode_sound_args(SOURCE, 3, 6, "{sink0}", coder="fast"),
        ladder_args(PICTURE, RUNGS, RULES, Stretch((0, 2_000_000))),
        ladder_args(LACED, RUNGS, RULES, Stretch((8_000_000,), 8_000_000)),
    ]


def value(args, name, after=0):
    return args[args.index(name, after) + 1]


def values(args, name):
    return [args[at + 1] for at, arg in enumerate(args) if arg == name]


@pytest.mark.parametrize("args", all_commands(), ids=range(5))
def test_the_source_is_one_argument_that_cannot_be_read_as_an_option(args):
    assert [arg for arg in args if "reboot" in arg] == [f"file:{SOURCE}"]
    assert value(args, "-i") == f"file:{SOURCE}"


@pytest.mark.parametrize("args", all_commands(), ids=range(5))
def test_every_guard_binds_to_the_source(args):
    before = args[: args.index("-i")]
    for name, wanted in GUARDS.items():
        assert value(before, f"-{name}") == wanted


@pytest.mark.parametrize("args", all_commands(), ids=range(5))
def test_fragments_come_at_once_and_without_an_index_at_the_end(args):
    flags = value(args, "-movflags").split("+")
    assert {"empty_moov", "default_base_moof", "skip_trailer", "frag_discont"} <= set(flags)
    assert value(args, "-flush_packets") == "1"
    assert args[-1] in ("{sink0}", "{sink1}")


def test_a_copy_copies_the_one_track():
    args = copy_video_args(SOURCE, 3, "h264", "{sink0}")
    assert (value(args, "-map"), value(args, "-c:v")) == ("0:3", "copy")
    assert "-c:a" not in args
    assert "frag_keyframe" in value(args, "-movflags")


@pytest.mark.parametrize(("channels", "layout"), [(2, "stereo"), (6, "5.1"), (8, "7.1")])
def test_encoded_sound_has_a_usual_layout_and_starts_at_zero(channels, layout):
    args = encode_sound_args(SOURCE, 1, channels, "{sink0}")
    assert value(args, "-af").endswith(f"channel_layouts={layout}")
    assert "first_pts=0" in value(args, "-af")
    assert value(args, "-c:a") == "aac"


def test_a_coder_of_sound_is_named_only_where_ffmpeg_has_it():
    assert "-aac_coder" not in encode_sound_args(SOURCE, 1, 2, "{sink0}")
    args = encode_sound_args(SOURCE, 1, 2, "{sink0}", coder="fast")
    assert value(args, "-aac_coder") == "fast"


def test_the_source_is_decoded_once_and_each_rung_scaled_from_the_one_above():
    args = ladder_args(PICTURE, RUNGS, RULES, Stretch((0, 2_000_000)))
    graph = value(args, "-filter_complex")
    assert args.count("-i") == 1
    assert graph.count("[0:3]") == 1
    assert graph.count("split=2") == 1
    assert "[s0]scale=1280:720" in graph
    assert "[s1]zscale=426:240" in graph
    assert values(args, "-map") == ["[v0]", "[v1]"]
    assert values(args, "-crf") == ["22.75", "25.75"]
    assert values(args, "-maxrate") == ["4500000", "600000"]
    assert [arg for arg in args if arg.startswith("{sink")] == ["{sink0}", "{sink1}"]


@pytest.mark.parametrize("preset", ["medium", "ultrafast", "slow"])
def test_quality_is_told_as_medium_takes_it_and_other_presets_are_left_alone(preset):
    like_medium = x264_args("veryfast", 23, 600_000)
    assert value(like_medium, "-crf") == "22.75"
    assert "trellis=1" in value(like_medium, "-x264-params")
    args = x264_args(preset, 23, 600_000)
    assert (value(args, "-crf"), value(args, "-maxrate")) == ("23", "600000")
    assert "trellis" not in value(args, "-x264-params")


def test_every_rung_has_keyframes_at_the_same_times_and_nowhere_else():
    stretch = Stretch((8_000_000, 12_000_000), 8_000_000, 16_000_000, frame_us=40_000)
    args = ladder_args(PICTURE, RUNGS, RULES, stretch)
    assert values(args, "-force_key_frames") == ["7.990000,11.990000"] * 2
    assert all("scenecut=0:open-gop=0:keyint=infinite" in x for x in values(args, "-x264-params"))


def test_without_cuts_keyframes_come_every_four_seconds():
    args = ladder_args(PICTURE, RUNGS, RULES, Stretch(()))
    assert value(args, "-force_key_frames") == "expr:gte(t,n_forced*4)"


def test_a_part_is_cut_half_a_frame_before_its_limits():
    args = ladder_args(PICTURE, RUNGS, RULES, Stretch((8_000_000,), 8_000_000, 16_000_000))
    assert "-copyts" in args
    assert value(args, "-ss") == "7.980000"
    assert "trim=start=7.980000:end=15.980000" in value(args, "-filter_complex")


def test_only_what_zscale_takes_goes_to_it_first():
    plain = ladder_args(Picture(SOURCE, 3, is_plain=True), RUNGS, RULES, Stretch(()))
    assert "[s0]zscale=1280:720" in value(plain, "-filter_complex")


def test_a_thinned_out_film_gets_its_rate_before_anything_is_scaled():
    rungs = [Rung(1280, 720, 1, 23, 30.0)]
    args = ladder_args(PICTURE, rungs, RULES, Stretch(()))
    graph = value(args, "-filter_complex")
    assert graph.index("fps=30") < graph.index("scale=")
    assert "demux" not in args


def test_only_interlaced_pictures_are_deinterlaced():
    plain = ladder_args(PICTURE, RUNGS, RULES, Stretch(()))
    laced = ladder_args(LACED, RUNGS, RULES, Stretch(()))
    assert "bwdif" not in value(plain, "-filter_complex")
    assert "bwdif" in value(laced, "-filter_complex")


@pytest.mark.parametrize(
    ("wished", "rungs", "cores", "threads"),
    [(0, 3, 2, 1), (0, 1, 2, 2), (0, 4, 16, 4), (0, 3, 16, 6), (5, 3, 2, 5), (0, 3, None, 1)],
)
def test_encoders_of_one_film_share_the_cores(monkeypatch, wished, rungs, cores, threads):
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert threads_each(wished, rungs) == threads


@pytest.mark.parametrize(("cores", "threads"), [(None, 1), (1, 1), (2, 1), (8, 4)])
def test_the_decoder_leaves_half_of_the_cores_to_the_encoders(monkeypatch, cores, threads):
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert decoder_threads() == threads


@pytest.mark.parametrize("start_us", [0, 8_000_000])
def test_threads_of_the_decoder_are_told_before_the_source(start_us):
    rules = EncodeRules("veryfast", 1, decoder_threads=3)
    args = ladder_args(PICTURE, RUNGS, rules, Stretch((), start_us))
    assert value(args[: args.index("-i")], "-threads") == "3"
    assert values(args, "-threads") == ["3", "1", "1"]
