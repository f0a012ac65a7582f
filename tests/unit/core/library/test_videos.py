"""Names, tags and chosen pictures of videos."""

import dataclasses

import pytest

from polyreel.core import library
from polyreel.core.library.names import LONGEST_FOLDED, fold_name
from polyreel.core.library.videos import _COLUMNS
from polyreel.core.upkeep import sweep_files
from polyreel.infra.storage import LocalStorage


def test_what_is_selected_is_in_the_order_of_the_fields():
    assert list(_COLUMNS) == [each.name for each in dataclasses.fields(library.Video)]


class TestNames:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("ÉTÉ", "e\u0301te\u0301"),
            ("Straße", "STRASSE"),
            ("ﬁlm", "FILM"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ],
    )
    def test_are_alike_in_every_case_and_spelling(self, one, other):
        assert fold_name(one) == fold_name(other)

    def test_are_never_too_long_for_an_index(self):
        assert len(fold_name("\ufdfa" * 255)) == LONGEST_FOLDED

    def test_a_very_long_one_can_be_kept_and_found(self, house):
        house.video(house.bobby, "\ufdfa" * 255)
        with house.db.read() as tx:
            assert len(library.search_videos(tx, house.bobby, "\ufdfa")) == 1


class TestTags:
    def test_go_with_the_video_and_stay_with_the_person(self, house):
        video = house.video(house.bobby)
        with house.db.write() as tx:
            tag = library.add_tag(tx, house.bobby, video.id, " holiday ")
            library.delete_videos(tx, house.bobby, [video.id])
        assert tag.name == "holiday"
        other = house.video(house.bobby)
        with house.db.write() as tx:
            assert library.add_tag(tx, house.bobby, other.id, "holiday").id == tag.id

    def test_of_many_videos_are_asked_for_at_once(self, house):
        ids = house.fill(house.bobby, 600)
        with house.db.write() as tx:
            for number in ids[::100]:
                library.add_tag(tx, house.bobby, number, "b")
                library.add_tag(tx, house.bobby, number, "a")
        with house.db.read() as tx:
            found = library.list_tags(tx, ids)
        assert sorted(found) == ids[::100]
        assert all([each.name for each in tags] == ["b", "a"] for tags in found.values())


class TestPosters:
    def test_the_sweep_keeps_those_that_are_shown(self, house, tmp_path):
        storage = LocalStorage(tmp_path / "files")
        video = house.video(house.bobby)
        for key in ("posters/00/shown.webp", "posters/00/left.webp"):
            with storage.create(key) as staged:
                staged.path.write_bytes(b"webp")
                staged.commit()
            with house.db.write() as tx:
                library.set_poster(tx, house.bobby, video.id, key)
        report = sweep_files(house.db, storage, min_age_s=0)
        assert report.removed == ["posters/00/shown.webp"]
        with house.db.read() as tx:
            assert library.get_video(tx, house.bobby, video.id).has_poster
