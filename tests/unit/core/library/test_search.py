"""A search finds every name that holds the text, however many there are and whatever is in it."""

import pytest

from polyreel.core import library
from polyreel.core.library.names import fold_name

ODD = [
    "Holiday 2024",
    "Straße nach Süden",
    'He said "no" AND left',
    "100% _real_ \\ stuff",
    "日本語のビデオ",
    "ﬁne print",
    "a*b^c:d(e)",
    "émigré",
    "holiday",
]
WANTED = [
    "holiday", "DAY 20", "strasse", "STRASSE NACH", '"no"', "said \"no\" and", "100%", "_real_", "\\ st",
    "日本語", "本語", "fin", "a*b^c", ":d(", "ÉMI", "zzz", "film 99", "m 1", "x", "film and", "' OR '",
]  # fmt: skip


@pytest.fixture(params=["few", "many"])
def owner(house, request):
    """Somebody whose names are read one by one, and somebody whose are not."""
    for name in ODD:
        house.video(house.bobby, name)
        house.video(house.alice, f"hers {name}")
    if request.param == "many":
        house.fill(house.bobby, 1100)
    return house.bobby


def searched(house, owner, text):
    with house.db.read() as tx:
        return [video.name for video in library.search_videos(tx, owner, text)]


def expected(house, owner, text):
    with house.db.read() as tx:
        names = [video.name for video in library.list_videos(tx, owner, None)]
    return [name for name in names if fold_name(text) in fold_name(name)]


@pytest.mark.parametrize("text", WANTED)
def test_what_is_found_holds_it_and_nothing_else_does(house, owner, text):
    assert searched(house, owner, text) == expected(house, owner, text)


def test_it_follows_every_change(house, owner):
    with house.db.read() as tx:
        (video,) = library.search_videos(tx, owner, "fine print")
    with house.db.write() as tx:
        library.rename_video(tx, owner, video.id, "a needle")
    assert searched(house, owner, "needle") == ["a needle"]
    with house.db.write() as tx:
        library.rename_video(tx, house.bobby, video.id, "a thimble")
    assert searched(house, owner, "needle") == []
    assert searched(house, owner, "thimble") == ["a thimble"]
    with house.db.write() as tx:
        library.delete_videos(tx, house.bobby, [video.id])
    assert searched(house, owner, "thimble") == []
