"""The chapter "Users". Source: the VideoCMS contract, section 16."""

import pytest

from polyreel.core import library, users
from tests.contract.videocms.site import PASSWORD, golden, is_empty, is_text, shape

ROUTES = [
    ("GET", "/api/users"),
    ("POST", "/api/users"),
    ("GET", "/api/users/1"),
    ("PUT", "/api/users/1"),
    ("DELETE", "/api/users/1"),
    ("POST", "/api/users/1/password"),
]
NEW = {"username": "daisy", "password": "battery staple"}


@pytest.fixture
def admin(site):
    """The client of alice, an administrator."""
    site.client.headers["authorization"] = f"Bearer {site.jwt(site.alice)}"
    return site.client


@pytest.mark.parametrize(("method", "path"), ROUTES)
class TestWho:
    def test_nobody_unknown(self, site, method, path):
        assert is_text(site.anonymous(method, path), 403)

    def test_no_stranger(self, client, method, path):
        assert is_text(client.request(method, path), 403, "Not Permitted")

    def test_no_key_not_even_an_administrators(self, site, method, path):
        found = site.client.request(method, path, headers=site.as_key(site.alice))
        assert is_text(found, 403, "API Key Not Permitted for Admin Routes")


class TestList:
    def test_everybody_in_the_order_they_came(self, site, admin):
        site.video(site.bobby, size_bytes=1234)
        found = admin.get("/api/users")
        assert found.status_code == 200
        assert list(found.json()) == list(golden("users"))
        assert found.json()["meta"] == {"total": 3, "page": 1, "limit": 10}
        assert [each["Username"] for each in found.json()["data"]] == ["alice", "bobby", "carol"]
        assert {str(shape(each)) for each in found.json()["data"]} == {str(shape(golden("user")))}
        bobby = found.json()["data"][1]
        assert (bobby["used_storage"], bobby["file_count"]) == (1234, 1)

    def test_page_by_page(self, site, admin):
        found = admin.get("/api/users?page=2&limit=2").json()
        assert [each["Username"] for each in found["data"]] == ["carol"]
        assert found["meta"] == {"total": 3, "page": 2, "limit": 2}
        assert admin.get("/api/users?page=9999999999999&limit=1000").json()["data"] == []
        assert admin.get("/api/users?page=0&limit=0").json()["meta"]["limit"] == 10

    @pytest.mark.parametrize(
        ("search", "names"),
        [
            ("BOB", ["bobby"]),
            ("ARO", ["carol"]),
            ("%", []),
            ("_", []),
            ("Example", ["bobby"]),
        ],
    )
    def test_part_of_a_name_or_an_address(self, site, admin, search, names):
        with site.db.write() as tx:
            users.update_user(tx, site.bobby.id, {"email": "bob@example.org"})
        found = admin.get("/api/users", params={"search": search}).json()
        assert [each["Username"] for each in found["data"]] == names
        assert found["meta"]["total"] == len(names)

    @pytest.mark.parametrize("query", ["page=x", "limit=-1", "page=1.5"])
    def test_a_page_that_is_none_is_400(self, admin, query):
        assert is_text(admin.get(f"/api/users?{query}"), 400)


class TestCreate:
    def test_with_everything(self, admin):
        given = {"email": "d@example.org", "admin": True, "storage": 10**12, "balance": 2.5}
        more = {"maxRemoteDownloads": 7, "remoteDownloadEnabled": False}
        found = admin.post("/api/users", json={**NEW, **given, **more})
        assert found.status_code == 201
        assert shape(found.json()) == shape(golden("user"))
        keys = ("Username", "Admin", "Email", "Balance", "Storage", "MaxRemoteDownloads")
        values = ["daisy", True, "d@example.org", 2.5, 10**12, 7]
        assert [found.json()[key] for key in keys] == values
        assert found.json()["RemoteDownloadEnabled"] is False
        assert admin.get(f"/api/users/{found.json()['ID']}").json() == found.json()

    def test_with_the_least_and_they_can_sign_in(self, site, admin):
        found = admin.post("/api/users", json=NEW).json()
        assert (found["Admin"], found["Storage"], found["MaxRemoteDownloads"]) == (False, 0, 5)
        assert site.anonymous("POST", "/api/auth/login", json=NEW).status_code == 200

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            ({"username": None}, "Username [required] : "),
            ({"username": "da"}, "Username [min] : 3"),
            ({"username": "d" * 33}, "Username [max] : 32"),
            ({"password": ""}, "Password [required] : "),
            ({"password": "x" * 251}, "Password [max] : 250"),
            ({"email": "nowhere"}, "Email [email] : "),
            ({"maxRemoteDownloads": 0}, "MaxRemoteDownloads [min] : 1"),
        ],
    )
    def test_the_first_rule_that_fails_is_told(self, admin, change, text):
        assert is_text(admin.post("/api/users", json={**NEW, **change}), 400, text)

    @pytest.mark.parametrize(
        "change", [{"storage": -1}, {"storage": "1"}, {"admin": "true"}, {"balance": "x"}]
    )
    def test_a_wrong_kind_is_malformed(self, admin, change):
        assert is_text(admin.post("/api/users", json={**NEW, **change}), 400)

    @pytest.mark.parametrize("change", [{"username": "BOBBY"}, {"email": "Bob@Example.org"}])
    def test_a_name_or_address_that_is_taken_is_409(self, site, admin, change):
        with site.db.write() as tx:
            users.update_user(tx, site.bobby.id, {"email": "bob@example.org"})
        assert is_text(admin.post("/api/users", json={**NEW, **change}), 409)
        assert admin.get("/api/users").json()["meta"]["total"] == 3


class TestOne:
    def test_it_is_shown(self, site, admin):
        found = admin.get(f"/api/users/{site.bobby.id}")
        assert shape(found.json()) == shape(golden("user"))

    @pytest.mark.parametrize("method", ["GET", "PUT"])
    def test_missing_is_404(self, admin, method):
        assert is_text(admin.request(method, "/api/users/999", json={}), 404)
        found = admin.post("/api/users/999/password", json={"new_password": "long enough"})
        assert is_text(found, 404)

    @pytest.mark.parametrize("number", ["x", "-1", "9" * 30])
    def test_a_bad_id_is_400(self, admin, number):
        for method in ("GET", "PUT", "DELETE"):
            assert is_text(admin.request(method, f"/api/users/{number}"), 400)


class TestChange:
    def test_what_is_sent_and_the_address_always(self, site, admin):
        path = f"/api/users/{site.bobby.id}"
        given = {"email": "bob@example.org", "storage": 7, "remoteDownloadEnabled": False}
        found = admin.put(path, json=given).json()
        assert (found["Email"], found["Storage"]) == ("bob@example.org", 7)
        found = admin.put(path, json={"username": "robert", "balance": 1}).json()
        assert (found["Username"], found["Email"], found["Storage"]) == ("robert", "", 7)
        assert (found["Balance"], found["RemoteDownloadEnabled"]) == (1.0, False)
        assert admin.put(path, json={"username": ""}).json()["Username"] == "robert"

    def test_a_demotion_ends_the_login(self, site, admin):
        path = f"/api/users/{site.bobby.id}"
        assert admin.put(path, json={"admin": True}).json()["Admin"] is True
        bobby = site.as_user(site.bobby)
        assert admin.get("/api/users", headers=bobby).status_code == 200
        assert admin.put(path, json={"admin": False}).json()["Admin"] is False
        assert is_text(admin.get("/api/users", headers=bobby), 403)

    def test_the_last_administrator_stays_one(self, site, admin):
        assert is_text(admin.put(f"/api/users/{site.alice.id}", json={"admin": False}), 409)

    def test_a_name_that_is_taken_is_409(self, site, admin):
        found = admin.put(f"/api/users/{site.bobby.id}", json={"username": "Carol"})
        assert is_text(found, 409)

    def test_the_first_rule_that_fails_is_told(self, site, admin):
        path = f"/api/users/{site.bobby.id}"
        assert is_text(admin.put(path, json={"username": "x"}), 400, "Username [min] : 3")
        found = admin.put(path, json={"maxRemoteDownloads": 0})
        assert is_text(found, 400, "MaxRemoteDownloads [min] : 1")


class TestPassword:
    def test_the_new_one_counts_and_ends_every_login(self, site, admin):
        path = f"/api/users/{site.bobby.id}/password"
        found = admin.post(path, json={"new_password": "another horse"})
        assert found.status_code == 200
        assert list(found.json()) == ["message"]
        assert is_text(admin.get("/api/files", headers=site.as_user(site.bobby)), 403)
        for password, status in ((PASSWORD, 400), ("another horse", 200)):
            given = {"username": "bobby", "password": password}
            assert site.anonymous("POST", "/api/auth/login", json=given).status_code == status

    def test_the_first_rule_that_fails_is_told(self, site, admin):
        path = f"/api/users/{site.bobby.id}/password"
        assert is_text(admin.post(path, json={}), 400, "NewPassword [required] : ")
        found = admin.post(path, json={"new_password": "short"})
        assert is_text(found, 400, "NewPassword [min] : 8")


class TestDelete:
    def test_they_are_gone_at_once(self, site, admin):
        key, token = site.as_key(site.bobby), site.as_user(site.bobby)
        path = f"/api/users/{site.bobby.id}"
        assert admin.delete(path).status_code == 204
        for headers in (key, token):
            assert is_text(admin.get("/api/files", headers=headers), 403)
        assert is_text(admin.get(path), 404)
        assert admin.delete(path).status_code == 204

    def test_the_videos_are_left_to_who_deletes(self, site, admin):
        folder = site.folder(site.bobby, "Trips")
        inside = site.folder(site.bobby, "Alps", folder.id)
        film = site.video(site.bobby, "peak.mp4", folder_id=inside.id)
        loose = site.video(site.bobby, "loose.mp4")
        tag = {"Name": "holiday", "LinkId": film.id}
        assert (
            admin.post("/api/file/tag", headers=site.as_user(site.bobby), json=tag).status_code
            == 200
        )
        own = site.video(site.alice, "own.mp4")
        admin.post("/api/file/tag", json={"Name": "holiday", "LinkId": own.id})
        assert admin.delete(f"/api/users/{site.bobby.id}").status_code == 204
        (place,) = admin.get("/api/folders").json()
        assert place["Name"] == "bobby"
        (link,) = admin.get("/api/files", params={"ParentFolderID": place["ID"]}).json()
        assert link["UUID"] == loose.uuid
        (link,) = admin.get("/api/files", params={"ParentFolderID": inside.id}).json()
        assert (link["UUID"], link["Tags"][0]["Name"]) == (film.uuid, "holiday")
        with site.db.read() as tx:
            moved = library.find_video_by_uuid(tx, film.uuid)
        assert moved is not None
        assert (moved.user_id, moved.policy_version) == (site.alice.id, film.policy_version + 1)
        assert site.client.get(f"/v/{film.uuid}/status").status_code == 200

    def test_who_had_nothing_leaves_no_folder(self, site, admin):
        admin.delete(f"/api/users/{site.bobby.id}")
        assert admin.get("/api/folders").json() == []

    def test_nobody_deletes_themselves(self, site, admin):
        assert is_text(admin.delete(f"/api/users/{site.alice.id}"), 409)
        assert is_empty(site.anonymous("GET", "/api/auth/check"), 403)
        assert admin.get("/api/auth/check").status_code == 200
