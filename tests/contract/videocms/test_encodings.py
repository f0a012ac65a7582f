"""The chapter "Encodings". Source: the VideoCMS contract, section 14."""

import pytest

from polyreel.core import library, users
from tests.contract.videocms.site import golden, is_text, shape


def begin(site, user, name="movie.mkv"):
    """A video of which a sound and two pictures are to be made; one sound is."""
    video = site.video(user, name, state="playable")
    site.rendition(video, "720p", width=1280, height=720, progress=0.42, state="running")
    site.rendition(video, "240p", width=426, height=240, position=1)
    site.rendition(video, "1080p", width=1920, height=1080, state="ready", sizes=(10,))
    site.rendition(video, "480p", width=854, height=480, state="failed")
    site.rendition(video, "a1", "audio", state="ready", sizes=(10,))
    site.rendition(video, "a2", "audio", position=1)
    return video


class TestOwn:
    def test_nobody_is_403(self, site):
        assert is_text(site.anonymous("GET", "/api/encodings"), 403)

    def test_nothing_is_null(self, client):
        found = client.get("/api/encodings")
        assert (found.status_code, found.text) == (200, "null\n")

    def test_what_is_not_ready_sounds_first_then_small_pictures(self, site):
        video = begin(site, site.bobby)
        site.video(site.bobby, "ready.mkv", state="ready")
        found = site.client.get("/api/encodings").json()
        assert [shape(found[0])] == shape(golden("encodings"))
        assert [each["Quality"] for each in found] == ["Audio 2", "240p", "720p"]
        assert found[2] == {
            "ID": video.id,
            "Name": "movie.mkv",
            "Quality": "720p",
            "Progress": 0.42,
        }
        assert [each["Progress"] for each in found[:2]] == [0, 0]

    def test_by_key_too_and_never_a_strangers(self, site):
        begin(site, site.carol)
        assert site.client.get("/api/encodings").text == "null\n"
        assert site.client.get("/api/encodings", headers=site.as_user(site.alice)).json() is None
        headers = {"authorization": site.key(site.carol)}
        assert len(site.client.get("/api/encodings", headers=headers).json()) == 3

    def test_a_row_for_every_link(self, site):
        video = begin(site, site.bobby)
        with site.db.write() as tx:
            library.create_video(
                tx,
                users.actor_of(site.bobby),
                media=library.get_media(tx, video.media_id),
                name="twin",
                filename="twin.mkv",
                folder_id=None,
                source="videocms",
            )
        found = site.client.get("/api/encodings").json()
        assert [each["Name"] for each in found] == ["movie.mkv", "twin"] * 3


class TestAll:
    PATH = "/api/admin/encodings"

    @pytest.mark.parametrize(
        ("who", "text"),
        [
            ("stranger", "Not Permitted"),
            ("key", "API Key Not Permitted for Admin Routes"),
            ("nobody", None),
        ],
    )
    def test_it_is_for_administrators_in_person(self, site, who, text):
        headers = {"key": {"authorization": site.key(site.alice)}}.get(who)
        if who == "nobody":
            found = site.anonymous("GET", self.PATH)
        else:
            found = site.client.get(self.PATH, headers=headers)
        assert is_text(found, 403, text)

    def test_nothing_is_null(self, site):
        found = site.client.get(self.PATH, headers=site.as_user(site.alice))
        assert (found.status_code, found.text) == (200, "null\n")

    def test_everyones_in_small_letters(self, site):
        begin(site, site.bobby)
        begin(site, site.carol, "hers.mkv")
        found = site.client.get(self.PATH, headers=site.as_user(site.alice)).json()
        assert [shape(found[0])] == shape(golden("encodings_all"))
        assert len(found) == 6
        assert {(each["user_id"], each["username"]) for each in found} == {
            (site.bobby.id, "bobby"),
            (site.carol.id, "carol"),
        }
