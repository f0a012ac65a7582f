"""Addresses of pages: yt-dlp finds the film in a child process that reaches our proxy and nothing else."""

import hashlib
import json
import ssl
import subprocess

import pytest

from polyreel.core import ingest, library
from polyreel.core.ingest.tables import RemoteRow
from polyreel.core.options import set_option
from polyreel.infra.probe import Probe
from tests.factories.site import Site
from tests.origin import Canary, Origin

LANES = ["net", "fast"]
HTML = {"Content-Type": "text/html; charset=utf-8"}


@pytest.fixture
def site(tmp_path):
    one = Site(tmp_path / "data", outbound_allow="127.0.0.1", min_free_bytes=0)
    allow(one)
    yield one
    one.close()


@pytest.fixture
def origin():
    with Origin() as one:
        yield one


@pytest.fixture(scope="module")
def film(make_clip):
    return make_clip(seconds=1, width=160, height=120).read_bytes()


def allow(site, name="remote_pages_enabled", value=True):
    with site.tools.db.write() as tx:
        set_option(tx, None, name, value)


# Nothing of it may become a path, an option or a command.
TITLE = "../../A &amp; B %(id)s $(touch x) -- --exec"


def page(origin, *sources, title=TITLE, path="/watch"):
    films = "".join(f'<video src="{source}"></video>' for source in sources)
    html = f"<!doctype html><html><head><title>{title}</title></head><body>{films}</body></html>"
    origin.serve(path, html.encode(), headers=HTML)
    return origin.url(path)


def fetched(site, url):
    """What becomes of a download of this address."""
    [order] = ingest.create_downloads(site.tools.db, site.tools.outbound, site.alice, [url])

    def check():
        with site.tools.db.read() as tx:
            [found] = ingest.list_downloads(tx, site.alice)
        return found if found.status in ("completed", "failed", "canceled") else None

    with site.working(LANES):
        found = site.until(check)
    assert found.id == order.id
    return found


def left(site):
    """Files of temporary folders."""
    return list((site.tools.storage.root / "tmp").rglob("*"))


def test_the_film_of_a_page_becomes_a_video(site, origin, film):
    origin.serve("/media/film.mp4", film)
    found = fetched(site, page(origin, "/media/film.mp4"))
    assert (found.status, found.error, found.progress) == ("completed", "", 1.0)
    assert found.received_bytes == found.total_bytes == len(film)
    assert found.name.endswith(".mp4")
    assert "A & B" in found.name
    assert "/" not in found.name
    with site.tools.db.read() as tx:
        media = library.get_media(tx, found.media_id)
        row = tx.session.get(RemoteRow, found.id)
        assert (row.reserved_bytes, row.has_file, row.is_started) == (0, False, False)
    assert media.sha256 == hashlib.sha256(film).hexdigest()
    assert left(site) == []
    assert "child:" not in json.dumps([head for _, head in origin.seen])


def test_an_adaptive_stream_is_fetched_whole(site, origin, film):
    origin.serve("/a.ts", film[: len(film) // 2])
    origin.serve("/b.ts", film[len(film) // 2 :])
    text = (
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.ts\n#EXTINF:1,\nb.ts\n"
    )
    ended = text + "#EXT-X-ENDLIST\n"
    kind = {"Content-Type": "application/vnd.apple.mpegurl"}
    origin.serve("/list.m3u8", ended.encode(), headers=kind)
    found = fetched(site, origin.url("/list.m3u8"))
    assert (found.status, found.error) == ("completed", "")
    with site.tools.db.read() as tx:
        assert library.get_media(tx, found.media_id).sha256 == hashlib.sha256(film).hexdigest()


def test_picture_and_sound_that_lie_apart_are_put_together(site, origin, make_clip):
    kinds = {
        "video": make_clip(seconds=1, width=160, height=120, sound=None),
        "audio": make_clip(seconds=1, picture=None, sound="aac", suffix="m4a"),
    }
    codecs = {"video": "avc1.42c00a", "audio": "mp4a.40.2"}
    sets = ""
    for kind, clip in kinds.items():
        origin.serve(f"/{kind}.mp4", clip.read_bytes())
        sets += (
            f'<AdaptationSet contentType="{kind}" mimeType="{kind}/mp4"><Representation id="{kind}" '
            f'bandwidth="100000" codecs="{codecs[kind]}"><BaseURL>{kind}.mp4</BaseURL>'
            '<SegmentBase indexRange="0-1"/></Representation></AdaptationSet>'
        )
    head = (
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S">'
    )
    text = f'<?xml version="1.0"?>{head}<Period>{sets}</Period></MPD>'
    origin.serve("/film.mpd", text.encode(), headers={"Content-Type": "application/dash+xml"})
    found = fetched(site, origin.url("/film.mpd"))
    assert (found.status, found.error) == ("completed", "")
    assert found.name.endswith(".mkv")
    with site.tools.db.read() as tx:
        told = library.find_probe(tx, found.media_id)
    assert told is not None
    streams = Probe.from_json(told)
    assert (len(streams.video), len(streams.audio)) == (1, 1)
    assert left(site) == []


def test_without_the_option_a_page_is_no_media_file(site, origin, film):
    allow(site, value=False)
    origin.serve("/film.mp4", film)
    found = fetched(site, page(origin, "/film.mp4"))
    assert found.status == "failed"
    assert found.error == "This address is a web page, not a media file."
    assert [path for path, _ in origin.seen] == ["/watch"]


def test_a_page_that_leads_inwards_is_refused(site, origin):
    with Canary() as canary:
        found = fetched(site, page(origin, f"http://127.0.0.2:{canary.port}/film.mp4"))
        assert canary.visits == 0
    assert found.status == "failed"
    assert found.error == "The page leads to an address that this server does not ask."
    assert left(site) == []


def test_so_is_a_redirect_inwards(site, origin):
    with Canary() as canary:
        where = {"Location": f"http://127.0.0.2:{canary.port}/film.mp4"}
        origin.serve("/film.mp4", status=302, headers=where)
        found = fetched(site, page(origin, "/film.mp4"))
        assert canary.visits == 0
    assert (found.status, found.error) == (
        "failed",
        "The page leads to an address that this server does not ask.",
    )


def test_a_server_that_cannot_prove_its_name_is_not_trusted(site, origin, tmp_path):
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    wish = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=film.example"
    command = [*wish.split(), "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with Origin(context) as secure:
        secure.serve("/film.mp4", b"film")
        found = fetched(site, page(origin, secure.url("/film.mp4")))
        assert secure.seen == []
    assert found.status == "failed"
    assert found.error == "The page's server has no valid certificate for its name."


def test_a_file_of_ours_is_no_film(site, origin):
    found = fetched(site, page(origin, "file:///etc/passwd"))
    assert (found.status, found.media_id) == ("failed", None)


def test_a_film_that_is_too_large_is_not_fetched(site, origin, film):
    allow(site, "videocms_upload_max_bytes", 1000)
    origin.serve("/film.mp4", film)
    found = fetched(site, page(origin, "/film.mp4"))
    assert found.status == "failed"
    assert "larger than" in found.error
    assert left(site) == []


def test_a_page_may_be_fetched_again(site, origin, film):
    url = page(origin, "/media/film.mp4")
    first = fetched(site, url)
    assert first.status == "failed"
    origin.serve("/media/film.mp4", film)
    ingest.retry_download(site.tools.db, site.alice, first.id)
    with site.working(LANES):

        def check():
            with site.tools.db.read() as tx:
                [found] = ingest.list_downloads(tx, site.alice)
            return found if found.status == "completed" else None

        site.until(check)


def test_who_cancels_stops_it(site, origin, film):
    slow = origin.serve("/media/film.mp4", film * 50)
    slow.pause_s = 0.2
    slow.block = 20_000
    url = page(origin, "/media/film.mp4")
    [order] = ingest.create_downloads(site.tools.db, site.tools.outbound, site.alice, [url])

    def status():
        with site.tools.db.read() as tx:
            [found] = ingest.list_downloads(tx, site.alice)
        return found

    with site.working(LANES):
        site.until(lambda: status().received_bytes > 0)
        ingest.cancel_download(site.tools.db, site.alice, order.id)
        site.until(lambda: status().status == "canceled")
        site.until(lambda: not left(site))
    assert status().media_id is None
