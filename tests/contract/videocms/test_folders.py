"""The chapter "Folders". Source: the VideoCMS contract, section 7."""

import pytest

from polyreel.core import library, users
from polyreel.core.library.tables import VideoRow
from tests.contract.videocms.bodies import sent
from tests.contract.videocms.site import golden, is_empty, is_text, shape


class TestCreateFolder:
    @pytest.mark.parametrize(
        "body",
        [
            {"files": [("name", (None, "Films"))]},
            {"json": {"Name": "Films"}},
            {"json": {"NAME": "Films", "other": [1]}},
            {"data": {"name": "Films", "parentfolderid": ""}},
        ],
    )
    def test_it_is_made_in_the_root(self, site, body):
        found = site.client.post("/api/folder", **body)
        assert found.status_code == 200
        assert shape(found.json()) == shape(golden("folder"))
        assert found.json()["Name"] == "Films"
        assert found.json()["UserID"] == site.bobby.id
        assert found.json()["ParentFolderID"] == 0

    def test_it_is_made_in_a_folder_by_key_too(self, site):
        parent = site.folder(site.bobby)
        found = site.client.post(
            "/api/folder",
            headers={"authorization": f"Bearer {site.key(site.bobby)}"},
            data={"Name": "Noir", "ParentFolderID": str(parent.id)},
        )
        assert found.json()["ParentFolderID"] == parent.id

    def test_names_may_repeat(self, site):
        for _ in range(2):
            assert site.client.post("/api/folder", json={"Name": "Films"}).status_code == 200
        with site.db.read() as tx:
            assert len(library.list_folders(tx, users.actor_of(site.bobby))) == 2

    def test_a_missing_parent_is_400(self, client):
        assert is_text(client.post("/api/folder", json={"Name": "x", "ParentFolderID": 99}), 400)

    def test_a_strangers_parent_is_400_as_if_missing(self, site):
        theirs = site.folder(site.carol)
        given = {"Name": "x", "ParentFolderID": theirs.id}
        missing = site.client.post("/api/folder", json={**given, "ParentFolderID": 999})
        found = site.client.post("/api/folder", json=given)
        assert is_text(found, 400, missing.text)

    @pytest.mark.parametrize(
        ("given", "text"),
        [
            ({}, "Name [required] : "),
            ({"Name": ""}, "Name [required] : "),
            ({"Name": None}, "Name [required] : "),
            ({"Name": "x" * 121}, "Name [max] : 120"),
        ],
    )
    def test_the_first_rule_that_fails_is_told(self, client, given, text):
        assert is_text(client.post("/api/folder", json=given), 400, text)

    @pytest.mark.parametrize(
        "given",
        [
            {"Name": 5},
            {"Name": "x", "ParentFolderID": "1"},
            {"Name": "x", "ParentFolderID": -1},
            {"Name": "x", "ParentFolderID": 1.5},
            {"Name": "x", "ParentFolderID": True},
            {"Name": "x", "ParentFolderID": 2**64},
            {"Name": "  "},
            {"Name": "a\u0000b"},
            ["Name"],
        ],
    )
    def test_what_makes_no_sense_is_400(self, client, given):
        assert is_text(client.post("/api/folder", json=given), 400)

    @pytest.mark.parametrize("number", ["-1", "1.0", " 1", "x", "9" * 30])
    def test_a_number_in_a_form_is_digits(self, client, number):
        found = client.post("/api/folder", data={"Name": "x", "ParentFolderID": number})
        assert is_text(found, 400)


def names(found):
    return [each["Name"] for each in found.json()]


class TestListFolders:
    def test_nobody_is_403(self, site):
        assert is_text(site.anonymous("GET", "/api/folders"), 403)

    def test_nothing_is_an_empty_list(self, client):
        found = client.get("/api/folders")
        assert (found.status_code, found.text) == (200, "[]\n")

    def test_the_root_by_name_in_byte_order(self, site):
        made = [site.folder(site.bobby, name) for name in ("b", "é", "B", "a")]
        site.folder(site.bobby, "inside", made[0].id)
        site.folder(site.carol, "hers")
        found = site.client.get("/api/folders")
        assert names(found) == ["B", "a", "b", "é"]
        assert shape(found.json()) == shape(golden("folders"))

    @pytest.mark.parametrize("name", ["ParentFolderID", "parentfolderid"])
    def test_a_folder(self, site, name):
        parent = site.folder(site.bobby)
        site.folder(site.bobby, "inside", parent.id)
        (found,) = site.client.get("/api/folders", params={name: parent.id}).json()
        assert (found["Name"], found["ParentFolderID"]) == ("inside", parent.id)

    def test_a_missing_folder_is_400(self, client):
        assert is_text(client.get("/api/folders?ParentFolderID=99"), 400)

    def test_a_strangers_folder_is_empty(self, site):
        theirs = site.folder(site.carol)
        site.folder(site.carol, "inside", theirs.id)
        assert site.client.get(f"/api/folders?ParentFolderID={theirs.id}").json() == []

    def test_only_administrators_see_others(self, site):
        site.folder(site.carol, "hers")
        path = f"/api/folders?UserID={site.carol.id}"
        assert site.client.get(path).json() == []
        assert names(site.client.get(path, headers=site.as_user(site.alice))) == ["hers"]
        key = {"authorization": site.key(site.alice)}
        assert names(site.client.get(path, headers=key)) == ["hers"]

    @pytest.mark.parametrize("value", ["x", "-1", "1.5", "9" * 25])
    def test_a_malformed_number_is_400(self, client, value):
        assert is_text(client.get("/api/folders", params={"ParentFolderID": value}), 400)


class TestRenameFolder:
    @pytest.mark.parametrize("kind", ["json", "data"])
    def test_it_has_the_new_name(self, site, kind):
        folder = site.folder(site.bobby)
        given = {"FolderID": folder.id, "Name": " Noir "}
        assert is_empty(site.client.put("/api/folder", **{kind: given}), 200)
        (found,) = site.client.get("/api/folders").json()
        assert (found["ID"], found["Name"]) == (folder.id, "Noir")
        assert found["UpdatedAt"] > found["CreatedAt"]

    def test_nobody_is_403(self, site):
        assert is_text(site.anonymous("PUT", "/api/folder", json={}), 403)

    def test_a_strangers_is_400_as_if_missing(self, site):
        theirs = site.folder(site.carol)
        missing = site.client.put("/api/folder", json={"FolderID": 999, "Name": "x"})
        found = site.client.put("/api/folder", json={"FolderID": theirs.id, "Name": "x"})
        assert is_text(missing, 400)
        assert is_text(found, 400, missing.text)

    def test_administrators_and_keys_may(self, site):
        theirs = site.folder(site.carol)
        given = {"FolderID": theirs.id, "Name": "x"}
        headers = site.as_user(site.alice)
        assert is_empty(site.client.put("/api/folder", headers=headers, json=given), 200)
        headers = {"authorization": site.key(site.carol)}
        assert is_empty(site.client.put("/api/folder", headers=headers, json=given), 200)

    @pytest.mark.parametrize(
        ("given", "text"),
        [
            ({}, "FolderID [required] : "),
            ({"FolderID": 0, "Name": "x"}, "FolderID [required] : "),
            ({"FolderID": 1}, "Name [required] : "),
            ({"FolderID": 1, "Name": "x" * 121}, "Name [max] : 120"),
        ],
    )
    def test_the_first_rule_that_fails_is_told(self, client, given, text):
        assert is_text(client.put("/api/folder", json=given), 400, text)

    @pytest.mark.parametrize("given", [{"FolderID": "1", "Name": "x"}, {"FolderID": 1, "Name": 2}])
    def test_a_wrong_kind_is_400(self, client, given):
        assert is_text(client.put("/api/folder", json=given), 400)


class TestDeleteFolder:
    @pytest.mark.parametrize("way", ["json", "multipart", "form", "query"])
    @pytest.mark.parametrize("name", ["FolderID", "folderid"])
    def test_it_is_gone_with_all_below(self, site, way, name):
        top = below = site.folder(site.bobby)
        for each in ("a", "b", "c"):
            below = site.folder(site.bobby, each, below.id)
            site.video(site.bobby, f"{each}.mp4", folder_id=below.id)
        site.video(site.bobby, "outside.mp4")
        found = site.client.request("DELETE", "/api/folder", **sent(way, **{name: top.id}))
        assert is_empty(found, 200)
        assert site.client.get("/api/folders").json() == []
        assert [each.name for each in site.videos(site.bobby)] == ["outside.mp4"]

    def test_an_empty_one(self, site):
        folder = site.folder(site.bobby)
        kept = site.folder(site.bobby, "kept")
        found = site.client.request("DELETE", "/api/folder", json={"FolderID": folder.id})
        assert is_empty(found, 200)
        assert [each["ID"] for each in site.client.get("/api/folders").json()] == [kept.id]

    def test_what_another_put_into_it_goes_home(self, site):
        folder = site.folder(site.bobby)
        video = site.video(site.alice, "hers.mp4")
        with site.db.write() as tx:
            # No way leads there, but an older database may have it.
            tx.session.get(VideoRow, video.id).folder_id = folder.id
        site.client.request("DELETE", "/api/folder", json={"FolderID": folder.id})
        (video,) = site.videos(site.alice)
        assert video.folder_id is None

    def test_nobody_is_403(self, site):
        assert is_text(site.anonymous("DELETE", "/api/folder", json={"FolderID": 1}), 403)

    def test_missing_and_strangers_are_400(self, site):
        theirs = site.folder(site.carol)
        missing = site.client.request("DELETE", "/api/folder", json={"FolderID": 999})
        found = site.client.request("DELETE", "/api/folder", json={"FolderID": theirs.id})
        assert is_text(missing, 400)
        assert is_text(found, 400, missing.text)

    def test_administrators_and_keys_may(self, site):
        for headers in (site.as_user(site.alice), {"authorization": site.key(site.carol)}):
            theirs = site.folder(site.carol)
            given = {"json": {"FolderID": theirs.id}, "headers": headers}
            assert is_empty(site.client.request("DELETE", "/api/folder", **given), 200)

    @pytest.mark.parametrize("given", [{}, {"FolderID": 0}, {"FolderID": None}])
    def test_which_one_is_required(self, client, given):
        found = client.request("DELETE", "/api/folder", json=given)
        assert is_text(found, 400, "FolderID [required] : ")

    def test_more_files_below_than_may_go_at_once(self, site):
        site.option("max_items_multi_delete", 1)
        folder = site.folder(site.bobby)
        for name in ("a.mp4", "b.mp4"):
            site.video(site.bobby, name, folder_id=folder.id)
        found = site.client.request("DELETE", "/api/folder", json={"FolderID": folder.id})
        assert is_text(found, 400)
        assert len(site.videos(site.bobby)) == 2


def these(*numbers):
    return {"json": {"FolderIDs": [{"FolderID": each} for each in numbers]}}


class TestDeleteFolders:
    def test_all_are_gone_and_the_answer_is_200_and_empty(self, site):
        # 0.1.2: the panel takes a 204 for a failure.
        made = [site.folder(site.bobby, name) for name in ("a", "b")]
        site.video(site.bobby, folder_id=made[0].id)
        given = these(*(each.id for each in made))
        given["json"]["UserID"] = site.carol.id
        assert is_empty(site.client.request("DELETE", "/api/folders", **given), 200)
        assert site.client.get("/api/folders").json() == []
        assert site.videos(site.bobby) == []

    def test_nobody_is_403(self, site):
        assert is_text(site.anonymous("DELETE", "/api/folders", **these(1)), 403)

    @pytest.mark.parametrize("wrong", ["missing", "stranger", "twice", "other parent"])
    def test_one_that_cannot_go_keeps_all(self, site, wrong):
        folder, theirs = site.folder(site.bobby), site.folder(site.carol)
        inside = site.folder(site.bobby, "inside", folder.id)
        other = {"missing": 999, "stranger": theirs.id, "twice": folder.id}
        given = these(folder.id, other.get(wrong, inside.id))
        assert is_text(site.client.request("DELETE", "/api/folders", **given), 400)
        assert names(site.client.get("/api/folders")) == ["Films"]

    def test_too_many(self, site):
        site.option("max_items_multi_delete", 1)
        made = [site.folder(site.bobby, name) for name in ("a", "b")]
        given = these(*(each.id for each in made))
        assert is_text(site.client.request("DELETE", "/api/folders", **given), 400)
        assert len(site.client.get("/api/folders").json()) == 2

    def test_the_list_is_required_and_must_not_be_empty(self, client):
        found = client.request("DELETE", "/api/folders", json={})
        assert is_text(found, 400, "FolderIDs [required] : ")
        assert is_text(client.request("DELETE", "/api/folders", **these()), 400)

    @pytest.mark.parametrize(
        "given", [{"FolderIDs": 5}, {"FolderIDs": [5]}, {"FolderIDs": [{"FolderID": "5"}]}, []]
    )
    def test_what_makes_no_sense_is_400(self, client, given):
        assert is_text(client.request("DELETE", "/api/folders", json=given), 400)
