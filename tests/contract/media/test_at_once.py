"""A piece of a stream that is at hand needs no task: the same answer, for the same people, or none.

That it is the same, each `get` of these tests looks at; here is when there is one, and what it leaves behind.
"""

import asyncio
import gc
import logging
import os
import time

import pytest

from polyreel.core.stats import total_of_media
from polyreel.http import at_once as at_once_file
from polyreel.http.at_once import AtOnce
from tests.contract.media.viewer import BODY, fields_of, head_of

TRIES = 20


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """However busy the machine is, what was looked at a moment ago is still known."""
    monkeypatch.setattr("polyreel.http.view_cache.FRESH_S", 60.0)


@pytest.fixture
def sound(stage):
    return stage.sound.name


def find(stage, path, **given):
    """What is found at once, after somebody has looked at the film."""

    async def both():
        stage.app._views._loop = None
        for _ in range(TRIES):
            await stage.ask("720p/out0.mp4")
            # A notice of how the film was made may still come, and what was read before it is not kept.
            if stage.app._views.fresh(stage.uuid) is not None:
                break
        return stage.find_at_once(stage.scope(path, **given))

    return asyncio.run(both())


def get(stage, path, **given):
    """The app's answer, when the same could be had at once."""
    for _ in range(TRIES):
        reply = stage.get(path, **given)
        if stage.was_at_once:
            return reply
    raise AssertionError(f"{path} is never answered at once")


def counted(stage):
    """Bytes of the film that went out."""
    stage.traffic.flush()
    with stage.tools.db.read() as tx:
        return total_of_media(tx, "traffic", stage.video.media_id)


def is_found(stage, path, **given):
    found = find(stage, path, **given)
    if found is not None:
        found.ended(0)
    return found is not None


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("720p/out1.mp4", {}),
        ("720p/out1.mp4?r=1", {}),
        ("720p/out1.mp4", {"range": "bytes=10-19"}),
        ("720p/out1.mp4", {"range": "bytes=-1"}),
        ("720p/out1.mp4", {"range": "pages=1-2"}),
        ("720p/out1.mp4", {"if_none_match": '"another"'}),
    ],
)
def test_what_is_there_is_answered(stage, path, given):
    assert get(stage, path, **given).status in (200, 206)


def test_so_is_sound_and_at_the_root(stage, sound):
    assert get(stage, f"{sound}/audio/audio3.mp4").body == BODY[3000:4000]
    assert get(stage, f"/{stage.uuid}/720p/out0.mp4").body == BODY[:1000]


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("720p/out2.mp4", {}),
        ("720p/out9.mp4", {}),
        ("720p/out.mp4", {}),
        ("720p/out.m3u8", {}),
        ("720p/out0.ts", {}),
        ("999p/out0.mp4", {}),
        ("stream/multi/master.m3u8", {}),
        ("/nothing", {}),
        ("/api/files", {}),
        ("720p/out0.mp4", {"method": "HEAD"}),
        ("720p/out0.mp4", {"method": "POST"}),
        ("720p/out0.mp4", {"range": "bytes=1000-"}),
        ("720p/out0.mp4", {"if_match": '"another"'}),
        ("720p/out0.mp4", {"cookie": ""}),
        ("720p/out0.mp4", {"cookie": "v1.a.b.c"}),
    ],
)
def test_everything_else_goes_the_usual_way(stage, path, given):
    assert not is_found(stage, path, **given)


def test_what_one_has_is_not_sent_again(stage):
    etag = stage.get("720p/out0.mp4").headers["etag"]
    assert not is_found(stage, "720p/out0.mp4", if_none_match=etag)


def test_nothing_of_it_outlives_a_change_of_who_may_see_it(stage):
    assert is_found(stage, "720p/out0.mp4")
    stage.choose("private")
    stage.app._views._drop(["*"])
    assert stage.find_at_once(stage.scope("720p/out0.mp4")) is None
    # Now the view is there again, and the ticket is another policy's.
    assert stage.get("720p/out0.mp4").status == 401
    assert not stage.was_at_once
    assert get(stage, "720p/out0.mp4", cookie=stage.ticket()).status == 200


def test_who_asks_again_in_the_same_words_is_looked_at_again(stage, monkeypatch):
    scope = stage.scope("720p/out0.mp4", cookie=stage.ticket(life_s=60))
    asker = stage.at_once(scope)
    assert is_found(stage, "720p/out0.mp4")
    assert asker(head_of(scope)) is not None
    with monkeypatch.context() as later:
        later.setattr("polyreel.kit.clock.epoch_s", lambda: int(time.time()) + 61)
        assert asker(head_of(scope)) is None
    assert asker(head_of(scope)) is not None
    stage.choose("private")
    for _ in range(TRIES):
        stage.get("720p/out0.mp4")
        assert asker(head_of(scope)) is None


@pytest.mark.parametrize("path", ["/api/files", "/v/x", "/", "720p/out.m3u8"])
def test_who_asks_for_something_else_in_the_same_words_asks_the_app(stage, path):
    asker = stage.at_once(stage.scope("720p/out0.mp4"))
    assert is_found(stage, "720p/out0.mp4")
    assert asker(head_of(stage.scope(path))) is None


def test_the_range_is_that_of_each_head(stage):
    whole = stage.scope("720p/out0.mp4", if_none_match='"another"')
    asker = stage.at_once({**whole, "headers": [*whole["headers"], (b"range", b"bytes=0-9")]})
    assert is_found(stage, "720p/out0.mp4")
    for asked, status, length in (
        (None, 200, 1000),
        (b"bytes=5-6", 206, 2),
        (b"bytes=-3", 206, 3),
    ):
        found = asker(head_of(whole)._replace(range=asked))
        assert (found.status, found.length) == (status, length)


def test_a_ticket_that_ends_ends_it(stage, monkeypatch):
    assert is_found(stage, "720p/out0.mp4")
    assert not is_found(stage, "720p/out0.mp4", cookie=stage.ticket(life_s=-1))


def test_a_view_that_is_not_fresh_is_looked_at_first(stage, monkeypatch):
    monkeypatch.setattr("polyreel.http.view_cache.FRESH_S", 0.0)
    assert not is_found(stage, "720p/out0.mp4")


def test_whose_requests_are_counted_goes_the_usual_way(stage):
    asked = []

    def spare(client):
        asked.append(client)
        return False

    stage.at_once = AtOnce(stage.app, stage.tools.storage, stage.traffic, stage.observer, spare)
    assert not is_found(stage, "720p/out0.mp4")
    assert asked == ["192.0.2.1"]


def test_limits_that_are_switched_on_count_for_who_is_there_already(stage):
    spared = [True]
    stage.at_once = AtOnce(
        stage.app, stage.tools.storage, stage.traffic, stage.observer, lambda client: spared[0]
    )
    scope = stage.scope("720p/out0.mp4")
    asker = stage.at_once(scope)
    assert is_found(stage, "720p/out0.mp4")
    assert asker(head_of(scope)) is not None
    spared[0] = False
    assert asker(head_of(scope)) is None


def test_what_is_on_the_disk_alone_is_read_by_a_thread(stage, monkeypatch):
    asked = []
    monkeypatch.setattr(at_once_file, "is_in_memory", lambda *about: asked.append(about))
    assert not is_found(stage, "720p/out0.mp4")
    ((_, offset, length),) = asked
    assert (offset, length) == (0, 1000)


def test_what_was_in_memory_a_moment_ago_still_is(stage, monkeypatch):
    asked = []

    def is_in_memory(*about):
        asked.append(about)
        return True

    monkeypatch.setattr(at_once_file, "is_in_memory", is_in_memory)
    for _ in range(2):
        assert is_found(stage, "720p/out0.mp4", range="bytes=1-")
    assert len(asked) == 2
    for _ in range(2):
        assert is_found(stage, "720p/out0.mp4")
    assert is_found(stage, "720p/out0.mp4", range="bytes=1-")
    assert len(asked) == 3
    later_s = time.monotonic() + at_once_file.WARM_S
    monkeypatch.setattr(time, "monotonic", lambda: later_s)
    assert is_found(stage, "720p/out0.mp4")
    assert len(asked) == 4


def test_a_file_that_has_gone_is_said_by_the_app(stage):
    stage.tools.storage.path("media/00/a").unlink()
    assert not is_found(stage, "720p/out0.mp4")


def test_it_is_counted_and_logged_as_every_answer_is(stage, caplog):
    caplog.set_level(logging.INFO, "polyreel.access")
    found = find(stage, "720p/out1.mp4", client="198.51.100.7")
    fields = fields_of(found)
    found.ended(700)
    (record,) = [each for each in caplog.records if each.name == "polyreel.access"]
    line = vars(record)
    assert (line["status"], line["bytes"], line["client"]) == (200, 700, "198.51.100.7")
    assert line["path"].endswith("/720p/out1.mp4")
    assert line["request_id"] == fields["x-request-id"]
    assert fields["referrer-policy"] == "same-origin"
    # With those that looked at the film, 1000 bytes each.
    assert counted(stage) % 1000 == 700


def test_a_client_that_takes_nothing_is_not_counted(stage):
    found = find(stage, "720p/out1.mp4")
    before = counted(stage)
    found.ended(0)
    assert counted(stage) == before


def test_a_view_that_is_no_longer_that_of_its_film_is_not_kept(stage):
    assert is_found(stage, "720p/out0.mp4")
    ((_, known),) = stage.at_once._known.items()
    assert known.view() is not None
    stage.app._views._drop(["*"])
    gc.collect()
    assert known.view() is None
    assert stage.at_once._known == {}
    assert is_found(stage, "720p/out0.mp4")


def test_a_file_stays_open_while_its_film_is_this_one(stage):
    first, second = find(stage, "720p/out0.mp4"), find(stage, "720p/out1.mp4")
    number = first.file
    assert second.file == number
    first.ended(0)
    os.fstat(number)
    stage.app._views._drop(["*"])
    del first
    gc.collect()
    # Somebody still gets the second.
    os.fstat(number)
    second.ended(0)
    del second
    gc.collect()
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(number)


def test_where_too_many_are_open_each_answer_opens_its_own(stage, monkeypatch):
    monkeypatch.setattr(at_once_file, "MOST_OPEN", 0)
    first, second = find(stage, "720p/out0.mp4"), find(stage, "720p/out1.mp4")
    numbers = first.file, second.file
    assert len(set(numbers)) == 2
    del first, second
    gc.collect()
    for number in numbers:
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(number)


def test_what_nobody_else_asks_for_is_not_kept(stage):
    assert is_found(stage, "720p/out0.mp4?" + "x" * 65)
    assert stage.at_once._known == {}


def test_what_takes_long_goes_the_usual_way(stage, monkeypatch):
    monkeypatch.setattr(at_once_file, "LONGEST_BYTES", 999)
    assert not is_found(stage, "720p/out0.mp4")
    assert is_found(stage, "720p/out0.mp4", range="bytes=1-")


def test_it_never_knows_more_than_so_many(stage, monkeypatch):
    monkeypatch.setattr(at_once_file, "MOST_KNOWN", 1)
    for name in ("720p/out0.mp4", "720p/out1.mp4", "720p/out0.mp4"):
        assert is_found(stage, name)
        assert len(stage.at_once._known) == 1
