"""The front of a plain MP4, read back by a reader that knows nothing of the writer."""

import struct

import pytest

from polyreel.infra.bmff import Malformed
from polyreel.infra.fragments import Defaults, Run, read_run
from polyreel.infra.mp4 import Mp4Track, make_head
from polyreel.infra.samples import SampleTable
from tests.factories.boxes import moof_of, walk
from tests.factories.tracks import find, picture_init, samples_of, sound_init, walk_loosely

GIB = 1 << 30


def table_of(*runs, timescale=1000):
    """(start, durations, sizes, offsets) of each fragment; the first sample of each is a keyframe."""
    table = SampleTable(timescale)
    for number, (start, durations, sizes, offsets) in enumerate(runs):
        moof = moof_of(start, durations, sizes)
        run = read_run(moof, Defaults())
        for at, offset in enumerate(offsets):
            run.offsets[at] = offset
        table.add(Run(run.start, run.durations, run.sizes, run.offsets, [0], run.place),
                  0, 1000 * number, len(moof))  # fmt: skip
    return table


def picture(*runs, **more):
    return Mp4Track(picture_init(), table_of(*runs), **more)


def sound(*runs, **more):
    return Mp4Track(sound_init(), table_of(*runs), **more)


def check_places(head, tracks, order):
    """Samples lie where the chunks follow each other behind the head, each where the tables say."""
    wanted: list[list[int]] = [[] for _ in tracks]
    place = len(head)
    seen = [0] * len(tracks)
    for track, chunk in order:
        for _ in range(tracks[track].samples.chunk(chunk).samples):
            wanted[track].append(place)
            place += tracks[track].samples.sizes[seen[track]]
            seen[track] += 1
    assert [[one.place for one in track] for track in samples_of(head)] == wanted
    return place


def test_two_tracks_in_turns():
    tracks = [
        picture((0, [40] * 5, [9, 1, 2, 3, 4], [0] * 5), (200, [40] * 2, [8, 1], [0] * 2)),
        sound((0, [20] * 10, [6] * 10, [0] * 10), (200, [20] * 4, [7] * 4, [0] * 4)),
    ]
    order = [(0, 0), (1, 0), (0, 1), (1, 1)]
    head = make_head(tracks, order)
    end = check_places(head, tracks, order)
    kinds = [(kind, len(whole)) for kind, _, whole in walk_loosely(head)]
    assert [kind for kind, _ in kinds] == ["ftyp", "moov", "mdat"]
    assert struct.unpack_from(">I", head, len(head) - 8)[0] == end - len(head) + 8
    first, second = samples_of(head)
    assert [one.decoded for one in first] == [0, 40, 80, 120, 160, 200, 240]
    assert [one.is_sync for one in first] == [True, *[False] * 4, True, False]
    assert [one.size for one in second] == [6] * 10 + [7] * 4
    assert find(head, "moov", "mvhd")[16:20] == struct.pack(">I", 280 * 90)


def test_negative_offsets_become_an_edit_list():
    head = make_head([picture((0, [40] * 4, [5] * 4, [0, 80, -40, -40]))], [(0, 0)])
    assert [one.shown for one in samples_of(head)[0]] == [0, 120, 40, 80]
    ctts = find(head, "moov", "trak", "mdia", "minf", "stbl", "ctts")
    assert ctts[0] == 0
    assert min(offset for _, offset in struct.iter_unpack(">II", ctts[8:])) == 0


@pytest.mark.parametrize(
    ("start", "offset", "edits"),
    [
        (0, 0, [(160 * 90, 0)]),
        (700, 0, [(700 * 90, -1), (160 * 90, 0)]),
        (700, 80, [(780 * 90, -1), (160 * 90, 80)]),
        (0, -30, [(160 * 90, 30)]),
    ],
    ids=["at zero", "late", "late with an offset", "before zero"],
)
def test_where_a_track_begins(start, offset, edits):
    head = make_head([picture((start, [40] * 4, [5] * 4, [offset] * 4))], [(0, 0)])
    elst = find(head, "moov", "trak", "edts", "elst")
    rows = [(length, time) for length, time, _ in struct.iter_unpack(">IiI", elst[8:])]
    assert rows == edits


def test_more_than_4_gib():
    big = (0, [40] * 3, [GIB] * 3, [0] * 3)
    tracks = [picture(big, (120, [40] * 3, [GIB] * 3, [0] * 3)), sound((0, [20], [7], [0]))]
    order = [(0, 0), (1, 0), (0, 1)]
    head = make_head(tracks, order)
    end = check_places(head, tracks, order)
    assert end > 6 * GIB
    assert head[-16:] == struct.pack(">I4sQ", 1, b"mdat", 6 * GIB + 7 + 16)
    assert b"co64" in head
    assert b"stco" not in head


def test_just_below_4_gib_is_narrow():
    sizes = [GIB] * 3 + [GIB - 4096]
    tracks = [picture((0, [40] * 4, sizes, [0] * 4))]
    head = make_head(tracks, [(0, 0)])
    assert check_places(head, tracks, [(0, 0)]) < 1 << 32
    assert b"co64" not in head


def test_a_day_of_film():
    day = (0, [3_600_000] * 24, [5] * 24, [0] * 24)
    head = make_head([picture(day)], [(0, n) for n in range(24)])
    mvhd = find(head, "moov", "mvhd")
    assert mvhd[0] == 1
    assert struct.unpack_from(">Q", mvhd, 24)[0] == 24 * 3600 * 90_000
    assert samples_of(head)[0][-1].decoded == 23 * 3_600_000


@pytest.mark.parametrize(
    ("language", "packed", "tag"),
    [
        ("deu", 0x1000 | 5 << 5 | 21, b""),
        (None, 0x55C4, b""),
        ("de-CH", 0x55C4, b"de-ch\0"),
        ("\u202e", 0x55C4, b""),
        ("a\0b", 0x55C4, b""),
    ],
)
def test_languages(language, packed, tag):
    run = (0, [20], [5], [0])
    head = make_head([sound(run, language=language)], [(0, 0)])
    mdia = find(head, "moov", "trak", "mdia")
    assert struct.unpack_from(">H", find(mdia, "mdhd"), 20)[0] == packed
    assert ([whole[12:] for kind, _, whole in walk(mdia) if kind == "elng"] or [b""]) == [tag]


def test_of_several_sounds_one_is_on():
    run = (0, [20], [5], [0])
    tracks = [sound(run, group=1, title="Ton"), sound(run, group=1, is_enabled=False)]
    head = make_head(tracks, [(0, 0), (1, 0)])
    traks = [whole[8:] for kind, _, whole in walk(find(head, "moov")) if kind == "trak"]
    headers = [find(trak, "tkhd") for trak in traks]
    assert [header[3] for header in headers] == [3, 2]
    assert [struct.unpack_from(">H", header, 34)[0] for header in headers] == [1, 1]
    names = [find(trak, "mdia", "hdlr")[24:] for trak in traks]
    assert names == [b"Ton\0", b"Handler\0"]


def test_an_init_that_is_none():
    with pytest.raises(Malformed):
        make_head([Mp4Track(b"", SampleTable(1000))], [])
