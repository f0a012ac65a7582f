"""GET /v/:UUID/status. Source: the VideoCMS contract, section 4.3."""

import pytest

from polyreel.core import users
from tests.contract.videocms.site import golden, shape

UNKNOWN = "550e8400-e29b-41d4-a716-446655440000"


def ladder(site, video, **top):
    """Two pictures, smallest at the end of the plan, and one sound."""
    shown = {"state": "running", "progress": 0.42, "promised": True, **top}
    site.rendition(video, "720p", width=1280, height=720, position=0, **shown)
    site.rendition(video, "240p", width=426, height=240, position=1, progress=0.0)
    site.rendition(video, "a1", "audio", state="running", progress=0.71, position=2)


class TestStatus:
    def test_a_video_under_way(self, site):
        video = site.video(site.bobby, state="processing")
        ladder(site, video)
        found = site.anonymous("GET", f"/v/{video.uuid}/status")
        assert found.status_code == 200
        assert found.headers["content-type"] == "application/json"
        assert shape(found.json()) == shape(golden("status"))
        assert {**found.json(), "message": ""} == {
            "uuid": video.uuid,
            "ready": False,
            "state": "encoding",
            "message": "",
            "playback_progress": 42,
            "active_task_progress": 71,
            "ready_quality_count": 0,
            "total_quality_count": 2,
            "tasks": [
                {"type": "quality", "name": "240p", "status": "queued", "progress": 0},
                {"type": "quality", "name": "720p", "status": "encoding", "progress": 42},
                {"type": "audio", "name": "Audio 1", "status": "encoding", "progress": 71},
            ],
        }

    def test_a_video_that_has_begun_to_play_is_ready(self, site):
        video = site.video(site.bobby, state="playable")
        ladder(site, video, sizes=(10, 10))
        found = site.client.get(f"/v/{video.uuid}/status").json()
        assert (found["ready"], found["state"]) == (True, "ready")
        assert (found["ready_quality_count"], found["total_quality_count"]) == (1, 2)
        assert found["tasks"][1] == {
            "type": "quality",
            "name": "720p",
            "status": "ready",
            "progress": 100,
        }

    def test_a_video_nobody_looked_at_is_queued(self, site):
        video = site.video(site.bobby)
        found = site.client.get(f"/v/{video.uuid}/status").json()
        assert (found["state"], found["ready"], found["tasks"]) == ("queued", False, [])

    def test_a_failed_video_says_why(self, site):
        video = site.video(site.bobby, state="failed", message="This is not a video.")
        found = site.client.get(f"/v/{video.uuid}/status").json()
        assert (found["state"], found["message"]) == ("failed", "This is not a video.")

    def test_an_unknown_video_is_404(self, site):
        found = site.anonymous("GET", f"/v/{UNKNOWN}/status")
        assert found.status_code == 404
        assert {**found.json(), "message": "text", "uuid": ""} == golden("status_missing")
        assert list(found.json()) == list(golden("status_missing"))

    @pytest.mark.parametrize(
        "uuid", ["x", "550e8400-e29b-41d4-a716", "550e8400e29b41d4a716446655440000"]
    )
    def test_a_malformed_id_is_400(self, site, uuid):
        found = site.anonymous("GET", f"/v/{uuid}/status")
        assert found.status_code == 400
        assert {**found.json(), "message": "text"} == golden("status_missing")

    def test_capitals_are_the_same_id(self, site):
        video = site.video(site.bobby)
        assert site.client.get(f"/v/{video.uuid.upper()}/status").json()["uuid"] == video.uuid

    def test_a_private_video_is_for_those_who_may_watch_it(self, site):
        video = site.video(site.bobby, visibility="private")
        path = f"/v/{video.uuid}/status"
        assert site.anonymous("GET", path).status_code == 404
        assert site.client.get(path).status_code == 200
        assert site.client.get(path, headers=site.as_user(site.carol)).status_code == 404
        assert site.client.get(path, headers=site.as_user(site.alice)).status_code == 200
        assert site.client.get(path, headers={"authorization": "rubbish"}).status_code == 404
        sender = site.key(site.bobby, scopes=["write"])
        assert site.client.get(path, headers={"authorization": sender}).status_code == 404

    def test_the_player_page_asks_with_its_session(self, site):
        video = site.video(site.bobby, visibility="private")
        with site.db.write() as tx:
            session = users.start_session(tx, site.bobby).token
        headers = {"cookie": f"polyreel={session}"}
        found = site.anonymous("GET", f"/v/{video.uuid}/status", headers=headers)
        assert found.status_code == 200

    def test_it_is_never_kept(self, site):
        found = site.client.get(f"/v/{UNKNOWN}/status")
        assert found.headers["cache-control"] == "no-store"


class TestCaptcha:
    """Where the player asks for one, so does this. Source: section 3."""

    @pytest.fixture(autouse=True)
    def asked(self, site):
        for name in ("captcha_enabled", "captcha_at_player"):
            site.option(name, True)

    def test_who_has_not_solved_it_learns_that_alone(self, site):
        video = site.video(site.bobby, state="ready")
        found = site.anonymous("GET", f"/v/{video.uuid}/status")
        assert found.status_code == 403
        assert found.headers["content-type"] == "application/json"
        assert shape(found.json() | {"tasks": golden("status")["tasks"]}) == shape(golden("status"))
        assert (found.json()["state"], found.json()["tasks"]) == ("captcha_required", [])
        assert site.anonymous("GET", f"/v/{UNKNOWN}/status").status_code == 404

    def test_who_has_solved_it_at_this_address_goes_on(self, site):
        video = site.video(site.bobby, state="ready")
        for address, wanted in (("testclient", 403), ("", 200)):
            passed = users.issue_captcha_pass(site.tools.secrets, address)
            cookie = {"cookie": f"captcha_bypass={passed}"}
            found = site.anonymous("GET", f"/v/{video.uuid}/status", headers=cookie)
            assert found.status_code == wanted, address

    def test_owner_and_administrator_are_not_asked(self, site):
        path = f"/v/{site.video(site.bobby, state='ready').uuid}/status"
        assert site.client.get(path).status_code == 200
        assert site.client.get(path, headers=site.as_user(site.alice)).status_code == 200
        assert site.client.get(path, headers=site.as_user(site.carol)).status_code == 403
