"""Boxes are read in any portion, and what is malformed is said at once."""

import random
import struct
import time

import pytest

from polyreel.infra.bmff import FragmentReader, Malformed, make_fragment, parse_init, parse_moof
from tests.factories.boxes import box, fragment, init_of_picture, init_of_sound, walk


def moof_of(data):
    return next(found for kind, _, found in walk(data) if kind == "moof")


def moof_with(*children):
    return box("moof", box("mfhd", bytes(8)), box("traf", *children))


TFHD = box("tfhd", struct.pack(">II", 0x020000, 1))
TFDT = box("tfdt", struct.pack(">IQ", 0x01000000, 0))
TRUN = box("trun", struct.pack(">IIII", 0x000100, 1, 0, 40))


def test_an_init_tells_its_codec_units_and_size():
    init = parse_init(init_of_picture(timescale=90_000, width=640, height=360))
    assert (init.codec, init.timescale, init.width, init.height) == (
        "avc1.64001f",
        90_000,
        640,
        360,
    )
    assert parse_init(init_of_sound(object_type=2)).codec == "mp4a.40.2"
    assert parse_init(init_of_sound(object_type=5)).codec == "mp4a.40.5"


def test_a_moof_tells_the_times_and_sizes_of_its_samples():
    samples = parse_moof(moof_of(fragment(700, [40, 50], [3, 4], offset=-80)))
    assert (samples.start, samples.first_offset, samples.duration) == (700, -80, 90)
    assert (list(samples.durations), list(samples.sizes)) == ([40, 50], [3, 4])


def test_defaults_of_a_fragment_stand_for_columns_that_are_not_there():
    tfhd = box("tfhd", struct.pack(">IIII", 0x020018, 1, 40, 9))
    trun = box("trun", struct.pack(">II", 0, 3))
    samples = parse_moof(moof_with(tfhd, TFDT, trun))
    assert (list(samples.durations), list(samples.sizes)) == ([40] * 3, [9] * 3)


@pytest.mark.parametrize("durations", [[1024, 1024, 1024], [1024, 1023, 2048]], ids=str)
def test_a_fragment_that_we_write_reads_back(durations):
    data = make_fragment(7, 123_456_789_012, durations, [1, 2, 3], b"abbccc")
    assert [kind for kind, _, _ in walk(data)] == ["moof", "mdat"]
    samples = parse_moof(moof_of(data))
    assert samples.start == 123_456_789_012
    assert (list(samples.durations), list(samples.sizes)) == (durations, [1, 2, 3])
    assert data.endswith(b"abbccc")


@pytest.mark.parametrize("portion", [1, 7, 8, 100, 10_000])
def test_a_stream_is_read_in_any_portion(portion):
    found = []
    reader = FragmentReader(
        lambda init: found.append((b"init", init)),
        lambda moof, mdat: found.append((moof, mdat)),
    )
    parts = [fragment(number * 40, [40], [500], fill=number) for number in range(4)]
    stream = init_of_picture() + b"".join(parts) + box("free", bytes(9))
    for at in range(0, len(stream), portion):
        reader.feed(stream[at : at + portion])
    assert found[0] == (b"init", init_of_picture())
    assert [moof + mdat for moof, mdat in found[1:]] == parts


def test_a_fragment_cut_short_is_not_handed_on():
    found = []
    reader = FragmentReader(lambda init: None, lambda moof, mdat: found.append(mdat))
    whole = init_of_picture() + fragment(0, [40], [50]) + fragment(40, [40], [50])
    reader.feed(whole[:-1])
    assert len(found) == 1


@pytest.mark.parametrize("size", [0, 2, 7, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_box_of_an_impossible_size_is_said_at_once(size):
    reader = FragmentReader(lambda init: None, lambda moof, mdat: None)
    with pytest.raises(Malformed):
        reader.feed(struct.pack(">I4s", size, b"moov"))


def test_a_large_box_of_an_impossible_size_is_said_at_once():
    reader = FragmentReader(lambda init: None, lambda moof, mdat: None)
    with pytest.raises(Malformed):
        reader.feed(struct.pack(">I4sQ", 1, b"mdat", 1 << 62))


@pytest.mark.parametrize(
    "moof",
    [
        b"",
        box("moof"),
        moof_with(TFHD, TRUN),
        moof_with(TFHD, TFDT),
        moof_with(TFHD, TFDT, box("trun", struct.pack(">II", 0, 0))),
        moof_with(TFHD, TFDT, box("trun", struct.pack(">II", 0x100, 9), bytes(4))),
        moof_with(TFHD, box("tfdt", b"\1\0"), TRUN),
        moof_with(TFHD, box("tfdt"), TRUN),
        moof_with(box("tfhd", struct.pack(">I", 0x18)), TFDT, TRUN),
        moof_with(struct.pack(">I4s", 4, b"tfhd"), TFDT, TRUN),
        moof_with(struct.pack(">I4s", 900, b"tfhd"), TFDT, TRUN),
    ],
)
def test_a_malformed_moof_is_malformed_and_nothing_else(moof):
    with pytest.raises(Malformed):
        parse_moof(moof)


def test_a_count_of_samples_without_samples_takes_no_memory():
    endless = moof_with(TFHD, TFDT, box("trun", struct.pack(">II", 0, 0xFFFFFFFF)))
    began = time.thread_time()
    with pytest.raises(Malformed):
        parse_moof(endless)
    assert time.thread_time() - began < 0.5


def replaced(data, old, new):
    assert old in data
    return data.replace(old, new)


@pytest.mark.parametrize(
    "init",
    [
        b"",
        box("moov"),
        init_of_picture()[:200],
        init_of_picture(timescale=0),
        replaced(init_of_picture(), b"avc1", b"hvc1"),
        replaced(init_of_picture(), b"avcC", b"xxxC"),
        replaced(init_of_sound(), b"esds", b"xsds"),
        replaced(init_of_sound(), bytes([5, 2, 0x10]), bytes([6, 2, 0x10])),
        replaced(init_of_sound(), bytes([5, 2, 0x10]), bytes([5, 0x80, 0x80])),
    ],
    ids=range(9),
)
def test_a_malformed_init_is_malformed_and_nothing_else(init):
    with pytest.raises(Malformed):
        parse_init(init)


def test_noise_is_survived():
    dice = random.Random(7)
    picture, sound = init_of_picture(), init_of_sound()
    moof = moof_of(fragment(0, [40] * 5, [9] * 5))
    for _ in range(3000):
        for good, parse in ((picture, parse_init), (sound, parse_init), (moof, parse_moof)):
            bad = bytearray(good)
            for _ in range(dice.randint(1, 4)):
                bad[dice.randrange(len(bad))] = dice.randrange(256)
            try:
                parse(bytes(bad[: dice.randint(0, len(bad))] if dice.random() < 0.3 else bad))
            except Malformed:
                continue
