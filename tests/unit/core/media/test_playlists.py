"""Playlists are what RFC 8216 says, and the promise is the film."""

import re

import pytest

from polyreel.core.media.playlists import (
    find_fragment,
    is_growing,
    master_playlist,
    media_playlist,
    offered,
    promised,
    subtitle_playlist,
)
from polyreel.core.media.subtitles import Subtitle
from tests.factories.renditions import fragments_of, make_part, make_rendition

CUTS = (0, 2_000_000, 4_000_000, 8_000_000)
BASE = "/videos/qualitys/0189-uuid"


def lines_with(text, tag):
    return [line for line in text.splitlines() if line.startswith(tag)]


def durations(text):
    return [float(number) for number in re.findall(r"#EXTINF:([0-9.]+),", text)]


def attributes(line):
    found = re.findall(r'([A-Z-]+)=("[^"]*"|[^,]*)', line.partition(":")[2])
    assert line.partition(":")[2] == ",".join(f"{name}={value}" for name, value in found)
    return dict(found)


# --- media playlists ----------------------------------------------------------------------------------


def test_a_film_that_is_being_made_is_promised_whole():
    assert media_playlist(make_rendition(), CUTS) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-TARGETDURATION:4\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXT-X-PLAYLIST-TYPE:VOD\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MAP:URI="out.mp4?r=1"\n'
        "#EXTINF:2.000000,\n"
        "out0.mp4?r=1\n"
        "#EXTINF:2.000000,\n"
        "out1.mp4?r=1\n"
        "#EXTINF:4.000000,\n"
        "out2.mp4?r=1\n"
        "#EXTINF:2.000000,\n"
        "out3.mp4?r=1\n"
        "#EXT-X-ENDLIST\n"
    )


@pytest.mark.parametrize("duration_us", [10_000_000, 8_050_000, 6_123_456, 60_000])
def test_the_promise_is_as_long_as_the_track(duration_us):
    rendition = make_rendition(duration_us=duration_us)
    assert sum(seconds for _, seconds in promised(rendition, CUTS)) == pytest.approx(
        max(duration_us / 1e6, 0.1), abs=0.1
    )
    assert sum(durations(media_playlist(rendition, CUTS))) == pytest.approx(
        sum(seconds for _, seconds in promised(rendition, CUTS))
    )


def test_what_is_promised_does_not_change_while_it_is_made():
    text = media_playlist(make_rendition(), CUTS)
    begun = make_rendition(make_part(fragments_of(2, 1.96), state="running"))
    assert media_playlist(begun, CUTS) == text


def test_a_ready_film_is_listed_by_its_true_lengths():
    rendition = make_rendition(make_part(fragments_of(2, 1.96, 4.04, 1.9)), state="ready")
    text = media_playlist(rendition, CUTS)
    assert durations(text) == [2, 1.96, 4.04, 1.9]
    assert "#EXT-X-TARGETDURATION:4\n" in text


def test_no_fragment_is_longer_than_the_target_says():
    rendition = make_rendition(make_part(fragments_of(9.6, 3)), state="ready")
    text = media_playlist(rendition, (0, 9_600_000))
    (target,) = lines_with(text, "#EXT-X-TARGETDURATION:")
    assert int(target.partition(":")[2]) == 10


def test_sound_has_names_of_its_own_and_a_revision():
    rendition = make_rendition(kind="audio", name="uuid", revision=3)
    text = media_playlist(rendition, CUTS)
    assert '#EXT-X-MAP:URI="audio.mp4?r=3"' in text
    assert "audio0.mp4?r=3" in text


def test_a_source_without_an_index_grows_as_an_event():
    rendition = make_rendition(make_part(fragments_of(4, 4), state="running"))
    text = media_playlist(rendition, ())
    assert "#EXT-X-PLAYLIST-TYPE:EVENT" in text
    assert "#EXT-X-START:TIME-OFFSET=0" in text
    assert "#EXT-X-ENDLIST" not in text
    assert durations(text) == [4, 4]


def test_an_event_that_has_not_begun_lists_nothing():
    text = media_playlist(make_rendition(make_part(state="running")), ())
    assert durations(text) == []
    assert "#EXT-X-ENDLIST" not in text


def test_an_event_becomes_vod_at_its_end_with_the_same_target():
    running = make_rendition(make_part(fragments_of(4, 4), state="running"))
    ready = make_rendition(make_part(fragments_of(4, 4, 1)), state="ready")
    before, after = media_playlist(running, ()), media_playlist(ready, ())
    assert "#EXT-X-PLAYLIST-TYPE:VOD" in after
    assert after.endswith("#EXT-X-ENDLIST\n")
    target = "#EXT-X-TARGETDURATION:"
    assert lines_with(before, target) == lines_with(after, target)


def test_no_playlist_of_a_film_that_grows_ends_before_the_others():
    picture = make_rendition(make_part(fragments_of(4), state="running"))
    sound = make_rendition(make_part(fragments_of(4, 4)), kind="audio", name="uuid", state="ready")
    small = make_rendition(name="240p", promised=False)
    assert is_growing([picture, sound], ())
    assert not is_growing([picture, sound], CUTS)
    assert not is_growing([sound, small], ())
    assert not is_growing([sound, make_rendition(promised=False, state="failed")], ())
    words = Subtitle(
        id=1, uid="u", media_id=1, video_id=None, kind="subtitles", position=0, stream=2, language=None,
        title="Words", is_default=False, is_forced=False, is_styled=False, state="ready", message=None,
        vtt_key="v", ass_key="a", revision=1,
    )  # fmt: skip
    for text in (
        media_playlist(sound, (), grows=True),
        subtitle_playlist(words, 9_000_000, grows=True),
    ):
        assert "#EXT-X-PLAYLIST-TYPE:EVENT" in text
        assert "#EXT-X-ENDLIST" not in text
        assert "EXTINF" in text


def test_empty_places_are_left_out_and_numbers_stay():
    rendition = make_rendition(make_part(fragments_of(2, 0, 4)), state="ready")
    text = media_playlist(rendition, CUTS)
    assert [line for line in text.splitlines() if line.startswith("out")] == [
        "out0.mp4?r=1",
        "out2.mp4?r=1",
    ]


def two_parts(*head):
    return make_rendition(
        make_part(fragments_of(*head), id=1, key="head"),
        make_part(fragments_of(4, 2, start=4), id=2, number=1, first_fragment=2, key="rest"),
        state="ready",
    )


def test_parts_follow_each_other():
    text = media_playlist(two_parts(2, 2), CUTS)
    assert durations(text) == [2, 2, 4, 2]
    assert "out3.mp4?r=1" in text


def test_a_head_that_ends_early_does_not_end_the_film():
    text = media_playlist(two_parts(2), CUTS)
    assert [line for line in text.splitlines() if line.startswith("out")] == [
        "out0.mp4?r=1",
        "out2.mp4?r=1",
        "out3.mp4?r=1",
    ]


def test_a_fragment_is_found_in_its_part():
    rendition = two_parts(2, 2)
    found = [find_fragment(rendition, number) for number in range(5)]
    assert [place and (place[0], place[1].offset) for place in found] == [
        ("head", 0),
        ("head", 1000),
        ("rest", 0),
        ("rest", 1000),
        None,
    ]
    assert find_fragment(two_parts(2), 1) is None
    assert find_fragment(two_parts(2, 0), 1) is None


# --- masters ---------------------------------------------------------------------------------------------


def sound(**given):
    values = {"kind": "audio", "name": "aaaa", "title": "Audio 1", "channels": 2, **given}
    return make_rendition(
        make_part(fragments_of(2)), peak_bps=140_000, average_bps=128_000, **values
    )


def picture(**given):
    return make_rendition(make_part(fragments_of(2)), **given)


def test_a_master_of_two_pictures_and_two_sounds():
    pictures = [picture(name="240p", width=426, height=240, peak_bps=900_000, average_bps=600_000)]
    pictures += [picture(fps=29.97)]
    sounds = [sound(language="eng"), sound(name="bbbb", title="Kommentar", language="deu")]
    assert master_playlist(BASE, pictures, sounds) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="AAC",NAME="Audio 1",LANGUAGE="eng",DEFAULT=YES,'
        f'AUTOSELECT=YES,CHANNELS="2",URI="{BASE}/aaaa/audio/audio.m3u8"\n'
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="AAC",NAME="Kommentar",LANGUAGE="deu",DEFAULT=NO,'
        f'AUTOSELECT=YES,CHANNELS="2",URI="{BASE}/bbbb/audio/audio.m3u8"\n'
        "#EXT-X-STREAM-INF:BANDWIDTH=1040000,AVERAGE-BANDWIDTH=728000,RESOLUTION=426x240,"
        'FRAME-RATE=25.000,CODECS="avc1.64001f,mp4a.40.2",AUDIO="AAC"\n'
        f"{BASE}/240p/out.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=3140000,AVERAGE-BANDWIDTH=2128000,RESOLUTION=1280x720,"
        'FRAME-RATE=29.970,CODECS="avc1.64001f,mp4a.40.2",AUDIO="AAC"\n'
        f"{BASE}/720p/out.m3u8"
    )


def test_without_sound_no_group_is_named():
    text = master_playlist(BASE, [picture()], [])
    assert "AUDIO" not in text
    assert 'CODECS="avc1.64001f"' in text


def test_sounds_alone_are_variants():
    text = master_playlist(BASE, [], [sound()])
    assert text.splitlines()[3:] == [
        '#EXT-X-STREAM-INF:BANDWIDTH=140000,AVERAGE-BANDWIDTH=128000,CODECS="mp4a.40.2"',
        f"{BASE}/aaaa/audio/audio.m3u8",
    ]


@pytest.mark.parametrize(
    "title",
    [
        'Say "hi"',
        "two\nlines",
        "a\r\n#EXT-X-ENDLIST",
        "back\\slash",
        "nul\0",
        "\u2028line",
        "a,b=c",
    ],
)
def test_a_title_can_neither_end_its_quotes_nor_its_line(title):
    text = master_playlist(BASE, [picture()], [sound(title=title, language='e"n\n')])
    assert len(text.splitlines()) == 6
    found = attributes(lines_with(text, "#EXT-X-MEDIA:")[0])
    assert found["URI"] == f'"{BASE}/aaaa/audio/audio.m3u8"'
    assert found["DEFAULT"] == "YES"


def test_two_sounds_of_one_title_get_two_names():
    text = master_playlist(BASE, [picture()], [sound(), sound(), sound(title="Audio 1 (2)")])
    names = [attributes(line)["NAME"] for line in lines_with(text, "#EXT-X-MEDIA:")]
    assert len(set(names)) == 3


def test_what_has_failed_or_not_begun_is_not_offered():
    begun = picture(name="720p")
    whole = picture(name="240p", promised=False, state="ready", width=426, height=240)
    growing = picture(name="360p", promised=False)
    failed = picture(name="480p", promised=False, state="failed")
    waiting = make_rendition(name="1080p")
    heard = sound()
    assert offered([begun, whole, growing, failed, waiting, heard]) == ([whole, begun], [heard])
