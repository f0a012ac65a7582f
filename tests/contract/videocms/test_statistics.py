"""Curves and lists of the greatest. Source: the VideoCMS contract, sections 11, 12 and 15."""

from itertools import pairwise

import pytest

from polyreel.core.media import list_renditions
from polyreel.core.stats import Count, MachineWatch, add_counts
from polyreel.kit import clock
from tests.contract.videocms.site import is_text

MINE = ["traffic", "upload", "encoding", "remote-download", "remote-download/duration"]
TOPS = ["traffic/top", "upload/top", "encoding/top", "storage/top", "remote-download/top"]
ALL = [*MINE, *TOPS]


def count(site, metric, user, amount, **given):
    with site.db.write() as tx:
        add_counts(tx, [Count(metric, user.id, amount, **given)])


def total(found):
    assert found.status_code == 200
    points = found.json()["Traffic"]
    assert all(list(point) == ["Timestamp", "Bytes"] for point in points)
    return sum(point["Bytes"] for point in points)


class TestWhoMayAsk:
    @pytest.mark.parametrize("name", ALL)
    def test_nobody_unknown(self, site, name):
        assert is_text(site.anonymous("GET", f"/api/account/{name}"), 403)
        assert is_text(site.anonymous("GET", f"/api/stats/{name}"), 403)

    @pytest.mark.parametrize("name", ALL)
    def test_a_key_for_ones_own_account(self, site, name):
        headers = {"authorization": f"Bearer {site.key(site.bobby)}"}
        assert site.client.get(f"/api/account/{name}", headers=headers).status_code == 200

    @pytest.mark.parametrize("name", ["", *(f"/{name}" for name in ALL)])
    def test_everybodys_only_administrators_with_a_jwt(self, site, name):
        path = f"/api/stats{name}"
        by_key = {"authorization": f"Bearer {site.key(site.alice)}"}
        assert is_text(site.client.get(path), 403, "Not Permitted")
        found = site.client.get(path, headers=by_key)
        assert is_text(found, 403, "API Key Not Permitted for Admin Routes")
        assert site.client.get(path, headers=site.as_user(site.alice)).status_code == 200


class TestCurves:
    @pytest.mark.parametrize(("name", "metric"), [("traffic", "traffic"), ("upload", "upload")])
    def test_bytes_of_ones_own_and_of_all(self, site, name, metric):
        count(site, metric, site.bobby, 1000)
        count(site, metric, site.carol, 50)
        admin = site.as_user(site.alice)
        assert total(site.client.get(f"/api/account/{name}")) == 1000
        assert total(site.client.get(f"/api/account/{name}?user_id={site.carol.id}")) == 1000
        assert total(site.client.get(f"/api/stats/{name}", headers=admin)) == 1050
        found = site.client.get(f"/api/stats/{name}?user_id={site.carol.id}", headers=admin)
        assert total(found) == 50

    @pytest.mark.parametrize(
        ("name", "metric"), [("encoding", "encoding"), ("remote-download/duration", "remote_time")]
    )
    def test_milliseconds_are_told_as_seconds(self, site, name, metric):
        count(site, metric, site.bobby, 90_000, label="example.com")
        assert total(site.client.get(f"/api/account/{name}")) == 90

    def test_a_day_has_a_point_each_quarter_of_an_hour_from_the_one_it_began_in(self, site):
        points = site.client.get("/api/account/traffic").json()["Traffic"]
        assert len(points) in (97, 98)
        steps = {b["Timestamp"] - a["Timestamp"] for a, b in pairwise(points)}
        assert steps == {900_000}

    def test_times_and_points_are_taken_as_asked(self, client):
        query = "from=2026-01-01T00:00:00Z&to=2026-01-01T01:00:00Z&points=6"
        points = client.get(f"/api/account/traffic?{query}").json()["Traffic"]
        assert [point["Timestamp"] for point in points] == [
            1767225600000 + n * 600_000 for n in range(7)
        ]

    def test_backwards_is_empty(self, client):
        query = "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z"
        assert client.get(f"/api/account/traffic?{query}").json() == {"Traffic": []}
        found = client.get(f"/api/account/traffic/top?{query}")
        assert found.json() == []

    @pytest.mark.parametrize("text", ["yesterday", "2026-13-01T00:00:00Z", "2026-01-01", "\x00"])
    def test_unreadable_times_are_ignored_but_for_remote_downloads(self, client, text):
        assert len(client.get("/api/account/traffic", params={"from": text}).json()["Traffic"]) > 90
        assert is_text(client.get("/api/account/remote-download", params={"from": text}), 400)

    @pytest.mark.parametrize(
        "text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31T00:00:00Z"]
    )
    def test_the_ends_of_the_calendar_break_nothing(self, client, text):
        for name in ("traffic", "remote-download"):
            assert client.get(f"/api/account/{name}", params={"from": text}).status_code == 200
            assert client.get(f"/api/account/{name}", params={"to": text}).status_code == 200

    @pytest.mark.parametrize("query", ["points=many", "file_id=x", "points=1.5"])
    def test_what_is_no_number_is_400(self, client, query):
        assert is_text(client.get(f"/api/account/traffic?{query}"), 400)

    @pytest.mark.parametrize(("interval", "hours"), [("5min", 4), ("1h", 24), ("7h", 168)])
    def test_old_names_of_spans(self, client, interval, hours):
        found = client.get(f"/api/account/traffic?interval={interval}").json()["Traffic"]
        spanned_s = (found[-1]["Timestamp"] - found[0]["Timestamp"]) / 1000
        assert abs(spanned_s - hours * 3600) <= 2 * 7200

    def test_of_one_file_and_one_quality(self, site):
        video = site.video(site.bobby)
        site.rendition(video, "720p")
        with site.db.read() as tx:
            (rendition,) = list_renditions(tx, video.media_id)
        count(site, "traffic", site.bobby, 7, media_id=video.media_id, label="720p")
        count(site, "traffic", site.bobby, 5, media_id=video.media_id, label="240p")
        count(site, "traffic", site.bobby, 3, media_id=999, label="720p")
        get = site.client.get
        assert total(get(f"/api/account/traffic?file_id={video.media_id}")) == 12
        assert total(get(f"/api/account/traffic?quality_id={rendition.id}")) == 7
        assert total(get(f"/api/account/traffic?quality_id={rendition.id}&file_id=999")) == 0
        assert total(get("/api/account/traffic?quality_id=12345")) == 0
        other = site.as_user(site.carol)
        assert total(get(f"/api/account/traffic?file_id={video.media_id}", headers=other)) == 0


class TestTheGreatest:
    def test_files_by_their_names_with_a_small_value(self, site):
        video = site.video(site.bobby, "film.mp4")
        count(site, "traffic", site.bobby, 10, media_id=video.media_id)
        count(site, "traffic", site.bobby, 20, media_id=999)
        count(site, "traffic", site.carol, 70, media_id=998)
        found = site.client.get("/api/account/traffic/top")
        assert found.json() == [
            {"ID": 999, "Name": "Unknown File", "value": 20},
            {"ID": video.media_id, "Name": "film.mp4", "value": 10},
        ]

    def test_users_for_administrators_unless_files_are_asked_for(self, site):
        count(site, "traffic", site.bobby, 10, media_id=1)
        with site.db.write() as tx:
            add_counts(tx, [Count("traffic", 777, 30)])
        admin = site.as_user(site.alice)
        found = site.client.get("/api/stats/traffic/top", headers=admin).json()
        assert found == [
            {"ID": 777, "Name": "Deleted User", "value": 30},
            {"ID": site.bobby.id, "Name": "bobby", "value": 10},
        ]
        found = site.client.get("/api/stats/traffic/top?mode=files", headers=admin).json()
        assert [one["ID"] for one in found] == [1]
        found = site.client.get(
            f"/api/stats/traffic/top?user_id={site.bobby.id}", headers=admin
        ).json()
        assert [one["Name"] for one in found] == ["bobby"]

    def test_encoding_in_seconds(self, site):
        count(site, "encoding", site.bobby, 61_500, media_id=1)
        assert site.client.get("/api/account/encoding/top").json()[0]["value"] == 61

    def test_uploads_by_file_or_by_user(self, site):
        count(site, "upload", site.bobby, 5, media_id=4)
        assert site.client.get("/api/account/upload/top").json()[0]["ID"] == 4
        found = site.client.get("/api/account/upload/top?mode=users").json()
        assert found == [{"ID": site.bobby.id, "Name": "bobby", "value": 5}]

    def test_storage_is_what_there_is_now(self, site):
        small, large = site.video(site.bobby, "a", size_bytes=5), site.video(site.bobby, "b")
        site.video(site.carol, "c", size_bytes=10**12)
        found = site.client.get("/api/account/storage/top").json()
        assert [(one["ID"], one["value"]) for one in found] == [
            (large.media_id, 1000),
            (small.media_id, 5),
        ]
        admin = site.as_user(site.alice)
        found = site.client.get("/api/stats/storage/top", headers=admin).json()
        assert [(one["Name"], one["value"]) for one in found] == [
            ("carol", 10**12),
            ("bobby", 1005),
        ]

    def test_hosts_people_and_time_of_remote_downloads(self, site):
        count(site, "remote", site.bobby, 100, label="example.com")
        count(site, "remote_time", site.bobby, 4000, label="example.com")
        get = site.client.get
        assert get("/api/account/remote-download/top").json() == [
            {"ID": 0, "Name": "example.com", "value": 100}
        ]
        assert get("/api/account/remote-download/top?mode=users").json()[0]["Name"] == "bobby"
        assert get("/api/account/remote-download/top?mode=duration").json()[0]["value"] == 4

    @pytest.mark.parametrize("name", TOPS)
    def test_an_unknown_mode_is_null(self, client, name):
        assert client.get(f"/api/account/{name}?mode=moons").json() is None


class TestTheMachine:
    def test_averages_by_time(self, site):
        watch = MachineWatch(site.db, lambda: {"cpu": 45.5, "queue_quality": 2.0})
        watch.take()
        watch.flush()
        query = (
            f"from={clock.iso(clock.from_us(clock.to_us(clock.now()) - 3_600_000_000))}&points=12"
        )
        found = site.client.get(f"/api/stats?{query}", headers=site.as_user(site.alice)).json()
        assert list(found) == [
            "Cpu", "Mem", "NetOut", "NetIn", "DiskW", "DiskR",
            "ENCQualityQueue", "ENCAudioQueue", "ENCSubtitleQueue",
        ]  # fmt: skip
        assert max(point["Value"] for point in found["Cpu"]) == 45.5
        assert max(point["Value"] for point in found["ENCQualityQueue"]) == 2
        assert {point["Value"] for point in found["Mem"]} == {0}
        assert list(found["Cpu"][0]) == ["Timestamp", "Value"]


class TestWhatIsCounted:
    def test_an_upload_by_its_bytes(self, site):
        body = b"not a film, but bytes"
        site.worker_finds("processing")
        file = ("film.mp4", body, "video/mp4")
        sent = site.client.post(
            "/api/file/upload", files=[("Name", (None, "film.mp4")), ("file", file)]
        )
        assert sent.status_code == 200
        assert total(site.client.get("/api/account/upload")) == len(body)
        (top,) = site.client.get("/api/account/upload/top").json()
        assert (top["Name"], top["value"]) == ("film.mp4", len(body))
