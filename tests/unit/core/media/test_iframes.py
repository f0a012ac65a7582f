"""Keyframes alone: what a player fetches of each fragment, and what that costs."""

from polyreel.core.media.iframes import iframe_playlist, iframe_rates, list_iframes
from polyreel.core.media.playlists import master_playlist
from polyreel.core.media.renditions import measured_rates
from tests.factories.renditions import fragments_of, make_part, make_rendition


def keyed(*seconds, start=0.0, key_size=100):
    """Fragments whose first picture ends after so many bytes."""
    made = fragments_of(*seconds, start=start)
    return tuple(item._replace(key_size=key_size if item.size else 0) for item in made)


def two_parts(**given):
    return make_rendition(
        make_part(keyed(2, 2), id=1),
        make_part(keyed(4, 0, 2.5, start=4), id=2, number=1, first_fragment=2),
        **{"state": "ready", "revision": 3, **given},
    )


def test_the_beginning_of_every_fragment_is_listed():
    assert iframe_playlist(two_parts()) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-TARGETDURATION:4\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXT-X-PLAYLIST-TYPE:VOD\n"
        "#EXT-X-I-FRAMES-ONLY\n"
        '#EXT-X-MAP:URI="../out.mp4?r=3"\n'
        "#EXTINF:2.000000,\n"
        "#EXT-X-BYTERANGE:100@0\n"
        "../out0.mp4?r=3\n"
        "#EXTINF:2.000000,\n"
        "#EXT-X-BYTERANGE:100@0\n"
        "../out1.mp4?r=3\n"
        "#EXTINF:4.000000,\n"
        "#EXT-X-BYTERANGE:100@0\n"
        "../out2.mp4?r=3\n"
        "#EXTINF:2.500000,\n"
        "#EXT-X-BYTERANGE:100@0\n"
        "../out4.mp4?r=3\n"
        "#EXT-X-ENDLIST\n"
    )


def test_a_track_that_is_being_made_and_sound_have_none():
    assert iframe_playlist(two_parts(state="running")) is None
    assert iframe_playlist(two_parts(kind="audio")) is None
    assert iframe_playlist(make_rendition(make_part(fragments_of(2)), state="ready")) is None


def test_rates_are_those_of_the_pictures_alone():
    average, peak = iframe_rates(list_iframes(two_parts()))
    assert average == 400 * 8 * 2 // 21
    assert peak == 100 * 8 // 2


def test_a_master_names_them_after_the_variants():
    whole = two_parts(state="ready")
    lines = master_playlist("/v", [make_rendition(), whole], []).splitlines()
    assert lines[-1] == (
        "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=400,AVERAGE-BANDWIDTH=304,RESOLUTION=1280x720,"
        'CODECS="avc1.64001f",URI="/v/720p/iframes/out.m3u8"'
    )
    assert sum(line.startswith("#EXT-X-I-FRAME") for line in lines) == 1


def test_the_peak_is_that_of_short_fragments_in_a_row():
    """Alone each of them is shorter than half of the longest, and would not count."""
    quiet, loud = fragments_of(4, 4, size=1000), fragments_of(1.5, 1.5, start=8, size=9000)
    assert measured_rates([*quiet, *loud])[1] == 9000 * 8 * 2 // 3


def test_a_film_that_grows_offers_none():
    assert "I-FRAME" in master_playlist("/b", [two_parts()], [])
    assert "I-FRAME" not in master_playlist("/b", [two_parts()], [], grows=True)
