"""What an encoder pipes becomes fragments at the cuts, in a file that holds nothing else."""

import io
import random

import pytest

from polyreel.core.media.index import pack_index
from polyreel.core.media.package import AudioPackager, Cuts, VideoPackager
from polyreel.infra.bmff import Malformed, parse_moof
from tests.factories.boxes import fragment, init_of_picture, init_of_sound, walk

MS = 1000
GRID = (0, 2_000_000, 4_000_000, 8_000_000)


def package(kind, stream, times=GRID, *, first=0, portion=0, step_us=4_000_000):
    """Feed `stream` in portions of a random size (or of `portion`)."""
    file = io.BytesIO()
    packager = kind(file, Cuts(times, step_us), first=first)
    dice = random.Random(len(stream))
    at = 0
    while at < len(stream):
        size = portion or dice.randint(1, 5000)
        packager.feed(stream[at : at + size])
        at += size
    packager.finish()
    return packager, file.getvalue()


def film(*starts_ms, duration_ms=2000, size=3000):
    """Picture: one fragment from each keyframe, times in milliseconds."""
    return init_of_picture() + b"".join(
        fragment(start, [duration_ms], [size], fill=number % 256)
        for number, start in enumerate(starts_ms)
    )


def sound(*runs, sample_ms=20, size=50):
    """Sound: (start, end) in milliseconds, a quarter of a second a fragment."""
    parts = [init_of_sound()]
    for start, end in runs:
        for begin in range(start, end, 240):
            count = len(range(begin, min(begin + 240, end), sample_ms))
            parts.append(fragment(begin, [sample_ms] * count, [size] * count, fill=begin % 256))
    return b"".join(parts)


def times_of(packager):
    return [(item.start_us // MS, item.duration_us // MS) for item in packager.fragments]


def check_places(packager, data):
    """Every listed place is whole moof+mdat pairs; together they are the file."""
    at = 0
    for item in packager.fragments:
        assert item.offset == at
        kinds = [kind for kind, _, _ in walk(data[at : at + item.size])]
        assert kinds == ["moof", "mdat"] * (len(kinds) // 2)
        assert bool(kinds) == bool(item.size)
        at += item.size
    assert at == len(data)


def samples_in(data):
    boxes = [parse_moof(found) for kind, _, found in walk(data) if kind == "moof"]
    return [size for samples in boxes for size in samples.sizes]


# --- picture ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("portion", [0, 1, 64, 1 << 20])
def test_keyframes_between_two_cuts_belong_to_one_fragment(portion):
    packager, data = package(VideoPackager, film(0, 2000, 4000, 6000, 8000), portion=portion)
    assert times_of(packager) == [(0, 2000), (2000, 2000), (4000, 4000), (8000, 2000)]
    assert [len(list(walk(data))), packager.samples] == [10, 5]
    check_places(packager, data)


def test_the_bytes_of_the_encoder_are_kept_as_they_are():
    stream = film(0, 2000, 4000)
    _, data = package(VideoPackager, stream)
    assert init_of_picture() + data == stream


def test_a_fragment_is_told_as_soon_as_its_end_is_known():
    file = io.BytesIO()
    packager = VideoPackager(file, Cuts(GRID, 4_000_000))
    packager.feed(film(0))
    assert times_of(packager) == [(0, 2000)], "its last picture reaches the next cut"
    packager.feed(fragment(2000, [1900], [10]))
    assert len(packager.fragments) == 1
    packager.feed(fragment(4000, [40], [10]))
    assert times_of(packager) == [(0, 2000), (2000, 1900)]


def test_a_keyframe_a_rounding_before_its_cut_counts_as_on_it():
    packager, _ = package(VideoPackager, film(0, 1997, 3999, 8001))
    assert [item.start_us // MS for item in packager.fragments] == [0, 1997, 3999, 8001]


def test_times_of_showing_decide_not_those_of_decoding():
    stream = init_of_picture() + b"".join(
        fragment(start, [2000], [9], offset=80) for start in (1920, 3920)
    )
    packager, _ = package(VideoPackager, stream)
    assert [item.start_us // MS for item in packager.fragments] == [2000, 2000, 4000]


def test_a_picture_that_starts_late_leaves_empty_places_before_it():
    packager, data = package(VideoPackager, film(5000, 8000))
    assert times_of(packager) == [(5000, 0), (5000, 0), (5000, 2000), (8000, 2000)]
    assert [bool(item.size) for item in packager.fragments] == [False, False, True, True]
    check_places(packager, data)


def test_a_hole_in_the_picture_leaves_an_empty_place():
    packager, data = package(VideoPackager, film(0, 8500))
    assert [bool(item.size) for item in packager.fragments] == [True, False, False, True]
    check_places(packager, data)


def test_a_part_numbers_its_fragments_from_its_first():
    packager, data = package(VideoPackager, film(4000, 8000), first=2)
    assert times_of(packager) == [(4000, 2000), (8000, 2000)]
    assert packager.fragments[0].offset == 0
    assert packager.next_number == 4
    check_places(packager, data)


def test_without_cuts_a_picture_is_cut_every_four_seconds_at_keyframes():
    packager, _ = package(VideoPackager, film(*range(0, 12_000, 2000)), ())
    assert times_of(packager) == [(0, 4000), (4000, 4000), (8000, 4000)]


def test_a_stream_without_pictures_lists_nothing():
    packager, data = package(VideoPackager, init_of_picture())
    assert (packager.fragments, data) == ([], b"")
    assert packager.init is not None


# --- sound --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("portion", [0, 1, 1 << 20])
def test_sound_is_cut_where_the_picture_is(portion):
    packager, data = package(AudioPackager, sound((0, 9000)), portion=portion)
    assert times_of(packager) == [(0, 2000), (2000, 2000), (4000, 4000), (8000, 1000)]
    assert samples_in(data) == [50] * 450
    assert packager.samples == 450
    check_places(packager, data)


def test_no_sample_is_lost_or_moved_when_sound_is_gathered_anew():
    stream = sound((0, 9000))
    _, data = package(AudioPackager, stream)

    def payloads(boxes):
        return b"".join(found[8:] for kind, _, found in walk(boxes) if kind == "mdat")

    assert payloads(data) == payloads(stream)


def test_a_sample_over_a_cut_stays_whole_and_belongs_to_where_it_begins():
    packager, _ = package(AudioPackager, sound((0, 6000), sample_ms=48))
    starts = [item.start_us // MS for item in packager.fragments]
    assert starts == [0, 2016, 4032]


def test_a_hole_in_the_sound_keeps_the_times_of_what_follows():
    packager, data = package(AudioPackager, sound((0, 1000), (5000, 6000)))
    times = [parse_moof(found).start for kind, _, found in walk(data) if kind == "moof"]
    assert times == [0, 5000]
    assert [bool(item.size) for item in packager.fragments] == [True, False, True]
    assert sum(item.duration_us for item in packager.fragments) == 6_000_000
    check_places(packager, data)


def test_sound_that_starts_late_leaves_empty_places_before_it():
    packager, data = package(AudioPackager, sound((4500, 6000)))
    assert [bool(item.size) for item in packager.fragments] == [False, False, True]
    check_places(packager, data)


@pytest.mark.parametrize("again_ms", [2900, 500])
def test_sound_that_goes_back_in_time_never_lasts_less_than_nothing(again_ms):
    packager, data = package(AudioPackager, sound((0, 3000), (again_ms, 1000 + again_ms)))
    assert all(item.duration_us >= 0 for item in packager.fragments)
    check_places(packager, data)


def test_a_hole_of_hours_fits_into_the_index():
    packager, _ = package(AudioPackager, sound((0, 1000), (7_200_000, 7_201_000)))
    assert len(pack_index(packager.fragments)) == 28 * len(packager.fragments)


def test_samples_that_are_not_all_there_are_malformed():
    broken = fragment(0, [20, 20], [50, 50]).replace((50).to_bytes(4, "big"), b"\0\0\0\x33", 1)
    with pytest.raises(Malformed):
        package(AudioPackager, init_of_sound() + broken)


# --- cuts ----------------------------------------------------------------------------------------------


def test_every_moment_lies_in_one_fragment():
    cuts = Cuts(GRID, 4_000_000)
    assert [cuts.at(time * MS) for time in (-100, 0, 1990, 1997, 2000, 7990, 90_000)] == [
        0, 0, 0, 1, 1, 2, 3,
    ]  # fmt: skip
    assert [cuts.start(number) for number in range(5)] == [*GRID, float("inf")]
    grown = Cuts((), 4_000_000)
    assert [grown.at(time * MS) for time in (-100, 0, 3990, 3997, 4000)] == [0, 0, 0, 1, 1]
