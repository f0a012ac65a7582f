"""The samples of a track, gathered from its fragments: columns, joins, holes, what goes back."""

import itertools
import struct

import pytest

from polyreel.infra.bmff import Malformed
from polyreel.infra.fragments import Defaults, read_defaults, read_run
from polyreel.infra.samples import SampleTable
from tests.factories.boxes import box, fragment, walk
from tests.factories.tracks import picture_init

SYNC, OTHER = 0x2000000, 0x1010000


def moof_of(*given, **more):
    return next(whole for kind, _, whole in walk(fragment(*given, **more)) if kind == "moof")


def moof_with(*truns, tfhd=b"", flags=0, start=0):
    head = box("tfhd", struct.pack(">II", 0x020000 | flags, 1), tfhd)
    tfdt = box("tfdt", struct.pack(">II", 0, start))
    return box("moof", box("mfhd", bytes(8)), box("traf", head, tfdt, *truns))


def trun(flags, count, *numbers):
    return box("trun", struct.pack(f">II{len(numbers)}i", flags, count, *numbers))


def test_columns():
    run = read_run(moof_of(500, [40, 41, 42], [10, 20, 30], offset=-7), Defaults())
    assert (run.start, list(run.durations), list(run.sizes)) == (500, [40, 41, 42], [10, 20, 30])
    assert list(run.offsets) == [-7, -7, -7]


def test_what_the_header_says_for_all():
    moof = moof_with(
        trun(0x5, 3, 100, SYNC), flags=0x38, tfhd=struct.pack(">III", 40, 9, OTHER), start=80
    )
    run = read_run(moof, Defaults())
    assert (list(run.durations), list(run.sizes)) == ([40] * 3, [9] * 3)
    assert (run.start, run.place, list(run.syncs)) == (80, 100, [0])


def test_what_the_init_says_for_all():
    init = picture_init()
    assert read_defaults(init) == Defaults(0, 0, 0)
    assert read_defaults(b"") == Defaults()
    run = read_run(moof_with(trun(0x1, 2, 50)), Defaults(33, 7, OTHER))
    assert (list(run.durations), list(run.sizes), list(run.syncs)) == ([33, 33], [7, 7], [])


def test_flags_of_each_sample():
    run = read_run(moof_with(trun(0x401, 4, 9, SYNC, OTHER, SYNC, OTHER)), Defaults(1, 1, 0))
    assert list(run.syncs) == [0, 2]


def test_two_runs_one_behind_the_other():
    two = [trun(0x201, 2, 100, 10, 20), trun(0x201, 1, 130, 30)]
    run = read_run(moof_with(*two), Defaults(5, 0, 0))
    assert (list(run.sizes), list(run.syncs), run.place) == ([10, 20, 30], [0, 1, 2], 100)
    with pytest.raises(Malformed, match="apart"):
        read_run(moof_with(two[0], trun(0x201, 1, 140, 30)), Defaults(5, 0, 0))


@pytest.mark.parametrize(
    "moof",
    [
        b"",
        box("moof", box("mfhd", bytes(8))),
        moof_with(),
        moof_with(trun(0x1, 0, 8)),
        moof_with(trun(0x201, 5, 8, 1, 2)),
        moof_with(trun(0x1, 1 << 21, 8)),
        moof_with(box("trun", b"\0\0")),
        moof_of(0, [1], [1])[:-9],
    ],
)
def test_damage(moof):
    with pytest.raises(Malformed):
        read_run(moof, Defaults(1, 1, 0))


def gathered(*runs, timescale=1000):
    """(start, durations) of each moof."""
    table = SampleTable(timescale)
    for number, (start, durations) in enumerate(runs):
        moof = moof_of(start, durations, [5] * len(durations))
        table.add(read_run(moof, Defaults()), 0, number * 1000, len(moof))
    return table


def test_fragments_that_join():
    table = gathered((0, [40, 40]), (80, [40, 40]))
    assert (list(table.deltas), table.end) == ([40] * 4, 160)
    assert [chunk.start for chunk in map(table.chunk, range(table.chunks))] == [0, 80]


def test_a_hole_is_the_length_of_the_sample_before_it():
    table = gathered((0, [40, 40]), (1000, [40]))
    assert list(table.deltas) == [40, 960, 40]
    assert table.end == 1040


def test_what_goes_back_is_decoded_later_and_shown_when_it_was_to_be():
    table = gathered((0, [40, 40]), (30, [40]))
    assert list(table.deltas) == [40, 1, 40]
    assert list(table.offsets) == [0, 0, -11]


def test_the_first_may_begin_late():
    table = gathered((700, [40]))
    assert (table.first_start, table.first_shown, table.end) == (700, 700, 740)


def test_a_long_fragment_becomes_several_chunks():
    table = gathered((0, [1000] * 65))
    chunks = [table.chunk(number) for number in range(table.chunks)]
    assert [chunk.samples for chunk in chunks] == [20, 20, 20, 5]
    assert [chunk.skip for chunk in chunks] == [0, 20, 40, 60]
    assert [chunk.start for chunk in chunks] == [0, 20_000, 40_000, 60_000]
    assert [b.place - a.place for a, b in itertools.pairwise(chunks)] == [100] * 3
    assert sum(chunk.size for chunk in chunks) == 65 * 5
    assert [c.samples for c in map(gathered((0, [60_000] * 3)).chunk, range(3))] == [1, 1, 1]
