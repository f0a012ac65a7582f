"""Where the pictures of a storyboard are, and when each is shown."""

from itertools import pairwise

import pytest

from polyreel.core.library import delete_media_if_unused
from polyreel.core.media.stills import fit, mosaic_picks
from polyreel.core.media.storyboard import (
    Storyboard,
    find_storyboard,
    list_storyboard_keys,
    plan_count,
    plan_grid,
    plan_starts,
    save_storyboard,
    storyboard_track,
)
from tests.factories.library import make_media
from tests.factories.probes import make_video

MINUTE_MS = 60_000


@pytest.mark.parametrize(
    ("duration_ms", "count"),
    [(0, 1), (40, 16), (20_000, 16), (MINUTE_MS, 30), (4 * MINUTE_MS, 120), (600 * MINUTE_MS, 120)],
)
def test_a_film_has_few_enough_pictures_to_cost_the_same_at_any_length(duration_ms, count):
    assert plan_count(duration_ms) == count


def test_a_keyframe_is_shown_for_all_the_time_it_is_the_nearest():
    assert plan_starts([0, 0, 1, 2, 2, 2, 3], 1000.4) == [0, 2001, 3001, 6002]


@pytest.mark.parametrize("count", [1, 2, 11, 12, 13, 119, 120])
def test_every_tile_has_a_place_on_the_sheet(count):
    columns, rows = plan_grid(count)
    assert columns * (rows - 1) < count <= columns * rows


@pytest.mark.parametrize(("count", "cells"), [(1, 1), (3, 1), (5, 4), (15, 9), (16, 16), (120, 16)])
def test_the_mosaic_is_a_whole_square_of_evenly_spaced_frames(count, cells):
    picks = mosaic_picks(count)
    gaps = {after - before for before, after in pairwise([-1, *picks])}
    assert len(picks) == cells
    assert picks[-1] < count
    assert 0 not in gaps
    assert max(gaps) <= count // cells + 1


@pytest.mark.parametrize(
    ("stream", "size"),
    [
        ({"width": 1920, "height": 1080}, (160, 90)),
        ({"width": 1080, "height": 1920}, (90, 160)),
        ({"width": 1920, "height": 1080, "rotation": 90}, (90, 160)),
        ({"width": 1440, "height": 1080, "sar_num": 4, "sar_den": 3}, (160, 90)),
        ({"width": 64, "height": 36}, (64, 36)),
        ({"width": 8000, "height": 2}, (160, 2)),
        ({"width": 1, "height": 1}, (2, 2)),
    ],
)
def test_a_tile_has_the_shape_of_the_film_and_is_never_enlarged(stream, size):
    assert fit(make_video(**stream), 160) == size


def test_cues_follow_each_other_without_a_gap_to_the_end_of_the_film():
    board = Storyboard("a/b.webp", 2, 160, 90, [0, 3_600_500_000, 7_200_000_000])
    lines = storyboard_track(board, "sheet.webp", 7_300_001).splitlines()
    assert lines[2:4] == ["00:00:00.000 --> 01:00:00.500", "sheet.webp#xywh=0,0,160,90"]
    assert lines[8:10] == ["02:00:00.000 --> 02:01:40.001", "sheet.webp#xywh=0,90,160,90"]


def test_a_storyboard_is_kept_replaced_and_goes_with_its_media(site):
    with site.tools.db.write() as tx:
        media = make_media(tx)
        assert find_storyboard(tx, media.id) is None
        save_storyboard(tx, media.id, Storyboard("a/first.webp", 12, 160, 90, [0, 5]))
        save_storyboard(tx, media.id, Storyboard("a/second.webp", 12, 160, 90, [0, 7]))
        found = find_storyboard(tx, media.id)
        assert found is not None
        assert (found.key, list(found.starts_us)) == ("a/second.webp", [0, 7])
        assert list_storyboard_keys(tx) == ["a/second.webp"]
    with site.tools.db.write() as tx:
        assert delete_media_if_unused(tx, media.id)
    with site.tools.db.read() as tx:
        assert list_storyboard_keys(tx) == []
