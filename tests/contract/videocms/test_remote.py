"""The chapter "Remote downloads". Source: the VideoCMS contract, section 11."""

import pytest

from polyreel.core.ingest.tables import RemoteRow
from polyreel.core.users import update_user
from tests.contract.videocms.site import golden, is_of_framework, is_text, shape

URL = "https://example.org/movie.mp4"
ROUTES = [
    ("POST", "/api/remote/download"),
    ("GET", "/api/remote/downloads"),
    ("POST", "/api/remote/download/1/cancel"),
    ("POST", "/api/remote/download/1/retry"),
    ("DELETE", "/api/remote/download/1"),
    ("DELETE", "/api/remote/downloads"),
]


def order(site, *urls, user=None, **given):
    headers = site.as_user(user) if user else {}
    body = {"urls": list(urls) or [URL], **given}
    found = site.client.post("/api/remote/download", json=body, headers=headers)
    assert found.status_code == 201, found.text
    return [row["ID"] for row in found.json()]


def change(site, number, **columns):
    """What the worker, played here, writes."""
    with site.db.write() as tx:
        row = tx.session.get(RemoteRow, number)
        for name, value in columns.items():
            setattr(row, name, value)


def shown(site, **query):
    return site.client.get("/api/remote/downloads", params=query).json()


def status_of(site, number):
    return next(row["Status"] for row in shown(site) if row["ID"] == number)


@pytest.mark.parametrize(("method", "path"), ROUTES)
class TestWhoMayCome:
    def test_nobody_is_let_in_without_a_token(self, site, method, path):
        assert is_text(site.anonymous(method, path), 403)

    def test_a_wrong_token_is_refused(self, client, method, path):
        headers = {"authorization": "Bearer ak_wrong"}
        assert is_text(client.request(method, path, headers=headers), 403)

    def test_a_key_is_as_good_as_a_login(self, site, method, path):
        number = order(site)[0]
        assert number == 1
        body = {"urls": [URL]} if method == "POST" else {"statuses": ["failed"]}
        given = {} if path[-1].isdigit() or "cancel" in path or "retry" in path else {"json": body}
        if method == "GET":
            given = {}
        headers = {"authorization": f"Bearer {site.key(site.bobby)}"}
        found = site.client.request(method, path, headers=headers, **given)
        assert found.status_code in (200, 201, 409)

    def test_a_key_that_may_only_read_changes_nothing(self, site, method, path):
        if method == "GET":
            return
        order(site)
        key = site.key(site.bobby, scopes=frozenset({"read"}))
        headers = {"authorization": f"Bearer {key}"}
        found = site.client.request(method, path, headers=headers, json={"urls": [URL]})
        assert is_text(found, 403)
        assert [row["Status"] for row in shown(site)] == ["pending"]


class TestCreate:
    def test_a_row_for_each_address(self, site):
        urls = [URL, "http://user:word@example.org:8080/a%20b.mkv?x=1#y"]
        found = site.client.post("/api/remote/download", json={"urls": urls})
        assert found.status_code == 201
        assert found.headers["content-type"] == "application/json"
        assert [row["Url"] for row in found.json()] == urls
        assert shape(found.json()[0]) == shape(golden("remote_download"))
        assert found.json()[0]["UserID"] == site.bobby.id
        assert [(one.kind, one.owner_id) for one in site.jobs.orders] == [
            ("ingest.remote", site.bobby.id)
        ]

    def test_names_of_fields_fit_in_any_case_and_forms_do_too(self, site):
        folder = site.folder(site.bobby)
        given = {"URLS": [URL], "PARENTFOLDERID": folder.id}
        found = site.client.post("/api/remote/download", json=given)
        assert found.json()[0]["ParentFolderID"] == folder.id
        found = site.client.post("/api/remote/download", data={"urls": [URL, URL]})
        assert len(found.json()) == 2

    @pytest.mark.parametrize(
        ("given", "text"),
        [
            ({}, "Urls [required] : "),
            ({"urls": None}, "Urls [required] : "),
            ({"urls": []}, "Urls [min] : 1"),
            ({"urls": [URL] * 21}, "Urls [max] : 20"),
            ({"urls": ["film"]}, "Urls[0] [url] : "),
            ({"urls": [URL, ""]}, "Urls[1] [required] : "),
        ],
    )
    def test_the_first_rule_that_fails_is_told(self, client, given, text):
        assert is_text(client.post("/api/remote/download", json=given), 400, text)

    @pytest.mark.parametrize(
        "url",
        [
            "ftp://example.org/a.mp4",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "https:///a.mp4",
            "https://",
            "http://example.org:22/",
            "http://example.org:99999/",
            "http://exa mple.org/a.mp4",
            "http://2130706433/",
            "http://127.1/",
            "http://example.org/\x00",
            "http://example.org/" + "x" * 3000,
        ],
    )
    def test_what_is_no_address_of_the_web_is_400_and_nothing_is_made(self, site, url):
        found = site.client.post("/api/remote/download", json={"urls": [URL, url]})
        assert is_text(found, 400)
        assert shown(site) == []

    @pytest.mark.parametrize(
        "given", [{"urls": URL}, {"urls": [5]}, {"urls": [URL], "parentFolderID": "1"}, [URL]]
    )
    def test_what_makes_no_sense_is_400(self, client, given):
        assert is_text(client.post("/api/remote/download", json=given), 400)

    def test_a_missing_and_a_strangers_folder_are_400_alike(self, site):
        theirs = site.folder(site.carol)
        texts = set()
        for number in (99, theirs.id):
            given = {"urls": [URL], "parentFolderID": number}
            found = site.client.post("/api/remote/download", json=given)
            assert is_text(found, 400)
            texts.add(found.text)
        assert len(texts) == 1

    def test_an_administrator_has_their_own_folders_alone(self, site):
        given = {"urls": [URL], "parentFolderID": site.folder(site.bobby).id}
        headers = site.as_user(site.alice)
        assert is_text(site.client.post("/api/remote/download", json=given, headers=headers), 400)

    def test_switched_off_for_all_is_503(self, site):
        site.option("remote_downloads_enabled", False)
        assert is_text(site.client.post("/api/remote/download", json={"urls": [URL]}), 503)

    def test_switched_off_for_one_is_403(self, site):
        with site.db.write() as tx:
            update_user(tx, site.bobby.id, {"remote_download_enabled": False})
        assert is_text(site.client.post("/api/remote/download", json={"urls": [URL]}), 403)

    def test_more_than_one_may_have_is_429_and_none_is_made(self, site):
        order(site, *[URL] * 3)
        found = site.client.post("/api/remote/download", json={"urls": [URL] * 3})
        assert is_text(found, 429)
        assert len(shown(site)) == 3
        order(site, *[URL] * 2)

    @pytest.mark.parametrize("status", ["pending", "downloading", "importing", "canceling"])
    def test_all_that_has_not_ended_counts(self, site, status):
        for number in order(site, *[URL] * 5):
            change(site, number, status=status)
        assert is_text(site.client.post("/api/remote/download", json={"urls": [URL]}), 429)
        order(site, user=site.carol)

    def test_what_has_ended_does_not_count(self, site):
        for number in order(site, *[URL] * 5):
            change(site, number, status="failed")
        order(site, *[URL] * 5)


class TestList:
    def test_nothing_is_an_empty_list(self, site):
        found = site.client.get("/api/remote/downloads")
        assert (found.status_code, found.text) == (200, "[]\n")

    def test_newest_first_and_ones_own_alone(self, site):
        numbers = order(site, URL, URL)
        order(site, user=site.carol)
        assert [row["ID"] for row in shown(site)] == numbers[::-1]

    def test_an_administrator_sees_their_own_alone(self, site):
        order(site)
        headers = site.as_user(site.alice)
        assert site.client.get("/api/remote/downloads", headers=headers).json() == []

    def test_by_status_and_in_stretches(self, site):
        numbers = order(site, *[URL] * 4)
        change(site, numbers[1], status="failed", error="The connection broke off.")
        assert [row["ID"] for row in shown(site, status="failed")] == [numbers[1]]
        assert shown(site, status="failed")[0]["Error"] == "The connection broke off."
        assert [row["ID"] for row in shown(site, limit=2, offset=1)] == [numbers[2], numbers[1]]
        assert [row["ID"] for row in shown(site, Status="pending", LIMIT=1)] == [numbers[3]]
        assert shown(site, offset=4) == []
        assert shown(site, status="completed") == []
        assert len(shown(site, limit=100_000)) == 4
        assert shown(site, offset=2**63 - 1) == []

    @pytest.mark.parametrize("query", ["status=done", "limit=x", "offset=-1", "limit=1.5"])
    def test_what_makes_no_sense_is_400(self, client, query):
        assert is_text(client.get(f"/api/remote/downloads?{query}"), 400)

    def test_how_far_one_is(self, site):
        [number] = order(site)
        known = {"received_bytes": 500, "total_bytes": 1000, "duration_ms": 1500}
        change(site, number, status="downloading", **known)
        row = shown(site)[0]
        assert row["Progress"] == pytest.approx(0.475)
        assert (row["BytesDownloaded"], row["TotalSize"], row["Duration"]) == (500, 1000, 1.5)
        change(site, number, status="importing")
        assert shown(site)[0]["Progress"] == 0.95
        change(site, number, status="completed", video_id=7, video_uuid="u", media_id=9)
        row = shown(site)[0]
        assert (row["Progress"], row["LinkID"], row["LinkUUID"], row["FileID"]) == (1, 7, "u", 9)


@pytest.mark.parametrize("verb", ["cancel", "retry", ""])
class TestOne:
    def send(self, site, verb, number, **given):
        method = "POST" if verb else "DELETE"
        return site.client.request(
            method, f"/api/remote/download/{number}/{verb}".rstrip("/"), **given
        )

    def test_a_missing_one_is_404(self, site, verb):
        assert is_text(self.send(site, verb, 99), 404)

    def test_a_strangers_one_is_404_for_administrators_too(self, site, verb):
        [number] = order(site, user=site.carol)
        assert is_text(self.send(site, verb, number), 404)
        assert is_text(self.send(site, verb, number, headers=site.as_user(site.alice)), 404)

    @pytest.mark.parametrize("number", ["x", "-1", "1.5", "9" * 30, "%00"])
    def test_what_is_no_id_is_400(self, site, verb, number):
        assert is_text(self.send(site, verb, number), 400)


class TestCancel:
    def test_a_waiting_one_is_canceled_at_once(self, site):
        first, second = order(site, URL, URL)
        for number in (second, first):
            assert is_text(site.client.post(f"/api/remote/download/{number}/cancel"), 200, "ok")
        rows = shown(site)
        assert [row["Status"] for row in rows] == ["canceled", "canceled"]
        assert all(row["CanceledAt"] and row["CancelRequestedAt"] for row in rows)
        assert {row["Progress"] for row in rows} == {0}

    def test_the_next_one_begins_then(self, site):
        first, second = order(site, URL, URL)
        assert [one.args["download_id"] for one in site.jobs.orders] == [first]
        site.client.post(f"/api/remote/download/{first}/cancel")
        assert [one.args["download_id"] for one in site.jobs.orders] == [first, second]

    def test_asking_twice_while_it_stops_is_no_error(self, site):
        [number] = order(site)
        change(site, number, status="canceling")
        assert is_text(site.client.post(f"/api/remote/download/{number}/cancel"), 200, "ok")
        assert status_of(site, number) == "canceling"

    @pytest.mark.parametrize("status", ["completed", "failed", "canceled"])
    def test_what_has_ended_is_409(self, site, status):
        [number] = order(site)
        change(site, number, status=status)
        assert is_text(site.client.post(f"/api/remote/download/{number}/cancel"), 409)

    def test_switching_off_cancels_everything(self, site):
        order(site, URL, URL)
        [theirs] = order(site, user=site.carol)
        headers = site.as_user(site.alice)
        settings = site.client.get("/api/settings", headers=headers).json()
        found = site.client.put(
            "/api/settings", json={**settings, "RemoteDownloadEnabled": "false"}, headers=headers
        )
        assert is_text(found, 200, "ok")
        assert {row["Status"] for row in shown(site)} == {"canceled"}
        with site.db.read() as tx:
            assert tx.session.get(RemoteRow, theirs).status == "canceled"

    def test_allowing_more_at_once_begins_more(self, site):
        order(site, URL, URL, URL)
        headers = site.as_user(site.alice)
        settings = site.client.get("/api/settings", headers=headers).json()
        given = {**settings, "MaxParallelDownloads": "2"}
        assert is_text(site.client.put("/api/settings", json=given, headers=headers), 200, "ok")
        assert len(site.jobs.orders) == 2


class TestRetry:
    @pytest.mark.parametrize("status", ["failed", "canceled"])
    def test_it_waits_again_as_if_new(self, site, status):
        [number] = order(site)
        with site.db.write() as tx:
            now = tx.now
        change(
            site,
            number,
            status=status,
            is_started=False,
            error="It broke.",
            received_bytes=5,
            total_bytes=9,
            duration_ms=7,
            started_at=now,
            finished_at=now,
            canceled_at=now,
            cancel_requested_at=now,
        )
        found = site.client.post(f"/api/remote/download/{number}/retry")
        assert found.status_code == 200
        assert shape(found.json()) == shape(golden("remote_download"))
        assert {**found.json(), "CreatedAt": "", "UpdatedAt": ""} == {
            **golden("remote_download"),
            "ID": number,
            "CreatedAt": "",
            "UpdatedAt": "",
            "UserID": site.bobby.id,
            "Url": URL,
        }
        assert [one.args["download_id"] for one in site.jobs.orders] == [number, number]

    @pytest.mark.parametrize(
        "status", ["pending", "downloading", "importing", "completed", "canceling"]
    )
    def test_others_are_409(self, site, status):
        [number] = order(site)
        change(site, number, status=status)
        assert is_text(site.client.post(f"/api/remote/download/{number}/retry"), 409)

    def test_limits_count_as_for_a_new_one(self, site):
        numbers = order(site, *[URL] * 5)
        change(site, numbers[0], status="failed")
        order(site)
        path = f"/api/remote/download/{numbers[0]}/retry"
        assert is_text(site.client.post(path), 429)
        with site.db.write() as tx:
            update_user(tx, site.bobby.id, {"remote_download_enabled": False})
        assert is_text(site.client.post(path), 403)
        site.option("remote_downloads_enabled", False)
        assert is_text(site.client.post(path), 503)


class TestDelete:
    @pytest.mark.parametrize("status", ["completed", "failed", "canceled"])
    def test_what_has_ended_goes(self, site, status):
        [number] = order(site)
        change(site, number, status=status)
        found = site.client.delete(f"/api/remote/download/{number}")
        assert (found.status_code, found.content) == (204, b"")
        assert shown(site) == []

    @pytest.mark.parametrize("status", ["pending", "downloading", "importing", "canceling"])
    def test_what_has_not_is_409(self, site, status):
        [number] = order(site)
        change(site, number, status=status)
        assert is_text(site.client.delete(f"/api/remote/download/{number}"), 409)

    def test_what_was_fetched_goes_too_but_never_a_videos_bytes(self, site):
        first, second = order(site, URL, URL)
        keys = []
        for number, has_file in ((first, True), (second, False)):
            with site.db.read() as tx:
                uid = tx.session.get(RemoteRow, number).uid
            keys.append(f"media/{uid[:2]}/{uid}/original")
            with site.tools.storage.create(keys[-1]) as staged:
                staged.path.write_bytes(b"film")
                staged.commit()
            change(site, number, status="failed", has_file=has_file)
            site.client.delete(f"/api/remote/download/{number}")
        assert [site.tools.storage.exists(key) for key in keys] == [False, True]


class TestDeleteMany:
    def test_by_how_they_ended(self, site):
        numbers = order(site, *[URL] * 5)
        ends = ["completed", "failed", "canceled", "pending", "failed"]
        for number, status in zip(numbers, ends, strict=True):
            change(site, number, status=status)
        [theirs] = order(site, user=site.carol)
        change(site, theirs, status="failed")
        body = {"statuses": ["failed", "completed"]}
        found = site.client.request("DELETE", "/api/remote/downloads", json=body)
        assert (found.status_code, found.json()) == (200, {"deleted": 3})
        assert [row["Status"] for row in shown(site)] == ["pending", "canceled"]
        with site.db.read() as tx:
            assert tx.session.get(RemoteRow, theirs) is not None

    def test_none_there_is_none_deleted(self, client):
        body = {"STATUSES": ["completed", "failed", "canceled"]}
        found = client.request("DELETE", "/api/remote/downloads", json=body)
        assert found.json() == {"deleted": 0}

    @pytest.mark.parametrize(
        "statuses",
        [None, [], ["pending"], ["failed", "failed"], ["done"], ["failed"] * 4, "failed", [1]],
    )
    def test_what_makes_no_sense_is_400(self, site, statuses):
        [number] = order(site)
        change(site, number, status="failed")
        body = {"statuses": statuses}
        assert is_text(site.client.request("DELETE", "/api/remote/downloads", json=body), 400)
        assert len(shown(site)) == 1


@pytest.mark.parametrize("path", ["/api/remote/download", "/api/remote/download/1"])
def test_other_methods_are_unknown(client, path):
    assert is_of_framework(client.put(path), 404)
