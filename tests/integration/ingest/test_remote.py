"""Remote downloads, fetched by a real worker from an origin of this machine that misbehaves."""

import hashlib
import time

import pytest

from polyreel.core import ingest, library, webhooks
from polyreel.core.ingest.tables import RemoteRow
from polyreel.core.users import update_user
from polyreel.infra.jobs import JobRow, JobState
from tests.factories.site import Site
from tests.origin import Canary, Origin
from tests.pace import Stopwatch

LANES = ["net", "fast"]


@pytest.fixture
def site(tmp_path):
    one = Site(tmp_path / "data", outbound_allow="127.0.0.1", min_free_bytes=0)
    yield one
    one.close()


@pytest.fixture
def origin():
    with Origin() as one:
        yield one


@pytest.fixture(scope="module")
def film(make_clip):
    """The bytes of a small film, behind which a few megabytes of nothing lie."""
    clip = make_clip(seconds=1, width=160, height=120).read_bytes()
    filler = hashlib.shake_256(b"free").digest(6 * 1024 * 1024)
    return clip + (len(filler) + 8).to_bytes(4, "big") + b"free" + filler


def order(site, *urls, actor=None):
    tools = site.tools
    found = ingest.create_downloads(tools.db, tools.outbound, actor or site.alice, urls)
    return [each.id for each in found]


def shown(site, actor=None):
    with site.tools.db.read() as tx:
        found = ingest.list_downloads(tx, actor or site.alice, limit=200)
        return {each.id: each for each in found}


def ended(site, download_id, actor=None):
    def check():
        found = shown(site, actor)[download_id]
        return found if found.status in ("completed", "failed", "canceled") else None

    return site.until(check)


def fetched(site, *urls):
    """What becomes of these."""
    ids = order(site, *urls)
    with site.working(LANES):
        return [ended(site, each) for each in ids]


def bytes_of(site, download):
    with site.tools.db.read() as tx:
        media = library.get_media(tx, download.media_id)
        assert media.sha256 is not None
        data = site.tools.storage.path(media.original_key).read_bytes()
    assert hashlib.sha256(data).hexdigest() == media.sha256
    return data


def files_of(site):
    root = site.tools.storage.root
    return [path for path in root.rglob("original") if path.is_file()]


def test_a_file_becomes_a_video(site, origin, film):
    origin.serve("/films/My%20Film.mp4", film)
    [found] = fetched(site, origin.url("/films/My%20Film.mp4"))
    assert (found.status, found.error, found.progress) == ("completed", "", 1.0)
    assert (found.name, found.received_bytes, found.total_bytes) == (
        "My Film.mp4",
        len(film),
        len(film),
    )
    assert bytes_of(site, found) == film
    with site.tools.db.read() as tx:
        video = library.get_video(tx, site.alice, found.video_id)
        row = tx.session.get(RemoteRow, found.id)
        assert (row.reserved_bytes, row.has_file, row.is_started) == (0, False, False)
    assert (video.uuid, video.source, video.visibility) == (
        found.video_uuid,
        "remote",
        "unlisted",
    )
    assert video.state != "received"


def test_the_same_bytes_again_are_kept_once(site, origin, film):
    origin.serve("/a.mp4", film)
    origin.serve("/b.mp4", film)
    first, second = fetched(site, origin.url("/a.mp4"), origin.url("/b.mp4"))
    assert first.media_id == second.media_id
    assert first.video_id != second.video_id
    assert len(files_of(site)) == 1


def test_an_origin_that_cuts_twice_is_gone_on_with(site, origin, film):
    origin.serve("/film.mp4", film, cuts=[2_500_000, 1_000_000])
    [found] = fetched(site, origin.url("/film.mp4"))
    assert found.status == "completed"
    assert bytes_of(site, found) == film
    ranges = [head.get("range") for _, head in origin.seen]
    assert ranges == [None, "bytes=2500000-", "bytes=3500000-"]
    assert [head.get("if-range") for _, head in origin.seen][1:] == [
        origin.files["/film.mp4"].headers["ETag"]
    ] * 2


def test_an_old_date_is_a_validator_too(site, origin, film):
    old = {"Last-Modified": "Mon, 05 Jan 2015 10:00:00 GMT", "Content-Type": "video/mp4"}
    origin.serve("/film.mp4", film, headers=old, cuts=[2_000_000])
    [found] = fetched(site, origin.url("/film.mp4"))
    assert bytes_of(site, found) == film
    assert origin.seen[1][1]["if-range"] == old["Last-Modified"]


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"weak"'}])
def test_without_a_strong_validator_it_begins_anew(site, origin, film, headers):
    origin.serve("/film.mp4", film, headers=headers, cuts=[2_000_000])
    [found] = fetched(site, origin.url("/film.mp4"))
    assert bytes_of(site, found) == film
    assert "range" not in origin.seen[1][1]


def test_an_origin_that_changes_in_between_is_begun_anew(site, origin, film):
    other = film + b"\x00\x00\x00\x08free"
    first = origin.serve("/film.mp4", film, cuts=[3_000_000])

    def change(handler):
        if len(origin.seen) == 2:
            assert handler.headers["If-Range"] == first.headers["ETag"]
            origin.serve("/film.mp4", other)
        return False

    origin.answer = change
    [found] = fetched(site, origin.url("/film.mp4"))
    assert found.status == "completed"
    assert bytes_of(site, found) == other


def test_a_lying_rest_is_not_added(site, origin, film):
    """206 for another file, whatever was asked."""
    origin.serve("/film.mp4", film, cuts=[3_000_000])

    def lie(handler):
        if len(origin.seen) != 2:
            return False
        handler.send_response(206)
        handler.send_header("Content-Range", "bytes 3000000-3000009/3000010")
        handler.send_header("Content-Length", "10")
        handler.end_headers()
        handler.wfile.write(b"0123456789")
        return True

    origin.answer = lie
    [found] = fetched(site, origin.url("/film.mp4"))
    assert bytes_of(site, found) == film
    assert "range" not in origin.seen[2][1]


def test_an_origin_that_knows_no_ranges_is_begun_anew(site, origin, film):
    origin.serve("/film.mp4", film, cuts=[1_000_000], ranges=False)
    [found] = fetched(site, origin.url("/film.mp4"))
    assert bytes_of(site, found) == film


def test_an_unknown_length_is_taken_as_it_comes(site, origin, film):
    origin.serve("/film.mp4", film, has_length=False)
    [found] = fetched(site, origin.url("/film.mp4"))
    assert bytes_of(site, found) == film
    assert found.total_bytes == len(film)


def test_what_a_dead_worker_left_is_gone_on_with(site, origin, film):
    """As after kill -9: the row says how much was synced, more may lie in the file."""
    served = origin.serve("/film.mp4", film, pause_s=0.05)
    [number] = order(site, origin.url("/film.mp4"))
    with site.working(LANES):
        site.until(lambda: shown(site)[number].received_bytes > 500_000)
    kept = shown(site)[number]
    assert kept.status == "downloading"
    with site.tools.db.read() as tx:
        uid = tx.session.get(RemoteRow, number).uid
    path = site.tools.storage.path(f"media/{uid[:2]}/{uid}/original")
    with path.open("r+b") as file:
        file.truncate(kept.received_bytes)
        file.seek(0, 2)
        file.write(b"garbage that was never synced")
    served.pause_s = 0
    with site.working(LANES):
        found = ended(site, number)
    assert bytes_of(site, found) == film
    assert origin.seen[-1][1]["range"] == f"bytes={kept.received_bytes}-"


@pytest.mark.parametrize(
    ("status", "words"),
    [(404, "no file"), (410, "no file"), (403, "does not allow"), (401, "allow"), (418, "418")],
)
def test_a_refusal_is_told_at_once(site, origin, status, words):
    origin.serve("/film.mp4", b"no", status=status)
    [found] = fetched(site, origin.url("/film.mp4"))
    assert (found.status, found.video_id) == ("failed", None)
    assert words in found.error
    assert len(origin.seen) == 1


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("text/html; charset=utf-8", "/watch.mp4", "web page"),
        ("application/vnd.apple.mpegurl", "/master.m3u8", "playlist"),
        ("image/png", "/poster.png", "not a media file"),
        ("application/octet-stream", "/setup.exe", "not of a type"),
    ],
)
def test_what_is_no_media_file_is_said_to_be_none(site, origin, kind, name, words):
    origin.serve(name, b"x" * 5000, headers={"Content-Type": kind})
    [found] = fetched(site, origin.url(name))
    assert found.status == "failed"
    assert words in found.error
    assert files_of(site) == []


def test_what_only_looks_like_a_video_leaves_nothing(site, origin):
    origin.serve("/film.mp4", b"This is a text. " * 1000)
    [found] = fetched(site, origin.url("/film.mp4"))
    assert found.status == "failed"
    assert found.error
    assert found.video_id is None
    with site.tools.db.read() as tx:
        assert library.list_recent_videos(tx, site.alice) == []


def test_an_empty_file_is_refused(site, origin):
    origin.serve("/film.mp4", b"")
    [found] = fetched(site, origin.url("/film.mp4"))
    assert (found.status, "empty" in found.error) == ("failed", True)


@pytest.mark.parametrize("has_length", [True, False])
def test_a_file_that_is_too_large_is_refused(site, origin, film, has_length):
    site.choose("videocms_upload_max_bytes", 1_000_000)
    origin.serve("/film.mp4", film, has_length=has_length)
    [found] = fetched(site, origin.url("/film.mp4"))
    assert found.status == "failed"
    assert "larger than" in found.error
    assert files_of(site) == []


def test_a_file_beyond_the_quota_is_refused_in_the_known_words(site, origin, film):
    with site.tools.db.write() as tx:
        update_user(tx, site.alice.user_id, {"quota_bytes": 1_000_000})
    origin.serve("/film.mp4", film)
    [found] = fetched(site, origin.url("/film.mp4"))
    assert found.status == "failed"
    assert "storage quota exceeded: 0/1000000 bytes used" in found.error


def test_a_download_that_takes_too_long_is_given_up(site, origin, film):
    site.choose("remote_download_timeout_s", 1)
    origin.serve("/film.mp4", film, pause_s=0.1, block=1000)
    [found] = fetched(site, origin.url("/film.mp4"))
    assert found.status == "failed"
    assert "longer than" in found.error
    assert files_of(site) == []


def test_redirects_that_lead_nowhere_are_given_up(site, origin):
    origin.serve("/film.mp4", status=302, headers={"Location": "/film.mp4"})
    [found] = fetched(site, origin.url("/film.mp4"))
    assert found.status == "failed"
    assert "redirected" in found.error
    assert len(origin.seen) == 6


def test_nothing_arrives_at_a_private_address_or_by_a_redirect_to_one(site, origin):
    with Canary() as canary:
        inside = [f"http://127.0.0.2:{canary.port}/a.mp4", f"http://[::1]:{canary.port}/b.mp4"]
        inside.append(f"http://0x7f000002:{canary.port}/c.mp4")
        for number, url in enumerate(inside):
            origin.serve(f"/{number}.mp4", status=302, headers={"Location": url})
        site.choose("remote_downloads_at_once", 6)
        urls = [inside[0], inside[1], *(origin.url(f"/{number}.mp4") for number in range(3))]
        found = fetched(site, *urls)
        assert {each.status for each in found} == {"failed"}
        assert all("private" in each.error or "names no server" in each.error for each in found)
        assert canary.visits == 0


def test_a_running_download_is_stopped_and_leaves_nothing(site, origin, film):
    origin.serve("/film.mp4", film, pause_s=0.1, block=20_000)
    [number] = order(site, origin.url("/film.mp4"))
    with site.working(LANES):
        site.until(lambda: shown(site)[number].progress > 0)
        began = Stopwatch()
        ingest.cancel_download(site.tools.db, site.alice, number)
        assert shown(site)[number].status == "canceling"
        found = ended(site, number)
        assert began.read() < 3
    assert (found.status, found.progress) == ("canceled", 0.0)
    assert found.canceled_at is not None
    assert found.cancel_requested_at is not None
    assert files_of(site) == []


def test_a_failed_one_goes_on_when_it_is_tried_again(site, origin, film):
    origin.serve("/film.mp4", film, cuts=[1_000_000, 0, 0, 0])
    [number] = order(site, origin.url("/film.mp4"))
    with site.working(LANES):
        site.until(lambda: len(origin.seen) == 4)
        site.until(lambda: site.jobs(kind="ingest.remote")[0].state is JobState.QUEUED)
    with site.tools.db.write() as tx:
        job = site.jobs(kind="ingest.remote")[0]
        assert shown(site)[number].error == "The connection to 127.0.0.1 broke off."
        assert job.error == "The connection to 127.0.0.1 broke off."
        # Its last try, and the time for it has come.
        row = tx.session.get(JobRow, job.id)
        row.tries, row.run_after = 5, tx.now
    origin.serve("/film.mp4", film, cuts=[0, 0, 0])
    with site.working(LANES):
        found = ended(site, number)
    assert (found.status, found.error) == ("failed", "The connection to 127.0.0.1 broke off.")
    assert found.received_bytes == 1_000_000
    origin.serve("/film.mp4", film)
    again = ingest.retry_download(site.tools.db, site.alice, number)
    assert (again.status, again.error, again.progress) == ("pending", "", 0.0)
    with site.working(LANES):
        found = ended(site, number)
    assert bytes_of(site, found) == film
    assert origin.seen[-1][1]["range"] == "bytes=1000000-"


def test_turns_are_shared_out_between_people(site, origin, film):
    bobby = site.person("bobby")
    for number in range(4):
        origin.serve(f"/{number}.mp4", film)
    mine = order(site, *(origin.url(f"/{number}.mp4") for number in range(3)))
    [theirs] = order(site, origin.url("/3.mp4"), actor=bobby)
    with site.working(LANES):
        for number in mine:
            ended(site, number)
        ended(site, theirs, bobby)
    paths = [path for path, _ in origin.seen]
    assert paths[0] == "/0.mp4"
    assert paths[1] == "/3.mp4"


def test_several_are_fetched_at_once(site, origin, film):
    site.choose("remote_downloads_at_once", 2)
    for number in range(3):
        origin.serve(f"/{number}.mp4", film, pause_s=0.02)
    ids = order(site, *(origin.url(f"/{number}.mp4") for number in range(3)))
    most = 0
    with site.working(LANES):
        for number in ids:
            while shown(site)[number].status not in ("completed", "failed"):
                running = [each.status for each in shown(site).values()]
                most = max(most, running.count("downloading"))
                time.sleep(0.02)
    assert most == 2
    assert {each.status for each in shown(site).values()} == {"completed"}


def test_how_each_ended_is_an_event_of_its_owners(site, origin, film):
    origin.serve("/film.mp4?ticket=secret", film)
    good, bad = fetched(site, origin.url("/film.mp4?ticket=secret"), origin.url("/missing.mp4"))
    with site.tools.db.read() as tx:
        events = {event.kind: event.data for event in webhooks.list_events(tx, site.alice).events}
    assert "upload.finished" not in events, "it was not sent to us"
    finished = events["remote_download.finished"]
    assert finished["download_id"] == good.id
    assert finished["video"]["uuid"] == good.video_uuid
    assert finished["size_bytes"] == len(film)
    assert events["remote_download.failed"]["download_id"] == bad.id
    assert events["remote_download.failed"]["message"] == bad.error
    assert "secret" not in str(events)
