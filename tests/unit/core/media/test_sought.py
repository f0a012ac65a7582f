"""What a viewer waits for goes before everything, and what is between waits."""

from itertools import pairwise

import pytest

from polyreel.core.library import get_media
from polyreel.core.media.index import unpack_cuts
from polyreel.core.media.look import start_work
from polyreel.core.media.renditions import begin_part, fail_rendition
from polyreel.core.media.sought import FEW, LEAST, LEAST_EACH, seek
from tests.factories.probes import make_probe
from tests.factories.probes import make_video as make_track

# A head of 8 s, then parts of 76 s, in fragments of 4 s but for the first two.
FIRSTS = [0, 3, 22, 41]


@pytest.fixture
def film(site, lay, read):
    """Four minutes to be encoded in three heights, its work waiting; gives its media's id."""
    media_id = lay(
        make_probe(make_track(codec="vp8", duration_us=240_000_000), duration_ms=240_000)
    )
    with site.tools.db.write() as tx:
        start_work(tx, get_media(tx, media_id), read(media_id))
    return media_id


def parts_of(rendition):
    return [(one.number, one.first_fragment, one.start_us, one.end_us) for one in rendition.parts]


def media_of(site, media_id):
    with site.tools.db.read() as tx:
        return get_media(tx, media_id)


def sought(site, media_id, fragment, rendition):
    """The parts that are made at once, the newest first, when this fragment is waited for, too."""
    seek(site.tools.db, media_id, rendition.id, fragment)
    return [job.args["part"] for job in site.jobs(kind="media.sought")]


def test_the_film_is_as_these_tests_think(read, film):
    assert [one.first_fragment for one in read(film)[0].parts] == FIRSTS


@pytest.mark.parametrize("ahead", range(LEAST))
def test_near_the_beginning_of_a_part_the_part_is_made(site, read, film, ahead):
    before = [parts_of(one) for one in read(film)]
    waiting = len(site.jobs())
    assert sought(site, film, FIRSTS[2] + ahead, read(film)[0]) == [2]
    assert [parts_of(one) for one in read(film)] == before
    assert len(site.jobs()) == waiting


def test_further_on_it_is_made_from_there_in_every_height(site, read, film):
    top = read(film)[0]
    usual = site.jobs(kind="media.encode")
    assert sought(site, film, 30, top) == [4]
    for rendition in read(film):
        numbers = [number for number, *_ in parts_of(rendition)]
        assert numbers == [0, 1, 2, 4, 3], "in the order of time"
        ends = [part.end_us for part in rendition.parts]
        assert ends[:-1] == [part.start_us for part in rendition.parts[1:]]
        assert rendition.part(4).start_us == 116_000_000
        assert rendition.part(4).first_fragment == 30
    (job,) = site.jobs(kind="media.sought")
    assert job.args["rendition_ids"] == usual[0].args["rendition_ids"]
    assert job.owner_id == usual[0].owner_id
    assert [one.args for one in site.jobs(kind="media.encode")] == [one.args for one in usual]


def test_each_place_that_is_waited_for_is_made_from_there(site, read, film):
    top = read(film)[0]
    assert sought(site, film, 30, top) == [4]
    assert sought(site, film, 30, top) == [4], "it waits already"
    assert sought(site, film, 36, read(film)[0]) == [5, 4]
    assert sought(site, film, 25, read(film)[0]) == [6, 5, 4]
    assert [one.first_fragment for one in read(film)[0].parts] == [0, 3, 22, 25, 30, 36, 41]


def test_what_was_sought_last_comes_first(site, read, film):
    top = read(film)[0]
    for fragment in (25, 45, 30):
        sought(site, film, fragment, top)
    sought(site, film, 45, read(film)[0])
    top = read(film)[0]
    waiting = sorted(site.jobs(kind="media.sought"), key=lambda job: -job.priority)
    firsts = [top.part(job.args["part"]).first_fragment for job in waiting]
    assert firsts == [45, 30, 25]


def test_a_film_is_not_cut_to_pieces(site, read, film):
    top = read(film)[0]
    fragments = len(unpack_cuts(media_of(site, film).cuts))
    for fragment in reversed(range(fragments)):
        sought(site, film, fragment, top)
    parts = read(film)[0].parts
    firsts = [part.first_fragment for part in parts]
    assert len(parts) == FEW + fragments // LEAST_EACH
    assert min(b - a for a, b in pairwise(firsts)) >= LEAST


def test_the_beginning_of_a_film_keeps_its_own_lane(site, read, film):
    assert sought(site, film, 0, read(film)[0]) == []


def test_a_part_that_was_begun_stays_whole(site, read, film):
    top = read(film)[0]
    with site.tools.db.write() as tx:
        for rendition in read(film):
            begin_part(tx, rendition.part(2).id, f"media/a/{rendition.id}")
    before = parts_of(read(film)[0])
    assert sought(site, film, 30, top) == [2]
    assert parts_of(read(film)[0]) == before, "what a try left would be listed twice"


def test_what_no_playlist_lists_waits(site, read, film):
    small = read(film)[1]
    assert not small.promised
    assert sought(site, film, 30, small) == []


def test_what_failed_is_not_sought(site, read, film):
    top = read(film)[0]
    with site.tools.db.write() as tx:
        fail_rendition(tx, top.id, "It broke.")
    assert sought(site, film, 30, top) == []


def test_a_film_without_an_index_is_not_sought(site, lay, read):
    media_id = lay(make_probe(make_track(codec="vp8"), has_index=False, duration_ms=240_000))
    with site.tools.db.write() as tx:
        start_work(tx, get_media(tx, media_id), read(media_id))
    assert sought(site, media_id, 0, read(media_id)[0]) == []


def test_a_fragment_that_is_promised_by_nobody_changes_nothing(site, read, film):
    assert sought(site, film, 10_000, read(film)[0]) == []
