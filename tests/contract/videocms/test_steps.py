"""GET /api/file/steps and POST /api/file/retry: ours, in the manner of the chapter "Files"."""

import pytest

from polyreel.core import library
from polyreel.core.media.subtitles import Texts, add_subtitle, plan_subtitles
from tests.contract.videocms.bodies import sent
from tests.contract.videocms.site import is_text
from tests.factories.probes import make_probe, make_subtitle


@pytest.fixture
def failed(site):
    return site.video(site.bobby, state="failed", message="This is a text file, not a video.")


@pytest.mark.parametrize("way", ["json", "form", "multipart"])
def test_a_failed_file_is_tried_again_once(site, failed, way):
    found = site.client.post("/api/file/retry", **sent(way, LinkID=failed.id))
    assert (found.status_code, found.content) == (200, b"")
    state = site.client.get(f"/v/{failed.uuid}/status").json()
    assert state["state"] != "failed"
    assert is_text(site.client.post("/api/file/retry", json={"LinkID": failed.id}), 409)


def test_without_an_original_it_cannot_be(site, failed):
    with site.db.write() as tx:
        library.update_media(tx, failed.media_id, original_key=None)
    assert is_text(site.client.post("/api/file/retry", json={"LinkID": failed.id}), 409)


def test_the_steps_of_a_file_without_any_are_an_empty_list(site, failed):
    found = site.client.get(f"/api/file/steps?LinkID={failed.id}")
    assert (found.status_code, found.json()) == (200, [])


def test_administrators_may_and_strangers_may_not(site, failed):
    path = f"/api/file/steps?LinkID={failed.id}"
    stranger, admin = site.as_user(site.carol), site.as_user(site.alice)
    assert is_text(site.client.get(path, headers=stranger), 404)
    assert site.client.get(path, headers=admin).status_code == 200
    wish = {"LinkID": failed.id}
    assert is_text(site.client.post("/api/file/retry", headers=stranger, json=wish), 400)
    assert is_text(site.anonymous("POST", "/api/file/retry", json=wish), 403)
    assert site.client.post("/api/file/retry", headers=admin, json=wish).status_code == 200


@pytest.mark.parametrize("value", ["x", "-1", "0", "9" * 25, ""])
def test_a_malformed_number_is_400(site, value):
    assert is_text(site.client.get("/api/file/steps", params={"LinkID": value}), 400)
    assert is_text(site.client.post("/api/file/retry", json={"LinkID": value}), 400)


def test_a_track_of_subtitles_is_told_twice(site):
    video = site.video(site.bobby, state="ready")
    with site.db.write() as tx:
        texts = Texts("subtitles/a.vtt", "subtitles/a.ass", is_styled=False)
        add_subtitle(tx, video.id, language="de", title="Deutsch", texts=texts)
    told = site.client.get(f"/api/file?LinkID={video.id}").json()["Subtitles"]
    assert sorted(each["Type"] for each in told) == ["ass", "vtt"]
    assert {(each["Name"], each["Lang"], each["Ready"]) for each in told} == {
        ("Deutsch", "de", True)
    }


def test_a_track_that_is_still_to_be_made_is_a_task(site):
    video = site.video(site.bobby, state="processing")
    probe = make_probe(subtitles=[make_subtitle(title="Deutsch"), make_subtitle("dvb_subtitle")])
    with site.db.write() as tx:
        plan_subtitles(tx, video.media_id, probe, has_ocr=False)
    tasks = site.client.get(f"/v/{video.uuid}/status").json()["tasks"]
    told = [task for task in tasks if task["type"] == "subtitle"]
    assert told == [{"type": "subtitle", "name": "Deutsch", "status": "queued", "progress": 0}]
