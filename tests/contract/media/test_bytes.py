"""Bytes of fragments: parts of them, again, from a cache, and how many were sent."""

import asyncio

import pytest

from polyreel.core.stats import total_of_media
from tests.contract.media.viewer import BODY

IMMUTABLE = "private, max-age=31536000, immutable"


def counted(stage):
    stage.traffic.flush()
    with stage.tools.db.read() as tx:
        return total_of_media(tx, "traffic", stage.video.media_id)


def test_a_fragment_is_its_stretch_of_the_part(stage):
    reply = stage.get("720p/out1.mp4")
    assert (reply.status, reply.body) == (200, BODY[1000:2000])
    assert reply.headers["content-type"] == "video/mp4"
    assert reply.headers["accept-ranges"] == "bytes"
    assert reply.headers["x-content-type-options"] == "nosniff"


def test_head_is_get_without_a_body(stage):
    got, head = stage.get("720p/out1.mp4"), stage.get("720p/out1.mp4", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    varying = {"last-modified"}
    assert {k: v for k, v in head.headers.items() if k not in varying} == {
        k: v for k, v in got.headers.items() if k not in varying
    }


def test_head_knows_no_ranges(stage):
    head = stage.get("720p/out1.mp4", method="HEAD", range="bytes=0-9")
    assert (head.status, head.headers["content-length"]) == (200, "1000")


def test_a_range_of_a_fragment_stays_within_it(stage):
    reply = stage.get("720p/out1.mp4", range="bytes=990-5000")
    assert (reply.status, reply.body) == (206, BODY[1990:2000])
    assert reply.headers["content-range"] == "bytes 990-999/1000"


def test_a_range_beyond_the_end_is_not_satisfiable_and_not_kept(stage):
    reply = stage.get("720p/out1.mp4?r=1", range="bytes=1000-")
    assert (reply.status, reply.body) == (416, b"")
    assert reply.headers["content-range"] == "bytes */1000"
    assert reply.headers["cache-control"] == "no-store"


def test_what_a_client_has_is_not_sent_again(stage):
    etag = stage.get("720p/out1.mp4").headers["etag"]
    reply = stage.get("720p/out1.mp4", if_none_match=etag)
    assert (reply.status, reply.body) == (304, b"")
    assert reply.headers["etag"] == etag
    assert stage.get("720p/out0.mp4", if_none_match=etag).status == 200


@pytest.mark.parametrize(
    ("query", "cache"),
    [
        ("?r=1", IMMUTABLE),
        ("", "private, no-cache"),
        ("?r=2", "private, no-cache"),
        ("?r=01", "private, no-cache"),
        ("?r=1&x=1", "private, no-cache"),
    ],
)
def test_only_the_right_revision_is_immutable(stage, query, cache):
    assert stage.get(f"720p/out1.mp4{query}").headers["cache-control"] == cache
    assert stage.get(f"720p/out.mp4{query}").headers["cache-control"] == cache


def test_a_new_attempt_has_new_tags_and_a_new_revision(stage):
    old = stage.get("720p/out1.mp4?r=1")
    stage.begin(stage.picture.parts[0].id, "media/00/c")
    stage.publish(0, 2)
    new = stage.get("720p/out1.mp4?r=1")
    assert new.headers["etag"] != old.headers["etag"]
    assert new.headers["cache-control"] == "private, no-cache"
    assert stage.get("720p/out1.mp4?r=2").headers["cache-control"] == IMMUTABLE


def test_playlists_are_asked_for_again_each_time(stage):
    for path in ("720p/out.m3u8", "stream/multi/master.m3u8"):
        reply = stage.get(path)
        assert reply.headers["cache-control"] == "private, no-cache"
        assert reply.headers["content-type"] == "application/vnd.apple.mpegurl"
        assert stage.get(path, if_none_match=reply.headers["etag"]).status == 304


def test_a_playlist_that_grows_is_newer_than_any_date_before(stage):
    then = stage.get("720p/out.m3u8").headers["last-modified"]
    asyncio.run(asyncio.sleep(1.1))
    assert stage.get("720p/out.m3u8", if_modified_since=then).status == 200


def test_every_name_in_the_playlists_leads_to_something(stage):
    master = stage.get("stream/multi/master.m3u8").body.decode()
    sound = stage.sound.name
    assert f"/videos/qualitys/{stage.uuid}/720p/out.m3u8" in master
    assert f"/videos/qualitys/{stage.uuid}/{sound}/audio/audio.m3u8" in master
    for base in ("720p/", f"{sound}/audio/"):
        playlist = stage.get(base + ("out.m3u8" if base == "720p/" else "audio.m3u8"))
        names = [n for n in playlist.body.decode().split() if n and not n.startswith("#")][:2]
        assert [stage.get(base + name).status for name in names] == [200, 200]
    muted = stage.get("stream/muted/master.m3u8").body.decode()
    assert "AUDIO" not in muted
    assert stage.get(f"{sound}/stream/master.m3u8").body.decode().count("#EXT-X-MEDIA:") == 1


def test_what_was_sent_is_counted_and_nothing_else(stage):
    assert counted(stage) == 0
    stage.get("720p/out1.mp4")
    assert counted(stage) == 1000
    stage.get("720p/out1.mp4", range="bytes=0-9")
    assert counted(stage) == 1010
    stage.get("720p/out1.mp4", method="HEAD")
    stage.get("720p/out1.mp4", range="bytes=5000-")
    stage.get("720p/out1.mp4", if_none_match="*")
    stage.get("720p/out1.mp4", cookie="")
    assert counted(stage) == 1010
    size = len(stage.get("720p/out.m3u8").body)
    assert counted(stage) == 1010 + size


def test_what_went_out_before_the_viewer_left_is_counted(stage):
    path = stage.tools.storage.path("media/00/a")
    path.write_bytes(BODY[:1500])
    with pytest.raises(OSError, match="shorter"):
        stage.get("720p/out1.mp4")
    assert counted(stage) == 500


def test_a_file_that_has_gone_is_not_found(stage):
    stage.tools.storage.path("media/00/a").unlink()
    reply = stage.get("720p/out1.mp4?r=1")
    assert (reply.status, reply.headers["cache-control"]) == (404, "no-store")
