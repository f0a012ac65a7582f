"""POST /api/file/clone. Source: the VideoCMS contract, section 8; of one's own files only."""

import pytest

from polyreel.core import users
from tests.contract.videocms.bodies import sent
from tests.contract.videocms.site import golden, is_text, shape

HASH = "ab" * 32


class TestClone:
    def clone(self, site, *, headers=None, way="json", **given):
        wish = {"Name": "copy", "Sha256": HASH, **given}
        return site.client.post("/api/file/clone", headers=headers, **sent(way, **wish))

    @pytest.mark.parametrize("way", ["json", "form", "multipart"])
    def test_a_new_link_to_the_same_bytes(self, site, way):
        video = site.video(site.bobby, sha256=HASH, visibility="private")
        folder = site.folder(site.bobby)
        found = self.clone(site, way=way, ParentFolderID=folder.id)
        assert found.status_code == 200
        assert shape(found.json()) == shape(golden("link_made"))
        assert (found.json()["Name"], found.json()["ParentFolderID"]) == ("copy", folder.id)
        copy, original = site.videos(site.bobby)
        assert (copy.uuid, original.id) == (found.json()["UUID"], video.id)
        assert (copy.media_id, copy.visibility) == (video.media_id, "private")
        assert site.jobs.orders == []

    def test_nobody_is_403(self, site):
        assert is_text(site.anonymous("POST", "/api/file/clone", json={}), 403)

    def test_a_key_acts_as_its_owner(self, site):
        site.video(site.bobby, sha256=HASH)
        headers = {"authorization": site.key(site.bobby)}
        assert self.clone(site, headers=headers).status_code == 200

    def test_strangers_files_are_404_as_if_missing_for_administrators_too(self, site):
        missing = self.clone(site)
        assert is_text(missing, 404)
        site.video(site.carol, sha256=HASH)
        assert is_text(self.clone(site), 404, missing.text)
        assert is_text(self.clone(site, headers=site.as_user(site.alice)), 404, missing.text)

    def test_a_missing_or_strangers_folder_is_400(self, site):
        site.video(site.bobby, sha256=HASH)
        assert is_text(self.clone(site, ParentFolderID=99), 400)
        assert is_text(self.clone(site, ParentFolderID=site.folder(site.carol).id), 400)

    def test_over_quota_is_403_in_the_words_the_panel_reads(self, site):
        site.video(site.bobby, sha256=HASH, size_bytes=1000)
        with site.db.write() as tx:
            users.update_user(tx, site.bobby.id, {"quota_bytes": 1500})
        text = "storage quota exceeded: 1000/1500 bytes used"
        assert is_text(self.clone(site), 403, text)

    @pytest.mark.parametrize(
        ("given", "text"),
        [
            ({"Name": ""}, "Name [required] : "),
            ({"Name": "x" * 121}, "Name [max] : 120"),
            ({"Sha256": ""}, "Sha256 [required] : "),
            ({"Sha256": HASH.upper()}, "Sha256 [sha256] : "),
            ({"Sha256": HASH[1:]}, "Sha256 [sha256] : "),
        ],
    )
    def test_the_first_rule_that_fails_is_told(self, site, given, text):
        assert is_text(self.clone(site, **given), 400, text)

    @pytest.mark.parametrize("given", [{"Name": 1}, {"Sha256": 1}, {"ParentFolderID": "1"}])
    def test_a_wrong_kind_is_400(self, site, given):
        assert is_text(self.clone(site, **given), 400)
