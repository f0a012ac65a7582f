"""POST /api/folder. Source: the VideoCMS contract, section 7."""

import pytest

from polyreel.core import library, users
from tests.contract.videocms.site import golden, is_text, shape


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
