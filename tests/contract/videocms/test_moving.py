"""/api/move. Source: the VideoCMS contract, section 19."""

import pytest

from polyreel.core import library, users
from tests.contract.videocms.site import is_empty, is_text


def parent_of(site, user, folder):
    with site.db.read() as tx:
        return library.get_folder(tx, users.actor_of(user), folder.id).parent_id


def folder_of(site, user, video):
    with site.db.read() as tx:
        return library.get_video(tx, users.actor_of(user), video.id).folder_id


def by_put(**given):
    return {"method": "PUT", "json": given}


def by_form(**given):
    return {"method": "PUT", "data": given}


def by_get(**given):
    return {"method": "GET", "params": given}


def by_get_with_body(**given):
    return {"method": "GET", "json": given}


@pytest.mark.parametrize("way", [by_put, by_form, by_get, by_get_with_body])
class TestWays:
    def test_folders_and_links_go_there_and_back(self, site, way):
        target, folder = site.folder(site.bobby), site.folder(site.bobby, "a")
        one, two = site.video(site.bobby), site.video(site.bobby, "b.mp4")
        given = {"FolderIDs": [folder.id], "LinkIDs": [one.id, two.id]}
        asked = way(ParentFolderID=target.id, **given)
        assert is_empty(site.client.request(url="/api/move", **asked), 200)
        assert parent_of(site, site.bobby, folder) == target.id
        assert folder_of(site, site.bobby, one) == target.id
        assert folder_of(site, site.bobby, two) == target.id
        asked = way(ParentFolderID=0, **given)
        assert is_empty(site.client.request(url="/api/move", **asked), 200)
        assert parent_of(site, site.bobby, folder) is None
        assert folder_of(site, site.bobby, two) is None


class TestMove:
    def move(self, site, headers=None, **given):
        return site.client.put("/api/move", headers=headers, json=given)

    @pytest.mark.parametrize("method", ["PUT", "GET"])
    def test_nobody_is_403(self, site, method):
        assert is_text(site.anonymous(method, "/api/move?LinkIDs=1"), 403)

    @pytest.mark.parametrize("method", ["PUT", "GET"])
    def test_a_key_that_may_only_read_moves_nothing(self, site, method):
        target, video = site.folder(site.bobby), site.video(site.bobby)
        headers = {"authorization": site.key(site.bobby, scopes=["read"])}
        given = {"ParentFolderID": target.id, "LinkIDs": [video.id]}
        found = site.client.request(method, "/api/move", headers=headers, json=given)
        assert is_text(found, 403)
        assert folder_of(site, site.bobby, video) is None

    def test_a_key_acts_as_its_owner(self, site):
        target, video = site.folder(site.bobby), site.video(site.bobby)
        headers = {"authorization": site.key(site.bobby)}
        assert is_empty(self.move(site, headers, ParentFolderID=target.id, LinkIDs=[video.id]), 200)

    def test_nothing_selected(self, site):
        assert is_text(self.move(site), 400)
        assert is_text(self.move(site, FolderIDs=[], LinkIDs=None), 400)

    def test_a_folder_never_into_itself_or_below(self, site):
        top = site.folder(site.bobby)
        middle = site.folder(site.bobby, "b", top.id)
        low = site.folder(site.bobby, "c", middle.id)
        for target in (top, middle, low):
            found = self.move(site, ParentFolderID=target.id, FolderIDs=[top.id])
            assert is_text(found, 400)
        assert parent_of(site, site.bobby, top) is None
        assert is_empty(self.move(site, ParentFolderID=top.id, FolderIDs=[low.id]), 200)
        assert is_empty(self.move(site, ParentFolderID=low.id, FolderIDs=[middle.id]), 200)

    def test_one_that_cannot_go_keeps_all(self, site):
        target, video = site.folder(site.bobby), site.video(site.bobby)
        folder, hers = site.folder(site.bobby, "a"), site.video(site.carol)
        missing = self.move(site, ParentFolderID=target.id, LinkIDs=[video.id, 999])
        assert is_text(missing, 400)
        for given in (
            {"LinkIDs": [video.id, hers.id]},
            {"LinkIDs": [video.id], "FolderIDs": [folder.id, 999]},
            {"LinkIDs": [video.id], "FolderIDs": [folder.id, site.folder(site.carol).id]},
            {"LinkIDs": [video.id], "FolderIDs": [target.id]},
        ):
            assert is_text(self.move(site, ParentFolderID=target.id, **given), 400)
        assert folder_of(site, site.bobby, video) is None
        assert parent_of(site, site.bobby, folder) is None

    def test_into_missing_and_strangers_folders_it_is_400_alike(self, site):
        video, theirs = site.video(site.bobby), site.folder(site.carol)
        missing = self.move(site, ParentFolderID=999, LinkIDs=[video.id])
        assert is_text(missing, 400)
        found = self.move(site, ParentFolderID=theirs.id, LinkIDs=[video.id])
        assert is_text(found, 400, missing.text)

    def test_administrators_move_within_one_persons_tree(self, site):
        headers = site.as_user(site.alice)
        target, video = site.folder(site.carol), site.video(site.carol)
        assert is_empty(self.move(site, headers, ParentFolderID=target.id, LinkIDs=[video.id]), 200)
        for other in (site.video(site.bobby), site.video(site.alice)):
            found = self.move(site, headers, ParentFolderID=target.id, LinkIDs=[other.id])
            assert is_text(found, 400)
        both = [video.id, site.video(site.bobby).id]
        assert is_text(self.move(site, headers, ParentFolderID=0, LinkIDs=both), 400)

    @pytest.mark.parametrize(
        "given",
        [
            {"LinkIDs": 5},
            {"LinkIDs": ["5"]},
            {"LinkIDs": [-5]},
            {"FolderIDs": [{"FolderID": 5}]},
            {"ParentFolderID": "x", "LinkIDs": [5]},
            [5],
        ],
    )
    def test_what_makes_no_sense_is_400(self, client, given):
        assert is_text(client.put("/api/move", json=given), 400)


def test_asking_with_head_moves_nothing(site):
    target, folder = site.folder(site.bobby), site.folder(site.bobby, "a")
    given = {"FolderIDs": [folder.id], "ParentFolderID": target.id}
    found = site.client.request("HEAD", "/api/move", params=given)
    assert found.status_code == 404
    assert parent_of(site, site.bobby, folder) is None
