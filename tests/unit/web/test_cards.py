"""A card tells what its viewer may know and do."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from polyreel.core.library import Video
from polyreel.core.media import Rendition
from polyreel.core.users import Actor
from polyreel.web.cards import BLANK, make_card

THEN = datetime(2026, 5, 1, 12, tzinfo=UTC)
UUID = "01a1fbf3-f19b-70cc-bcf5-bf566fc9e952"
VIDEO = Video(
    id=1, uuid=UUID, user_id=7, folder_id=3, media_id=1, name="a", filename="a.mp4", source="web",
    visibility="unlisted", policy_version=1, poster_key=None, created_at=THEN, updated_at=THEN,
    state="playable", message=None, progress=0.426, size_bytes=0, duration_ms=0, width=0, height=0, has_poster=True,
    revision=4, changed_at=THEN,
)  # fmt: skip
PICTURE = Rendition(
    id=1, media_id=1, kind="video", name="720p", position=0, mode="copy", promised=True,
    state="ready", message=None, stream=0, width=1280, height=720, fps=25, channels=0,
    language=None, title=None, codec=None, init=None, peak_bps=1, average_bps=1, progress=0.9,
    revision=1, duration_us=1, parts=(),
)  # fmt: skip


def actor(user_id, *, is_admin=False):
    return Actor(user_id=user_id, username="x", is_admin=is_admin, via="session")


def test_a_blank_card_has_the_same_parts():
    assert BLANK.keys() == make_card(VIDEO, None).keys()


@pytest.mark.parametrize(
    ("who", "mine", "folder_id"),
    [
        (actor(7), True, 3),
        (actor(8), False, -1),
        (actor(8, is_admin=True), True, 3),
        (None, False, -1),
    ],
)
def test_whose_it_is(who, mine, folder_id):
    card = make_card(VIDEO, who)
    assert (card["mine"], card["folder_id"]) == (mine, folder_id)


def test_nobody_elses_root_is_an_administrators():
    at_the_top = replace(VIDEO, folder_id=None)
    assert make_card(at_the_top, actor(8, is_admin=True))["folder_id"] == -1
    assert make_card(at_the_top, actor(7))["folder_id"] is None


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("received", "Received"),
        ("playable", "Playable · 42 %"),
        ("ready", "Ready"),
        ("failed", "Failed"),
    ],
)
def test_the_badge_says_how_far_it_is(state, text):
    assert make_card(replace(VIDEO, state=state), None)["state_text"] == text


def test_unknown_numbers_are_none():
    card = make_card(VIDEO, None)
    assert [card[name] for name in ("duration_ms", "width", "height", "size_bytes")] == [None] * 4


def test_a_poster_lies_where_its_viewer_may_fetch_it():
    def poster(**changes):
        return make_card(replace(VIDEO, **changes), actor(7))["poster_url"]

    assert poster() == f"/videos/qualitys/{UUID}/image/thumb/poster.webp?v=4"
    assert poster(visibility="private") == f"/video/{UUID}/poster.webp?v=4"
    assert poster(has_poster=False) is None


def test_qualities_are_the_pictures_tallest_first():
    small = replace(PICTURE, name="050p", width=80, height=50, state="planned", progress=0.0)
    heavy = replace(PICTURE, name="h264", width=1920, height=1080, state="running", progress=0.5)
    sound = replace(PICTURE, kind="audio", name=UUID, height=0, width=0)
    rungs = make_card(VIDEO, None, [small, PICTURE, heavy, sound])["renditions"]
    assert rungs == [
        {"name": "Original", "height": 1080, "state": "running", "progress": 0.5},
        {"name": "720p", "height": 720, "state": "ready", "progress": 1.0},
        {"name": "50p", "height": 50, "state": "waiting", "progress": 0.0},
    ]
    assert make_card(VIDEO, None, [sound])["renditions"][0]["name"] == "Sound"
