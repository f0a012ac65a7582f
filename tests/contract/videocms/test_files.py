"""GET /api/files and GET /api/file. Source: the VideoCMS contract, section 8."""

import pytest

from tests.contract.videocms.site import golden, is_text, shape


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
