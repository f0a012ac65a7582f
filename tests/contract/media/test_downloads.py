"""A film as one file, over HTTP: who may, what it is called, ranges, and how much at once."""

import asyncio
import re
from urllib.parse import unquote

import pytest

from polyreel.core.library import delete_video, update_video
from polyreel.core.stats import total_of_media
from polyreel.infra.jobs import JobState
from tests.contract.media.viewer import Viewing
from tests.factories.site import Site

MKV = "240p/download/video.mkv"
MP4 = "240p/1/stream/video.mp4"
BOTH = [MKV, MP4]
UNFINISHED = (JobState.QUEUED, JobState.RUNNING)


@pytest.fixture(scope="module")
def made(tmp_path_factory, make_clip):
    """One film for the module, whole; what a test changes of it, it changes back."""
    site = Site(tmp_path_factory.mktemp("downloads") / "data")
    with site.working():
        video = site.add(make_clip(seconds=5.0, width=426, height=240))
        site.until_ended(video)
        site.until(lambda: not site.jobs(states=UNFINISHED))
    yield site, video.uuid
    site.close()


@pytest.fixture
def film(made):
    """Someone who looks at the film."""
    site, uuid = made
    site.choose("downloads_enabled", True)
    with site.tools.db.write() as tx:
        update_video(tx, site.alice, uuid, name="A film.mp4", visibility="unlisted")
    return Viewing(site, uuid)


def sounds_of(film):
    return [item for item in film.site.renditions(film.video) if item.kind == "audio"]


def disposition(reply):
    """(how, file name, file name in UTF-8), as RFC 6266 writes them."""
    form = r"(\w+); filename=\"([^\"\\]*)\"(?:; filename\*=UTF-8''([\w%.-]*))?"
    found = re.fullmatch(form, reply.headers["content-disposition"], re.ASCII)
    assert found, reply.headers["content-disposition"]
    how, plain, full = found.groups()
    return how, plain, unquote(full or "")


async def ask_slowly(film, gate):
    """Someone whose answer has begun, and goes on when the gate opens."""
    begun = asyncio.Event()

    async def before():
        begun.set()
        await gate.wait()

    task = asyncio.create_task(film.ask(MKV, before=before))
    await begun.wait()
    return task


@pytest.mark.parametrize("path", BOTH)
class TestGate:
    def test_without_a_ticket(self, film, path):
        assert film.get(path, cookie="").status == 401

    def test_with_another_film_s_ticket(self, film, path):
        other = film.ticket(uuid="8f3c1c34-6d3a-4a43-9a55-0d4f2f0a3d11")
        assert film.get(path, cookie=other).status == 403

    def test_with_an_old_ticket(self, film, path):
        assert (
            film.get(path, cookie=film.ticket(version=film.video.policy_version + 1)).status == 401
        )

    def test_at_the_root_too(self, film, path):
        assert film.get(f"/{film.uuid}/{path}", range="bytes=0-9").status == 206

    def test_switched_off(self, film, path):
        film.site.choose("downloads_enabled", False)
        reply = film.get(path)
        assert (reply.status, reply.body) == (400, b"Downloads are disabled.")

    def test_a_film_that_is_gone(self, film, path):
        # The address of a film that never was: its ticket is all that is true of it.
        uuid = "8f3c1c34-6d3a-4a43-9a55-0d4f2f0a3d11"
        reply = film.get(f"/videos/qualitys/{uuid}/{path}", cookie=film.ticket(uuid=uuid))
        assert (reply.status, reply.body) == (400, b"The video does not exist.")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("24p/download/video.mkv", 400),
        ("240p2/1/stream/video.mp4", 400),
        ("240p/2/stream/video.mp4", 400),
        ("240p/yes/stream/video.mp4", 400),
        ("240p//stream/video.mp4", 400),
        ("720p/download/video.mkv", 404),
        ("720p/1/stream/video.mp4", 404),
        ("8f3c1c34-6d3a-4a43-9a55-0d4f2f0a3d11/download/video.mkv", 404),
        ("240p/download/video.mp4", 404),
        ("240p/1/stream/video.mkv", 404),
    ],
)
def test_what_is_no_download(film, path, status):
    assert film.get(path).status == status


def test_what_is_not_whole_yet(stage):
    reply = stage.get("720p/1/stream/video.mp4")
    assert (reply.status, reply.body) == (404, b"This quality is not ready yet.")


def test_an_mp4_may_be_played_where_it_is(film):
    reply = film.get(MP4)
    assert (reply.status, reply.headers["content-type"]) == (200, "video/mp4")
    assert reply.body[4:8] == b"ftyp"
    assert reply.headers["accept-ranges"] == "bytes"
    assert reply.headers["cache-control"] == "private, no-cache"
    assert disposition(reply) == ("inline", "A-film-mp4[240p].mp4", "")


def test_a_matroska_file_is_to_be_kept(film):
    reply = film.get(MKV)
    assert (reply.status, reply.headers["content-type"]) == (200, "video/x-matroska")
    assert reply.body[:4] == b"\x1aE\xdf\xa3"
    assert disposition(reply) == ("attachment", "A-film-mp4[240p].mkv", "")


@pytest.mark.parametrize("text", ["1", "t", "T", "true", "TRUE", "True"])
def test_true(film, text):
    assert film.get(f"240p/{text}/stream/video.mp4").headers["content-type"] == "video/mp4"


@pytest.mark.parametrize("text", ["0", "f", "F", "false", "FALSE", "False"])
def test_false_is_the_matroska_file(film, text):
    reply = film.get(f"240p/{text}/stream/video.mp4")
    assert reply.headers["content-type"] == "video/x-matroska"
    assert reply.headers["etag"] == film.get(MKV, method="HEAD").headers["etag"]


@pytest.mark.parametrize(
    ("name", "plain", "full"),
    [
        ("Фильм: часть 1", "-1[240p].mkv", "Фильм-часть-1[240p].mkv"),
        ('a"b\\c;d', "a-b-c-d[240p].mkv", ""),
        ("../../etc/passwd", "-etc-passwd[240p].mkv", ""),
        ("\u202egnp.exe", "-gnp-exe[240p].mkv", ""),
        ("語" * 120, "-[240p].mkv", "語" * 60 + "[240p].mkv"),
    ],
)
def test_what_the_file_is_called(film, name, plain, full):
    with film.tools.db.write() as tx:
        update_video(tx, film.site.alice, film.uuid, name=name)
    assert disposition(film.get(MKV)) == ("attachment", plain, full)


def test_sound_alone_by_its_own_name(film):
    (sound,) = sounds_of(film)
    reply = film.get(f"{sound.name}/1/stream/video.mp4")
    assert (reply.status, reply.headers["content-type"]) == (200, "audio/mp4")
    assert disposition(reply)[1] == "A-film-mp4.m4a"
    assert (
        film.get(f"{sound.name}/download/video.mkv").headers["content-type"] == "audio/x-matroska"
    )


@pytest.mark.parametrize("path", BOTH)
class TestRanges:
    def test_a_range(self, film, path):
        whole = film.get(path)
        half = len(whole.body) // 2
        reply = film.get(path, range=f"bytes={half}-{half + 9999}")
        assert (reply.status, reply.body) == (206, whole.body[half : half + 10_000])
        size = len(whole.body)
        assert reply.headers["content-range"] == f"bytes {half}-{half + 9999}/{size}"
        assert film.get(path, range="bytes=-777").body == whole.body[-777:]

    def test_a_range_beyond_the_end(self, film, path):
        reply = film.get(path, range="bytes=999999999-")
        assert (reply.status, reply.body) == (416, b"")

    def test_going_on_where_one_stopped(self, film, path):
        whole = film.get(path)
        tag, date = whole.headers["etag"], whole.headers["last-modified"]
        assert not tag.startswith("W/")
        for condition in (tag, date):
            assert film.get(path, range="bytes=5-9", if_range=condition).body == whole.body[5:10]
        changed = film.get(path, range="bytes=5-9", if_range='"another"')
        assert (changed.status, changed.body) == (200, whole.body)

    def test_head(self, film, path):
        got, head = film.get(path), film.get(path, method="HEAD")
        assert (head.status, head.body) == (200, b"")
        assert head.headers == got.headers

    def test_what_one_has_is_not_sent_again(self, film, path):
        tag = film.get(path, method="HEAD").headers["etag"]
        assert film.get(path, if_none_match=tag).status == 304

    def test_another_process_says_the_same(self, film, path):
        here, there = film.get(path), Viewing(film.site, film.uuid).get(path)
        assert here.headers["etag"] == there.headers["etag"]
        assert here.body == there.body


def counted(film):
    film.traffic.flush()
    with film.tools.db.read() as tx:
        return total_of_media(tx, "traffic", film.video.media_id)


@pytest.mark.parametrize("path", BOTH)
def test_what_was_sent_is_counted(film, path):
    before = counted(film)
    size = len(film.get(path).body)
    film.get(path, range="bytes=100-199")
    film.get(path, method="HEAD")
    film.get(path, cookie="")
    assert counted(film) - before == size + 100


@pytest.mark.parametrize("path", BOTH)
def test_many_who_ask_at_once_lay_it_out_once(film, path):
    async def ask():
        return await asyncio.gather(*(film.ask(path, range="bytes=0-99") for _ in range(8)))

    assert {reply.body for reply in asyncio.run(ask())} == {film.get(path).body[:100]}
    assert len(film.app._downloads._kept) == 1


def test_one_client_has_some_matroska_files_at_once(film):
    async def ask():
        gate = asyncio.Event()
        slow = [await ask_slowly(film, gate) for _ in range(4)]
        refused, other = await film.ask(MKV), await film.ask(MKV, client="192.0.2.7")
        mp4 = await film.ask(MP4)
        gate.set()
        return refused, other, mp4, [reply.status for reply in await asyncio.gather(*slow)]

    refused, other, mp4, slow = asyncio.run(ask())
    assert (refused.status, refused.headers["retry-after"]) == (503, "10")
    assert (other.status, mp4.status, slow) == (200, 200, [200] * 4)
    assert film.get(MKV).status == 200


def test_a_client_that_leaves_gives_its_place_back(film):
    async def ask():
        gate = asyncio.Event()
        tasks = [await ask_slowly(film, gate) for _ in range(4)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return await film.ask(MKV)

    assert asyncio.run(ask()).status == 200


def test_a_private_film_s_ticket(film):
    with film.tools.db.write() as tx:
        update_video(tx, film.site.alice, film.uuid, visibility="private")
    assert film.get(MP4).status == 401
    assert Viewing(film.site, film.uuid).get(MP4).status == 200


def test_a_film_whose_files_are_gone(site, make_clip):
    with site.working():
        video = site.until_ended(site.add(make_clip(seconds=2.0)))
        site.until(lambda: not site.jobs(states=UNFINISHED))
    film = Viewing(site, video.uuid)
    picture = next(item for item in site.renditions(video) if item.kind == "video")
    site.tools.storage.path(picture.parts[0].key).unlink()
    reply = film.get(f"{picture.name}/1/stream/video.mp4")
    assert (reply.status, reply.body) == (404, b"The film is being made anew.")
    with site.tools.db.write() as tx:
        delete_video(tx, site.alice, video.uuid)
    assert film.get(MP4).status == 400
