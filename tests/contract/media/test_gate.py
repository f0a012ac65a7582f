"""Who gets a byte of a film: whoever holds a ticket for it, as it may be seen now."""

import pytest

from polyreel.core.library import delete_video, set_poster, update_media
from polyreel.core.media.storyboard import Storyboard, save_storyboard
from tests.contract.media.viewer import BODY

EVERY_ADDRESS = [
    "stream/multi/master.m3u8",
    "stream/muted/master.m3u8",
    "720p/out.m3u8",
    "720p/out.mp4",
    "720p/out0.mp4",
    "00000000-0000-4000-8000-000000000000/stream/master.m3u8",
    "00000000-0000-4000-8000-000000000000/audio/audio.m3u8",
    "999p/out0.mp4",
    "nothing/of/the/kind",
]


@pytest.mark.parametrize("cookie", ["", "nonsense", "v1.a.b.c", ".....", "\xe9\xff"], ids=repr)
def test_without_a_ticket_of_ours_nothing_is_told(stage, cookie):
    for path in EVERY_ADDRESS:
        reply = stage.get(path, cookie=cookie)
        assert (reply.status, reply.headers["cache-control"]) == (401, "no-store"), path
        assert b"#EXT" not in reply.body


def test_a_ticket_for_another_film_is_refused(stage):
    other = stage.ticket(uuid="00000000-0000-4000-8000-000000000000")
    assert {stage.get(path, cookie=other).status for path in EVERY_ADDRESS} == {403}


def test_a_ticket_ends(stage):
    assert stage.get("720p/out0.mp4", cookie=stage.ticket(life_s=-1)).status == 401


@pytest.mark.parametrize("place", [3, 40, -2])
def test_a_ticket_that_was_changed_is_none(stage, place):
    changed = "x" if stage.cookie[place] != "x" else "y"
    text = stage.cookie[:place] + changed + stage.cookie[place:][1:]
    assert stage.get("720p/out0.mp4", cookie=text).status == 401


def test_changing_who_may_see_it_ends_the_tickets(stage):
    assert stage.get("720p/out0.mp4").status == 200
    stage.choose("private")
    assert stage.get("720p/out0.mp4").status == 401
    assert stage.get("720p/out0.mp4", cookie=stage.ticket()).status == 200


def test_a_deleted_film_is_not_found(stage):
    with stage.tools.db.write() as tx:
        delete_video(tx, stage.site.alice, stage.uuid)
    assert stage.get("720p/out0.mp4").status == 404


def test_who_has_no_ticket_costs_no_look_at_the_database(stage):
    stage.tools.db.engines.reader.dispose()
    looked = []
    stage.app._views._read = lambda uuid, known: looked.append(uuid)
    assert stage.get("720p/out0.mp4", cookie="").status == 401
    assert looked == []


@pytest.mark.parametrize("base", ["", "/videos/qualitys"])
def test_both_bases_lead_to_the_film(stage, base):
    assert stage.get(f"{base}/{stage.uuid}/720p/out0.mp4").body == BODY[:1000]
    assert stage.get(f"{base}/{stage.uuid.upper()}/720p/out0.mp4").body == BODY[:1000]


def test_what_does_not_exist_is_said(stage):
    wanted = [
        ("/videos/qualitys/nonsense/720p/out.m3u8", 400),
        ("1080p/out.m3u8", 404),
        ("240p/out0.mp4", 404),
        ("h264/out0.mp4", 404),
        ("huge/out0.mp4", 400),
        ("72p/out0.mp4", 400),
        ("720p/out.txt", 400),
        ("720p/out00000.mp4", 400),
        ("720p/../out0.mp4", 404),
        ("720p/out0.ts", 404),
        ("720p/out4.mp4", 404),
        ("720p/out9999.mp4", 404),
        ("720p", 404),
        ("", 404),
        ("nonsense/audio/audio.m3u8", 400),
        ("00000000-0000-4000-8000-000000000000/audio/audio.m3u8", 404),
        ("nonsense/stream/master.m3u8", 400),
        ("stream/all/master.m3u8", 404),
    ]
    assert [(path, stage.get(path).status) for path, _ in wanted] == wanted


def test_only_reading_is_possible(stage):
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert stage.get("720p/out0.mp4", method=method).status == 404


class TestThumbnails:
    @pytest.fixture
    def poster(self, stage):
        path = stage.tools.storage.path("media/00/images/p.webp")
        path.parent.mkdir(parents=True)
        path.write_bytes(b"webp" * 100)
        with stage.tools.db.write() as tx:
            update_media(tx, stage.media_id, poster_key="media/00/images/p.webp")
        return path

    @pytest.mark.parametrize("visibility", ["unlisted", "public"])
    def test_whoever_has_the_address_sees_them(self, stage, poster, visibility):
        stage.choose(visibility)
        reply = stage.get("image/thumb/poster.webp", cookie="")
        assert (reply.status, reply.headers["content-type"]) == (200, "image/webp")
        assert reply.body == poster.read_bytes()

    def test_those_of_a_private_film_need_a_ticket(self, stage, poster):
        old = stage.cookie
        stage.choose("private")
        assert stage.get("image/thumb/poster.webp", cookie="").status == 401
        assert stage.get("image/thumb/poster.webp", cookie=old).status == 401
        reply = stage.get("image/thumb/poster.webp", cookie=stage.ticket())
        assert (reply.status, reply.headers["cache-control"]) == (200, "private, no-cache")

    def test_a_chosen_one_has_a_name_of_its_own_and_is_the_poster(self, stage, poster):
        name = f"image/thumb/link-{stage.uuid}.webp"
        assert stage.get(name, cookie="").status == 404
        chosen = stage.tools.storage.path("posters/00/p.webp")
        chosen.parent.mkdir(parents=True)
        chosen.write_bytes(b"chosen")
        with stage.tools.db.write() as tx:
            set_poster(tx, stage.site.alice, stage.video.id, "posters/00/p.webp")
        for path in (name, "image/thumb/poster.webp"):
            assert stage.get(path, cookie="").body == b"chosen"
        other = name.replace(stage.uuid, "0" * 36)
        assert stage.get(other, cookie="").status == 404
        with stage.tools.db.write() as tx:
            set_poster(tx, stage.site.alice, stage.video.id, None)
        assert stage.get(name, cookie="").status == 404
        assert stage.get("image/thumb/poster.webp", cookie="").body == poster.read_bytes()

    @pytest.mark.parametrize("name", ["4x4.webp", "other.webp", "..", ""])
    def test_there_are_no_others(self, stage, poster, name):
        assert stage.get(f"image/thumb/{name}", cookie="").status == 404

    def test_a_file_that_has_gone_is_not_found(self, stage, poster):
        poster.unlink()
        assert stage.get("image/thumb/poster.webp", cookie="").status == 404


class TestStoryboard:
    @pytest.fixture
    def sheet(self, stage):
        key = "media/00/images/storyboard-7-1.webp"
        path = stage.tools.storage.path(key)
        path.parent.mkdir(parents=True)
        path.write_bytes(b"webp" * 100)
        with stage.tools.db.write() as tx:
            update_media(tx, stage.media_id, duration_ms=9_500)
            save_storyboard(
                tx, stage.media_id, Storyboard(key, 2, 160, 90, [0, 4_000_000, 8_000_000])
            )
        return path

    def test_it_needs_a_ticket_as_the_film_does(self, stage, sheet):
        for path in ("image/storyboard.vtt", "image/storyboard.webp"):
            assert stage.get(path, cookie="").status == 401
            assert stage.get(path).status == 200
            stage.choose("private")
            assert stage.get(path).status == 401
            stage.choose("unlisted")
            stage.cookie = stage.ticket()

    def test_the_track_names_a_rectangle_for_every_moment(self, stage, sheet):
        reply = stage.get("image/storyboard.vtt")
        assert reply.headers["content-type"] == "text/vtt; charset=utf-8"
        assert reply.headers["cache-control"] == "private, no-cache"
        assert reply.body.decode().split("\n\n") == [
            "WEBVTT",
            "00:00:00.000 --> 00:00:04.000\nstoryboard.webp?r=storyboard-7-1#xywh=0,0,160,90",
            "00:00:04.000 --> 00:00:08.000\nstoryboard.webp?r=storyboard-7-1#xywh=160,0,160,90",
            "00:00:08.000 --> 00:00:09.500\nstoryboard.webp?r=storyboard-7-1#xywh=0,90,160,90\n",
        ]

    def test_only_the_sheet_that_is_named_is_kept_for_ever(self, stage, sheet):
        pinned = stage.get("image/storyboard.webp?r=storyboard-7-1")
        assert pinned.body == sheet.read_bytes()
        assert "immutable" in pinned.headers["cache-control"]
        for query in ("", "?r=storyboard-6-1"):
            reply = stage.get(f"image/storyboard.webp{query}")
            assert reply.headers["cache-control"] == "private, no-cache"
            assert reply.headers["etag"] == pinned.headers["etag"]

    def test_before_it_is_made_there_is_an_empty_track(self, stage):
        assert stage.get("image/storyboard.vtt").body == b"WEBVTT\n"
        assert stage.get("image/storyboard.webp").status == 404
