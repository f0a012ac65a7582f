"""The cookie that opens the media of one video. Source: the VideoCMS contract, 4.2."""

from email.utils import parsedate_to_datetime

from polyreel.http.player import player_cookies
from polyreel.kit import clock

UUID = "550e8400-e29b-41d4-a716-446655440000"


def parts_of(cookie):
    first, *rest = cookie.split("; ")
    named = dict(each.partition("=")[::2] for each in rest)
    return first, named


def test_one_for_each_address_of_the_media():
    cookies = [parts_of(each) for each in player_cookies("abc.def", UUID, is_https=False)]
    assert [first for first, _ in cookies] == ["vc_media=abc.def"] * 2
    assert [named["Path"] for _, named in cookies] == [f"/videos/qualitys/{UUID}", f"/{UUID}"]


def test_it_ends_after_six_hours():
    for cookie in player_cookies("t", UUID, is_https=True):
        _, named = parts_of(cookie)
        assert named["Max-Age"] == "21600"
        left = parsedate_to_datetime(named["Expires"]) - clock.now()
        assert 21590 < left.total_seconds() <= 21600


def test_over_https_it_works_in_pages_of_other_sites():
    for cookie in player_cookies("t", UUID, is_https=True):
        _, named = parts_of(cookie)
        assert {"HttpOnly", "Secure", "Partitioned"} <= named.keys()
        assert named["SameSite"] == "None"


def test_over_http_it_stays_on_its_own():
    for cookie in player_cookies("t", UUID, is_https=False):
        _, named = parts_of(cookie)
        assert "HttpOnly" in named
        assert named["SameSite"] == "Lax"
        assert not {"Secure", "Partitioned"} & named.keys()
