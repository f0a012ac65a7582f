"""PUT and DELETE /api/file/thumbnail. Source: the VideoCMS contract, sections 8, 4.4 and 20."""

from types import SimpleNamespace

import pytest

from polyreel.core.delivery import load_view
from tests.contract.videocms.bodies import sent
from tests.contract.videocms.site import is_empty, is_of_framework, is_text

PATH = "/api/file/thumbnail"
JPEG = b"\xff\xd8\xff\xe0" + b"x" * 100
WEBP = b"RIFF\x10\x00\x00\x00WEBPVP8 made of it"


class FakeFFmpeg:
    """Makes the same picture of everything."""

    def __init__(self):
        self.is_success = True

    def run(self, args, *, sinks, **given):
        sinks[0](WEBP)
        return SimpleNamespace(is_success=self.is_success)


@pytest.fixture(autouse=True)
def ffmpeg(site):
    site.tools.ffmpeg = FakeFFmpeg()
    return site.tools.ffmpeg


def put(site, number, picture=JPEG, *, kind="image/jpeg", headers=None, name="thumbnail"):
    fields = {} if number is None else {"LinkID": str(number)}
    files = {name: ("poster.jpg", picture, kind)}
    return site.client.put(PATH, data=fields, files=files, headers=headers)


def shown(site, video):
    found = site.client.get(f"/api/file?LinkID={video.id}").json()
    return found["CustomThumbnail"], found["Thumbnail"].rsplit("/", 1)[-1]


class TestSet:
    def test_the_link_shows_it(self, site):
        video = site.video(site.bobby)
        assert is_empty(put(site, video.id), 200)
        assert shown(site, video) == (True, f"link-{video.uuid}.webp")
        with site.db.read() as tx:
            view = load_view(tx, video.uuid)
        assert view is not None
        assert view.poster_key is not None
        assert view.poster_key == view.own_poster_key
        assert site.tools.storage.path(view.poster_key).read_bytes() == WEBP

    def test_another_takes_its_place_and_nothing_else_lies_about(self, site):
        video = site.video(site.bobby)
        for _ in range(2):
            put(site, video.id)
        assert len(site.files()) == 2

    def test_fields_come_in_any_case_and_order(self, site):
        video = site.video(site.bobby)
        files = [("Thumbnail", ("a.jpg", JPEG)), ("linkid", (None, str(video.id)))]
        assert is_empty(site.client.put(PATH, files=files), 200)

    def test_nobody_is_403(self, site):
        assert is_text(site.anonymous("PUT", PATH, files={"thumbnail": JPEG}), 403)

    def test_missing_and_strangers_are_400(self, site):
        missing = put(site, 999)
        assert is_text(missing, 400)
        assert is_text(put(site, site.video(site.carol).id), 400, missing.text)
        assert site.files() == []

    def test_administrators_and_keys_may(self, site):
        theirs = site.video(site.carol)
        for headers in (site.as_user(site.alice), {"authorization": site.key(site.carol)}):
            assert is_empty(put(site, theirs.id, headers=headers), 200)

    def test_which_link_is_required(self, site):
        assert is_text(put(site, None), 400, "LinkID [required] : ")
        assert is_text(put(site, ""), 400, "LinkID [required] : ")

    def test_the_picture_is_required(self, site):
        video = site.video(site.bobby)
        assert is_text(put(site, video.id, b""), 400)
        assert is_text(put(site, video.id, name="other"), 400)
        files = [("LinkID", (None, str(video.id)))]
        assert is_text(site.client.put(PATH, files=files), 400)

    @pytest.mark.parametrize(
        "picture", [b"GIF89a" + b"x" * 50, b"<svg xmlns='x'/>", b"#EXTM3U\nfile", b"\xff\xd8"]
    )
    def test_only_three_kinds_whatever_the_client_says(self, site, picture):
        video = site.video(site.bobby)
        assert is_text(put(site, video.id, picture), 400)
        assert shown(site, video) == (False, "4x4.webp")
        assert site.files() == []

    def test_what_cannot_be_read(self, site, ffmpeg):
        ffmpeg.is_success = False
        assert is_text(put(site, site.video(site.bobby).id), 400)
        assert site.files() == []

    def test_what_is_no_form(self, client):
        assert is_text(client.put(PATH, json={"LinkID": 1}), 400)
        assert is_text(client.put(PATH), 400)

    def test_beyond_the_limits_it_is_413(self, site):
        video = site.video(site.bobby)
        assert put(site, video.id, JPEG + b"x" * 10 * 1024 * 1024).status_code == 413
        site.option("videocms_post_max_bytes", 2000)
        assert put(site, video.id, JPEG + b"x" * 5000).status_code == 413
        assert is_empty(put(site, video.id, JPEG + b"x" * 1000), 200)


class TestRemove:
    @pytest.mark.parametrize("way", ["query", "form", "json", "multipart"])
    def test_the_one_that_was_made_is_shown_again(self, site, way):
        video = site.video(site.bobby)
        put(site, video.id)
        for _ in range(2):
            found = site.client.request("DELETE", PATH, **sent(way, LinkID=video.id))
            assert is_empty(found, 200)
            assert shown(site, video) == (False, "4x4.webp")

    def test_nobody_is_403(self, site):
        assert is_text(site.anonymous("DELETE", f"{PATH}?LinkID=1"), 403)

    def test_missing_and_strangers_are_400(self, site):
        missing = site.client.delete(f"{PATH}?LinkID=999")
        assert is_text(missing, 400)
        theirs = site.video(site.carol)
        assert is_text(site.client.delete(f"{PATH}?LinkID={theirs.id}"), 400, missing.text)

    def test_which_one_is_required(self, client):
        assert is_text(client.delete(PATH), 400, "LinkID [required] : ")
        assert is_text(client.delete(f"{PATH}?LinkID=x"), 400)

    def test_get_is_no_way_to_it(self, client):
        assert is_of_framework(client.get(PATH), 404)
