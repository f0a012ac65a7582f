"""Which status and which words. Source: the VideoCMS contract, 1.4, 1.6 and 4.2."""

import pytest

from polyreel.core.library import VideoNotFound
from polyreel.dialects.videocms.errors import answer, answer_media
from polyreel.http.face import Crash, WrongMethod
from polyreel.kit.errors import (
    Busy,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    QuotaExceeded,
    TooLarge,
    Unauthenticated,
    Unavailable,
)

TEXT = "text/plain; charset=UTF-8"
FRAMEWORK = b'{"error":"Not found"}\n'


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (Invalid("Name [min] : 3"), 400, b"Name [min] : 3"),
        (Unauthenticated(), 403, b"Please sign in."),
        (Forbidden("No."), 403, b"No."),
        (QuotaExceeded(7, 5), 403, b"storage quota exceeded: 7/5 bytes used"),
        (VideoNotFound(), 404, b"The video does not exist."),
        (Conflict("Not now."), 409, b"Not now."),
        (TooLarge("This file is too large.", 5), 413, b"This file is too large."),
        (Busy(), 429, b"Too fast"),
        (Busy("Another one runs."), 429, b"Another one runs."),
        (Unavailable("Storage space"), 503, b"Storage space is not available at the moment."),
    ],
)
def test_errors_are_plain_text(error, status, body):
    found, headers, text = answer(error)
    assert (found, headers["Content-Type"], text) == (status, TEXT, body)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound(), 404),
        (WrongMethod("PUT", "/api/x", ["GET"]), 404),
        (TooLarge(), 413),
        (Crash("1234"), 500),
    ],
)
def test_those_of_the_framework_are_its_one_json(error, status):
    assert answer(error) == (status, {"Content-Type": "application/json"}, FRAMEWORK)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Unauthenticated("Open the player page first."), 401),
        (Forbidden("This ticket is for another video."), 403),
        (Invalid("There is no such quality."), 400),
        (NotFound("There is no such file."), 404),
        (Busy("Still being made.", 2), 503),
    ],
)
def test_media_is_refused_in_its_own_statuses(error, status):
    found, headers, body = answer_media(error)
    assert (found, headers["Content-Type"], body) == (status, TEXT, error.message.encode())


def test_a_missing_thumbnail_is_empty():
    assert answer_media(NotFound("")) == (404, {"Content-Type": TEXT}, b"")


def test_a_player_is_told_when_to_ask_again():
    assert answer_media(Busy("Still being made.", 2))[1]["Retry-After"] == "2"
