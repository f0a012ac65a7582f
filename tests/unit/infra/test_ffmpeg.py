"""Arguments, progress and last words of ffmpeg, without running it."""

from pathlib import Path

import pytest

from polyreel.infra import accepted
from polyreel.infra.ffmpeg import _Meter, default_limits, file_url, input_args, last_words

NEVER_MEDIA = {
    "hls", "dash", "concat", "sdp", "rtsp", "imf", "lavfi", "ffmetadata", "image2", "image2pipe",
    "png_pipe", "tty", "srt", "ass", "webvtt", "rawvideo", "s16le", "webm_dash_manifest",
}  # fmt: skip


def test_every_guard_stands_before_the_input_it_guards():
    args = input_args(Path("/media/a b.mkv"))
    assert args[-2:] == ["-i", "file:/media/a b.mkv"]
    pairs = dict(zip(args[0:-2:2], args[1:-2:2], strict=True))
    assert {name.removeprefix("-") for name in pairs} == set(accepted.GUARDS)
    assert pairs["-protocol_whitelist"] == "file"


def test_nothing_that_names_other_files_is_accepted():
    assert NEVER_MEDIA.isdisjoint(accepted.FORMATS.split(","))


@pytest.mark.parametrize("names", [accepted.FORMATS, accepted.CODECS])
def test_no_name_is_listed_twice(names):
    listed = names.split(",")
    assert len(set(listed)) == len(listed)
    assert all(name.strip() == name and name for name in listed)


def test_a_stretch_is_asked_for_in_microseconds():
    args = input_args(Path("/m"), start_s=1.5, end_s=3.0000004, copyts=True, threads=2)
    assert args[0] == "-copyts"
    assert args[args.index("-ss") + 1] == "1.500000"
    assert args[args.index("-to") + 1] == "3.000000"
    assert args[args.index("-threads") + 1] == "2"


def test_a_name_is_never_an_option_or_a_protocol(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert file_url(Path("-i")) == f"file:{tmp_path}/-i"
    assert file_url(Path("http:x")) == f"file:{tmp_path}/http:x"


def test_progress_is_a_share_and_only_movement_is_a_sign_of_life():
    seen: list[float] = []
    meter = _Meter(2000, seen.append)
    assert meter.read(b"out_time_us=500000")
    assert not meter.read(b"out_time_us=500000")
    assert not meter.read(b"speed=1.2x")
    assert meter.read(b"out_time_us=N/A")
    assert meter.read(b"total_size=12")
    assert meter.read(b"out_time_us=9000000")
    assert seen == [0.25, 1.0]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"av_interleaved_write_frame(): No space left on device\n", "The disk is full."),
        (b"[mov @ 0x5] moov atom not found\n", "The file is incomplete: its index is missing."),
        (b"", "It ended without saying why."),
        (
            b"[in#0/mov @ 0x55] strange thing in file:/srv/data/ab/cd.mp4: it broke\n"
            b"Conversion failed!\n",
            "Strange thing in the file: it broke.",
        ),
    ],
)
def test_last_words_are_for_people(said, told):
    assert last_words(said) == told


def test_a_child_is_bound_in_memory_time_and_size():
    encoded = default_limits().encoded()
    for name in ("AS=", "CPU=", "FSIZE=", "NOFILE=", "CORE=0"):
        assert name in encoded
