"""Trees of folders: however deep, never a circle, gone with all below."""

import time

import pytest

from polyreel.core import library
from polyreel.core.library.folders import MAX_DEPTH
from polyreel.core.library.tables import FolderRow
from polyreel.kit.errors import Forbidden, Invalid, NotFound


def deep(house, actor, depth):
    """A chain of folders; their ids from the top down."""
    ids: list[int] = []
    with house.db.write() as tx:
        for number in range(depth):
            row = FolderRow(
                user_id=actor.user_id,
                parent_id=ids[-1] if ids else None,
                name=str(number),
                created_at=tx.now,
                updated_at=tx.now,
            )
            tx.session.add(row)
            tx.session.flush()
            ids.append(row.id)
    return ids


def count(house):
    with house.db.read() as tx:
        return tx.session.query(FolderRow).count()


def test_nobody_adds_to_the_folder_of_another_person(house):
    folder_id = house.folder(house.bobby)
    house.video(house.bobby, folder_id=folder_id)
    for actor in (house.alice, house.add("carol")):
        with pytest.raises(NotFound):
            house.video(actor, folder_id=folder_id)


class TestDepth:
    def test_there_is_an_end_to_it(self, house):
        ids = deep(house, house.bobby, MAX_DEPTH - 1)
        last = house.folder(house.bobby, "last", ids[-1])
        with pytest.raises(Invalid):
            house.folder(house.bobby, "too much", last)

    def test_nothing_is_moved_where_it_would_be_too_deep(self, house):
        ids = deep(house, house.bobby, MAX_DEPTH - 1)
        two = deep(house, house.bobby, 2)
        with house.db.write() as tx, pytest.raises(Invalid):
            library.move_items(tx, house.bobby, ids[-1], folder_ids=[two[0]])
        with house.db.write() as tx:
            library.move_items(tx, house.bobby, ids[-2], folder_ids=[two[0]])

    def test_the_path_to_the_deepest_is_one_question(self, house):
        ids = deep(house, house.bobby, MAX_DEPTH)
        with house.db.read() as tx:
            assert [each.id for each in library.folder_path(tx, ids[-1])] == ids
            assert library.folder_path(tx, 10**6) == library.folder_path(tx, None) == []

    def test_the_deepest_tree_is_deleted_from_its_top(self, house):
        ids = deep(house, house.bobby, MAX_DEPTH)
        house.video(house.bobby, folder_id=ids[-1])
        began = time.monotonic()
        with house.db.write() as tx:
            library.delete_folders(tx, house.bobby, [ids[0]])
        assert time.monotonic() - began < 5
        assert count(house) == 0
        with house.db.read() as tx:
            assert library.list_recent_videos(tx, house.bobby) == []


class TestMoves:
    def test_no_order_of_moves_makes_a_circle(self, house):
        one, two, three = (house.folder(house.bobby, name) for name in "abc")
        with house.db.write() as tx:
            library.move_items(tx, house.bobby, two, folder_ids=[one])
            library.move_items(tx, house.bobby, three, folder_ids=[two])
        for target in (one, two, three):
            with house.db.write() as tx, pytest.raises(Invalid):
                library.move_items(tx, house.bobby, target, folder_ids=[three])
        with house.db.read() as tx:
            assert [each.id for each in library.folder_path(tx, one)] == [three, two, one]

    def test_two_that_would_only_together_make_a_circle(self, house):
        one, two = house.folder(house.bobby, "a"), house.folder(house.bobby, "b")
        with house.db.write() as tx, pytest.raises(Invalid):
            library.move_items(tx, house.bobby, two, folder_ids=[one, two])
        with house.db.read() as tx:
            assert len(library.list_folders(tx, house.bobby)) == 2

    def test_a_key_that_may_only_read_moves_nothing(self, house):
        target, video = house.folder(house.bobby), house.video(house.bobby)
        reader = type(house.bobby)(
            user_id=house.bobby.user_id,
            username="bobby",
            is_admin=False,
            via="key",
            scopes=frozenset({"read"}),
        )
        with house.db.write() as tx, pytest.raises(Forbidden):
            library.move_items(tx, reader, target, video_ids=[video.id])


class TestMany:
    def test_ten_thousand_videos_are_listed_found_and_deleted_soon(self, house):
        folder = house.folder(house.bobby)
        below = house.folder(house.bobby, "below", folder)
        house.fill(house.bobby, 10_000, below, "Film")
        began = time.monotonic()
        with house.db.read() as tx:
            assert len(library.list_videos(tx, house.bobby, below)) == 10_000
            (found,) = library.search_videos(tx, house.bobby, "FILM 9999")
            assert found.name == "Film 9999"
        with house.db.write() as tx:
            library.delete_folders(tx, house.bobby, [folder])
        # A loaded machine; each takes a fraction of a second.
        assert time.monotonic() - began < 20
        with house.db.read() as tx:
            assert library.list_recent_videos(tx, house.bobby) == []
            assert library.list_media_keys(tx) == []

    def test_more_than_one_statement_can_name_are_moved_together(self, house):
        target = house.folder(house.bobby)
        ids = house.fill(house.bobby, 1100)
        with house.db.write() as tx:
            library.move_items(tx, house.bobby, target, video_ids=ids)
        with house.db.read() as tx:
            assert library.count_videos(tx, [target]) == {target: 1100}
        with house.db.write() as tx:
            library.delete_videos(tx, house.bobby, ids)
        with house.db.read() as tx:
            assert library.count_videos(tx, [target]) == {}
