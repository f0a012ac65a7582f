"""The chapter "Files", but for what takes files in. Source: the VideoCMS contract, section 8."""

import pytest

from polyreel.core import library, users
from polyreel.kit.errors import NotFound
from tests.contract.videocms.bodies import sent
from tests.contract.videocms.site import golden, is_empty, is_text, shape


class TestListFiles:
    def test_nothing_is_an_empty_list(self, client):
        found = client.get("/api/files")
        assert (found.status_code, found.text) == (200, "[]\n")

    def test_the_root_by_name_in_byte_order(self, site):
        for name in ("b.mp4", "a.mp4", "B.mp4"):
            site.video(site.bobby, name)
        site.video(site.bobby, "inside.mp4", folder_id=site.folder(site.bobby).id)
        site.video(site.carol, "hers.mp4")
        found = site.client.get("/api/files").json()
        assert [each["Name"] for each in found] == ["B.mp4", "a.mp4", "b.mp4"]
        assert shape(found[0]) == shape(golden("link_listed"))

    @pytest.mark.parametrize("name", ["ParentFolderID", "parentfolderid"])
    def test_a_folder(self, site, name):
        folder = site.folder(site.bobby)
        video = site.video(site.bobby, "inside.mp4", folder_id=folder.id)
        (found,) = site.client.get("/api/files", params={name: folder.id}).json()
        assert (found["ID"], found["UUID"]) == (video.id, video.uuid)
        assert found["ParentFolderID"] == folder.id

    def test_a_key_acts_as_its_owner(self, site):
        site.video(site.bobby)
        headers = {"authorization": f"Bearer {site.key(site.bobby)}"}
        assert len(site.client.get("/api/files", headers=headers).json()) == 1

    def test_a_missing_folder_is_400(self, client):
        assert is_text(client.get("/api/files?ParentFolderID=99"), 400)

    def test_a_strangers_folder_is_empty(self, site):
        theirs = site.folder(site.carol)
        site.video(site.carol, folder_id=theirs.id)
        assert site.client.get(f"/api/files?ParentFolderID={theirs.id}").json() == []

    def test_only_administrators_see_others(self, site):
        site.video(site.carol, "hers.mp4")
        path = f"/api/files?UserID={site.carol.id}"
        assert site.client.get(path).json() == []
        found = site.client.get(path, headers=site.as_user(site.alice)).json()
        assert [each["Name"] for each in found] == ["hers.mp4"]
        key = {"authorization": site.key(site.alice)}
        assert len(site.client.get(path, headers=key).json()) == 1

    @pytest.mark.parametrize("value", ["x", "-1", "1.5", "9" * 25])
    def test_a_malformed_number_is_400(self, client, value):
        assert is_text(client.get("/api/files", params={"ParentFolderID": value}), 400)

    def test_tags_are_listed(self, site):
        video = site.video(site.bobby)
        site.video(site.bobby, "other.mp4")
        site.client.post("/api/file/tag", json={"Name": "holiday", "LinkId": video.id})
        tagged, other = site.client.get("/api/files").json()
        assert shape(tagged) == shape(golden("link_tagged"))
        assert [each["Name"] for each in tagged["Tags"]] == ["holiday"]
        assert other["Tags"] == []


class TestGetFile:
    def test_everything_of_a_file(self, site):
        video = site.video(site.bobby, size_bytes=1024000, duration_ms=120500, state="playable")
        site.rendition(
            video,
            "720p",
            state="ready",
            width=1280,
            height=720,
            fps=29.97,
            sizes=(5_000_000, 242_880),
            position=0,
        )
        site.rendition(
            video, "240p", state="running", progress=0.42, width=426, height=240, position=1
        )
        site.rendition(video, "a1", "audio", state="ready", sizes=(10,), position=2)
        found = site.client.get(f"/api/file?LinkID={video.id}").json()
        assert shape(found) == shape(golden("file"))
        small, large = found["Qualitys"]
        assert large == golden("file")["Qualitys"][0]
        assert (small["Name"], small["Ready"], small["Failed"]) == ("240p", False, False)
        assert small["Progress"] == 42
        assert found["Audios"] == golden("file")["Audios"]
        assert found["Thumbnail"] == f"/videos/qualitys/{video.uuid}/image/thumb/4x4.webp"
        assert (found["Size"], found["Duration"]) == (1024000, 120.5)
        assert (found["ID"], found["UUID"]) == (video.id, video.uuid)

    def test_tracks_keep_their_titles_and_languages(self, site):
        video = site.video(site.bobby)
        site.rendition(video, "a1", "audio", title="Director", language="deu", position=0)
        site.rendition(video, "a2", "audio", language="much-too-long", position=1)
        found = site.client.get(f"/api/file?linkid={video.id}").json()
        assert found["Audios"] == [
            {"Name": "Director", "Type": "hls", "Lang": "deu", "Ready": False},
            {"Name": "Audio 2", "Type": "hls", "Lang": "en", "Ready": False},
        ]

    def test_before_anything_was_made_the_lists_are_empty(self, site):
        video = site.video(site.bobby)
        found = site.client.get(f"/api/file?LinkID={video.id}").json()
        assert [found[name] for name in ("Qualitys", "Subtitles", "Audios", "Tags")] == [[]] * 4

    def test_a_failed_quality_says_so(self, site):
        video = site.video(site.bobby)
        site.rendition(video, "240p", state="failed", progress=0.5, width=426, height=240)
        (quality,) = site.client.get(f"/api/file?LinkID={video.id}").json()["Qualitys"]
        assert (quality["Ready"], quality["Failed"], quality["Progress"]) == (False, True, 50)

    def test_missing_and_strangers_are_404(self, site):
        theirs = site.video(site.carol)
        missing = site.client.get("/api/file?LinkID=999")
        found = site.client.get(f"/api/file?LinkID={theirs.id}")
        assert is_text(missing, 404)
        assert is_text(found, 404, missing.text)

    def test_administrators_see_any(self, site):
        theirs = site.video(site.carol)
        path = f"/api/file?LinkID={theirs.id}"
        assert site.client.get(path, headers=site.as_user(site.alice)).json()["ID"] == theirs.id

    @pytest.mark.parametrize("query", ["", "?LinkID=", "?LinkID=0"])
    def test_which_one_is_required(self, client, query):
        assert is_text(client.get(f"/api/file{query}"), 400, "LinkID [required] : ")

    @pytest.mark.parametrize("value", ["x", "-1", "99999999999999999999"])
    def test_a_malformed_number_is_400(self, client, value):
        assert is_text(client.get("/api/file", params={"LinkID": value}), 400)

    def test_tags_are_shown_by_id_and_name(self, site):
        video = site.video(site.bobby)
        tag = site.client.post("/api/file/tag", json={"Name": "a", "LinkId": video.id}).json()
        found = site.client.get(f"/api/file?LinkID={video.id}").json()
        assert found["Tags"] == [{"ID": tag["ID"], "Name": "a"}]


class TestSearchFiles:
    def names(self, site, text, **given):
        found = site.client.get("/api/files/search", params={"Query": text}, **given)
        assert found.status_code == 200
        return [each["Name"] for each in found.json()]

    def test_nobody_is_403(self, site):
        assert is_text(site.anonymous("GET", "/api/files/search?Query=x"), 403)

    def test_any_part_of_a_name_in_any_folder(self, site):
        folder = site.folder(site.bobby)
        site.video(site.bobby, "The Third Man.mp4", folder_id=folder.id)
        site.video(site.bobby, "a third.mp4")
        site.video(site.bobby, "second.mp4")
        site.video(site.carol, "her third.mp4")
        assert self.names(site, "THIRD") == ["The Third Man.mp4", "a third.mp4"]
        assert self.names(site, "d man") == ["The Third Man.mp4"]
        found = site.client.get("/api/files/search", params={"query": "second"}).json()
        assert shape(found) == shape([golden("link_listed")])

    def test_nothing_is_an_empty_list(self, client):
        found = client.get("/api/files/search?Query=x")
        assert (found.status_code, found.text) == (200, "[]\n")

    @pytest.mark.parametrize(
        "text", ["ÜBER", "über", "u\u0308ber", "Straße", "STRASSE", "ÅNGSTRÖM"]
    )
    def test_case_and_spelling_do_not_count_in_any_script(self, site, text):
        site.video(site.bobby, "Über die Straße, Ångström")
        assert len(self.names(site, text)) == 1

    @pytest.mark.parametrize(
        ("text", "found"),
        [("50%", ["50%_a"]), ("%", ["50%_a"]), ("_", ["50%_a"]), ("/", []), ("\\", ["a\\b"])],
    )
    def test_wildcards_are_letters(self, site, text, found):
        for name in ("50%_a", "500a", "a\\b"):
            site.video(site.bobby, name)
        assert self.names(site, text) == found

    def test_the_new_name_counts(self, site):
        video = site.video(site.bobby, "old")
        site.client.put("/api/file", json={"LinkID": video.id, "Name": "NEW"})
        assert self.names(site, "old") == []
        assert self.names(site, "new") == ["NEW"]

    def test_only_administrators_see_others(self, site):
        site.video(site.carol, "hers.mp4")
        path = f"/api/files/search?Query=hers&UserID={site.carol.id}"
        assert site.client.get(path).json() == []
        for headers in (site.as_user(site.alice), {"authorization": site.key(site.alice)}):
            assert len(site.client.get(path, headers=headers).json()) == 1

    @pytest.mark.parametrize(
        ("text", "answer"), [("", "Query [required] : "), ("x" * 121, "Query [max] : 120")]
    )
    def test_what_is_sought_is_required(self, client, text, answer):
        found = client.get("/api/files/search", params={"Query": text})
        assert is_text(found, 400, answer)
        assert is_text(client.get("/api/files/search"), 400, "Query [required] : ")

    def test_what_no_name_can_hold_is_not_found(self, client):
        assert client.get("/api/files/search?Query=%00").json() == []
        assert client.get("/api/files/search?Query=%ff").json() == []


class TestRenameFile:
    @pytest.mark.parametrize("kind", ["json", "data"])
    def test_it_has_the_new_name(self, site, kind):
        video = site.video(site.bobby)
        given = {"LinkID": video.id, "Name": "new.mp4"}
        assert is_empty(site.client.put("/api/file", **{kind: given}), 200)
        (found,) = site.client.get("/api/files").json()
        assert (found["ID"], found["Name"]) == (video.id, "new.mp4")

    def test_nobody_is_403(self, site):
        assert is_text(site.anonymous("PUT", "/api/file", json={}), 403)

    def test_a_strangers_is_400_as_if_missing(self, site):
        theirs = site.video(site.carol)
        missing = site.client.put("/api/file", json={"LinkID": 999, "Name": "x"})
        found = site.client.put("/api/file", json={"LinkID": theirs.id, "Name": "x"})
        assert is_text(missing, 400)
        assert is_text(found, 400, missing.text)

    def test_administrators_and_keys_may(self, site):
        theirs = site.video(site.carol)
        for headers in (site.as_user(site.alice), {"authorization": site.key(site.carol)}):
            given = {"headers": headers, "json": {"LinkID": theirs.id, "Name": "x"}}
            assert is_empty(site.client.put("/api/file", **given), 200)

    @pytest.mark.parametrize(
        ("given", "text"),
        [
            ({"Name": "x"}, "LinkID [required] : "),
            ({"LinkID": 1}, "Name [required] : "),
            ({"LinkID": 1, "Name": "x" * 121}, "Name [max] : 120"),
        ],
    )
    def test_the_first_rule_that_fails_is_told(self, client, given, text):
        assert is_text(client.put("/api/file", json=given), 400, text)

    @pytest.mark.parametrize("given", [{"LinkID": "1", "Name": "x"}, {"LinkID": 1, "Name": " "}, 5])
    def test_what_makes_no_sense_is_400(self, client, given):
        assert is_text(client.put("/api/file", json=given), 400)


class TestDeleteFile:
    @pytest.mark.parametrize("way", ["json", "multipart", "query"])
    def test_it_is_gone(self, site, way):
        video = site.video(site.bobby)
        kept = site.video(site.bobby, "kept.mp4")
        found = site.client.request("DELETE", "/api/file", **sent(way, linkid=video.id))
        assert is_empty(found, 200)
        assert [each.id for each in site.videos(site.bobby)] == [kept.id]
        assert is_text(site.client.get(f"/api/file?LinkID={video.id}"), 404)

    def test_the_bytes_stay_while_another_names_them(self, site):
        video = site.video(site.bobby)
        with site.db.write() as tx:
            media = library.get_media(tx, video.media_id)
            twin = library.create_video(
                tx,
                users.actor_of(site.carol),
                media=media,
                name="twin",
                filename="twin.mp4",
                folder_id=None,
                source="videocms",
            )
        site.client.request("DELETE", "/api/file", json={"LinkID": video.id})
        with site.db.read() as tx:
            assert library.get_media(tx, video.media_id).id == video.media_id
        headers = site.as_user(site.carol)
        site.client.request("DELETE", "/api/file", headers=headers, json={"LinkID": twin.id})
        with site.db.read() as tx, pytest.raises(NotFound):
            library.get_media(tx, video.media_id)

    def test_nobody_is_403(self, site):
        assert is_text(site.anonymous("DELETE", "/api/file", json={"LinkID": 1}), 403)

    def test_missing_and_strangers_are_400(self, site):
        theirs = site.video(site.carol)
        missing = site.client.request("DELETE", "/api/file", json={"LinkID": 999})
        found = site.client.request("DELETE", "/api/file", json={"LinkID": theirs.id})
        assert is_text(missing, 400)
        assert is_text(found, 400, missing.text)

    def test_administrators_and_keys_may(self, site):
        for headers in (site.as_user(site.alice), {"authorization": site.key(site.carol)}):
            theirs = site.video(site.carol)
            given = {"headers": headers, "json": {"LinkID": theirs.id}}
            assert is_empty(site.client.request("DELETE", "/api/file", **given), 200)

    @pytest.mark.parametrize("given", [{}, {"LinkID": 0}])
    def test_which_one_is_required(self, client, given):
        found = client.request("DELETE", "/api/file", json=given)
        assert is_text(found, 400, "LinkID [required] : ")


def these(*numbers):
    return {"json": {"LinkIDs": [{"LinkID": each} for each in numbers]}}


class TestDeleteFiles:
    def test_all_are_gone_and_the_answer_is_200_and_empty(self, site):
        # 0.1.2: the panel takes a 204 for a failure.
        made = [site.video(site.bobby, name) for name in ("a", "b", "c")]
        found = site.client.request("DELETE", "/api/files", **these(made[0].id, made[2].id))
        assert is_empty(found, 200)
        assert [each.name for each in site.videos(site.bobby)] == ["b"]

    def test_nobody_is_403(self, site):
        assert is_text(site.anonymous("DELETE", "/api/files", **these(1)), 403)

    @pytest.mark.parametrize("wrong", ["missing", "stranger", "twice"])
    def test_one_that_cannot_go_keeps_all(self, site, wrong):
        mine, theirs = site.video(site.bobby), site.video(site.carol)
        other = {"missing": 999, "stranger": theirs.id, "twice": mine.id}[wrong]
        found = site.client.request("DELETE", "/api/files", **these(mine.id, other))
        assert is_text(found, 400)
        assert len(site.videos(site.bobby)) == 1

    def test_administrators_delete_anyones_at_once(self, site):
        given = these(site.video(site.bobby).id, site.video(site.carol).id)
        headers = site.as_user(site.alice)
        assert is_empty(site.client.request("DELETE", "/api/files", headers=headers, **given), 200)
        assert site.videos(site.bobby) == site.videos(site.carol) == []

    def test_too_many(self, site):
        site.option("max_items_multi_delete", 1)
        given = these(*(site.video(site.bobby, name).id for name in ("a", "b")))
        assert is_text(site.client.request("DELETE", "/api/files", **given), 400)
        assert len(site.videos(site.bobby)) == 2

    def test_the_list_is_required_and_must_not_be_empty(self, client):
        found = client.request("DELETE", "/api/files", json={})
        assert is_text(found, 400, "LinkIDs [required] : ")
        assert is_text(client.request("DELETE", "/api/files", **these()), 400)

    @pytest.mark.parametrize(
        "given", [{"LinkIDs": 5}, {"LinkIDs": [5]}, {"LinkIDs": [{"LinkID": "5"}]}, []]
    )
    def test_what_makes_no_sense_is_400(self, client, given):
        assert is_text(client.request("DELETE", "/api/files", json=given), 400)
