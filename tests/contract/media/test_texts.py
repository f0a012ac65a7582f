"""Subtitles, chapters and fonts of a film: behind its gate, and as it is now."""

import json

import pytest

from polyreel.core.library import delete_video
from polyreel.core.media import drop_subtitle
from polyreel.core.media.subtitles import (
    Font,
    Texts,
    add_subtitle,
    list_subtitles,
    plan_subtitles,
    publish_subtitles,
    replace_subtitle,
)
from tests.factories.probes import make_probe, make_subtitle

VTT = b"WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n"


@pytest.fixture
def texts(stage):
    """A styled track of the file, one that was brought, and a font; their ids."""
    storage = stage.tools.storage
    for key, data in [("t/a.vtt", VTT), ("t/a.ass", b"[Script Info]"), ("t/b.vtt", VTT + b"2"),
                      ("t/c.vtt", VTT + b"3"), ("t/f", b"\0\1\0\0")]:  # fmt: skip
        storage.path(key).parent.mkdir(parents=True, exist_ok=True)
        storage.path(key).write_bytes(data)
    with stage.tools.db.write() as tx:
        probe = make_probe(
            subtitles=[make_subtitle("ass", language="eng", title='Signs"\n', forced=True)]
        )
        plan_subtitles(tx, stage.media_id, probe, has_ocr=False)
        track = list_subtitles(tx, stage.media_id)[0]
        made: dict[int, tuple[str, str | None]] = {track.id: ("t/a.vtt", "t/a.ass")}
        publish_subtitles(tx, stage.media_id, made, {}, [Font(0, "Glass", "t/f", 4)])
        brought = add_subtitle(
            tx, stage.video.id, language="de", title="Deutsch", texts=Texts("t/b.vtt", "t/a.ass", is_styled=False)
        )  # fmt: skip
    return track.uid, brought.uid


def addresses(texts):
    files = [f"{uid}/subtitle/{name}" for uid in texts for name in ("out.vtt", "out.ass", "out.m3u8")]  # fmt: skip
    return ["texts.json", "font/0", *files]


def test_all_of_them_need_a_ticket_for_this_film(stage, texts):
    other = stage.ticket(uuid="00000000-0000-4000-8000-000000000000")
    for path in addresses(texts):
        assert stage.get(path).status == 200, path
        assert stage.get(path, cookie="").status == 401, path
        assert stage.get(path, cookie=other).status == 403, path


def test_a_film_that_becomes_private_ends_the_tickets_for_them(stage, texts):
    stage.choose("private")
    assert {stage.get(path).status for path in addresses(texts)} == {401}


def test_of_a_deleted_film_nothing_is_there(stage, texts):
    with stage.tools.db.write() as tx:
        delete_video(tx, stage.site.alice, stage.uuid)
    assert {stage.get(path).status for path in addresses(texts)} == {404}


def test_the_list_names_them_with_their_revision(stage, texts):
    signs, brought = texts
    found = json.loads(stage.get("texts.json").body)
    assert [(one["id"], one["styled"], one["forced"]) for one in found["texts"]] == [
        (signs, True, True),
        (brought, False, False),
    ]
    assert found["fonts"] == [{"family": "Glass", "url": "/font/0"}]
    address = found["texts"][1]["vtt"].lstrip("/")
    pinned = stage.get(address)
    assert (pinned.body, pinned.headers["content-type"]) == (VTT + b"2", "text/vtt; charset=utf-8")
    assert "immutable" in pinned.headers["cache-control"]
    assert stage.get(address.partition("?")[0]).headers["cache-control"] == "private, no-cache"
    for path in (address, "font/0"):
        assert stage.get(path).headers["x-content-type-options"] == "nosniff"


def test_a_replaced_track_has_another_address_and_a_removed_one_none(stage, texts):
    _, uid = texts
    before = json.loads(stage.get("texts.json").body)["texts"][1]["vtt"]
    with stage.tools.db.write() as tx:
        replace_subtitle(tx, stage.video.id, uid, Texts("t/c.vtt", "t/a.ass", is_styled=False))
    after = json.loads(stage.get("texts.json").body)["texts"][1]["vtt"]
    assert after != before
    assert stage.get(after.lstrip("/")).body == VTT + b"3"
    assert "immutable" not in stage.get(before.lstrip("/")).headers["cache-control"]
    with stage.tools.db.write() as tx:
        drop_subtitle(tx, stage.site.alice, stage.uuid, uid)
    assert stage.get(f"{uid}/subtitle/out.vtt").status == 404
    assert len(json.loads(stage.get("texts.json").body)["texts"]) == 1


@pytest.mark.parametrize("path", ["{}/subtitle/out.srt", "{}/subtitle/..", "x/subtitle/out.vtt", "font/1", "font/x", "font/-0"])  # fmt: skip
def test_there_are_no_others(stage, texts, path):
    assert stage.get(path.format(texts[0])).status in (400, 404)


def test_a_file_that_has_gone_is_not_found(stage, texts):
    stage.tools.storage.path("t/a.vtt").unlink()
    assert stage.get(f"{texts[0]}/subtitle/out.vtt").status == 404


def test_masters_name_them_as_a_group(stage, texts):
    stage.publish(0, 4, whole=True)
    text = stage.get("stream/multi/master.m3u8").body.decode()
    media = [line for line in text.splitlines() if "TYPE=SUBTITLES" in line]
    assert len(media) == 2
    assert all(f"/{uid}/subtitle/out.m3u8" in line for uid, line in zip(texts, media, strict=True))
    assert all('SUBTITLES="' in line for line in text.splitlines() if "STREAM-INF:B" in line)
    # A name from a file ends no attribute and begins no line.
    assert all(line.count('"') % 2 == 0 for line in media)


def test_a_playlist_of_a_track_is_one_segment_as_long_as_the_film(stage, texts):
    lines = stage.get(f"{texts[0]}/subtitle/out.m3u8").body.decode().splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["out.vtt?r=1"]
    assert "#EXTINF:10.000000," in lines or "#EXTINF:10.000," in lines
    assert lines[-1] == "#EXT-X-ENDLIST"
