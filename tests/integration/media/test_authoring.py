"""What Apple publishes as rules for authors of HLS, as a checklist over what a running server gives, and
what ffmpeg finds when it plays from there.

Source: "HTTP Live Streaming (HLS) authoring specification for Apple devices"; numbers are its sections'.
Not kept: 1.13 (a keyframe every two seconds) and 7.5 (segments of six): fragments of about four seconds
begin with one, and seeks are answered sooner.
"""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import pytest

from tests.client import Client
from tests.factories.boxes import init_timescale, shown_times, walk
from tests.factories.clips import ClipMaker
from tests.server import Server
from tests.streams import Track, attributes, fetch_master, fetch_tracks

TEXT = "1\n00:00:01,000 --> 00:00:03,000\nHello\n"
H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-b_strategy", "0", "-g", "60"]
HDR = ["-pix_fmt", "yuv420p10le", "-color_primaries", "bt2020", "-color_trc", "smpte2084"]
HDR += ["-colorspace", "bt2020nc", "-x265-params", "log-level=none:repeat-headers=0:open-gop=0"]
SECONDS = 21


@dataclass(frozen=True)
class Offer:
    """Everything a player gets of one film."""

    client: Client
    uuid: str
    source: Path
    master: str
    tracks: list[Track]

    def tags(self, name: str) -> list[dict[str, str]]:
        """The attributes of every tag of that name."""
        return [attributes(line) for line in self.master.splitlines() if line.startswith(name)]

    @property
    def variants(self) -> list[tuple[dict[str, str], Track]]:
        """Each variant's attributes and its picture."""
        return list(zip(self.tags("#EXT-X-STREAM-INF:"), self.pictures, strict=True))

    @property
    def pictures(self) -> list[Track]:
        """In the order of the master."""
        return [track for track in self.tracks if not track.is_sound]

    @property
    def sounds(self) -> list[Track]:
        """In the order of the master."""
        return [track for track in self.tracks if track.is_sound]


def make_many_tracks(make_clip: ClipMaker) -> Path:
    """H.264 and B frames, English stereo, German 5.1, a subtitle."""
    path = make_clip.folder / "tracks.mkv"
    text = make_clip.folder / "tracks.srt"
    text.write_text(TEXT)
    sine = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]
    make_clip.run(
        "-f", "lavfi", "-i", "testsrc2=size=852x480:rate=30000/1001", *sine, *sine, "-i", str(text),
        "-map", "0", "-map", "1", "-map", "2", "-map", "3", *H264, "-pix_fmt", "yuv420p",
        "-c:a:0", "aac", "-c:a:1", "ac3", "-ac:a:0", "2", "-ac:a:1", "6", "-c:s", "srt",
        "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu",
        "-metadata:s:s:0", "language=eng", "-t", str(SECONDS), str(path),
    )  # fmt: skip
    return path


def make_hdr(make_clip: ClipMaker) -> Path:
    """HEVC with PQ, which is offered as it is beside SDR."""
    return make_clip(
        picture="hevc", seconds=9.0, width=640, height=360, sound="opus", suffix="mkv",
        extra=tuple(HDR),
    )  # fmt: skip


@pytest.fixture(scope="module", params=["tracks", "hdr"])
def offer(request: pytest.FixtureRequest, server: Server, make_clip: ClipMaker) -> Iterator[Offer]:
    """A film that is whole."""
    source = make_many_tracks(make_clip) if request.param == "tracks" else make_hdr(make_clip)
    with Client(server, request.getfixturevalue("key")) as client:
        uuid = client.upload(source).uuid
        client.wait_until_completed(uuid, 90)
        yield Offer(client, uuid, source, fetch_master(client, uuid), fetch_tracks(client, uuid))


@pytest.fixture(scope="module")
def key(server: Server) -> str:
    """An account's key for scripts."""
    server.cli("option", "set", "encoder_preset", "ultrafast")
    with Client(server) as client:
        return client.key


def rates(track: Track) -> tuple[float, float]:
    """(average, peak) in bits per second as RFC 8216, 4.1 defines them, from the bytes themselves."""
    sizes = [8 * len(fragment) for fragment in track.fragments]
    average = sum(sizes) / sum(track.seconds)
    target = max(track.seconds)
    peaks = [average]
    for first in range(len(sizes)):
        for last in range(first + 1, len(sizes) + 1):
            lasts = sum(track.seconds[first:last])
            if 0.5 * target <= lasts <= 1.5 * target:
                peaks.append(sum(sizes[first:last]) / lasts)
    return average, max(peaks)


def test_masters_say_what_each_variant_is(offer: Offer) -> None:
    """9.1 to 9.15: bandwidths, codecs, size, rate of frames, dynamic range."""
    lines = offer.master.splitlines()
    assert lines[0] == "#EXTM3U"
    assert "#EXT-X-INDEPENDENT-SEGMENTS" in lines
    assert any(line == "#EXT-X-VERSION:7" for line in lines)
    assert len(offer.variants) >= 2
    ranges = {variant.get("VIDEO-RANGE", "SDR") for variant, _ in offer.variants}
    for variant, track in offer.variants:
        with av.open(str(offer.source)) as container:
            fps = container.streams.video[0].average_rate
        with av.open(_file(offer, track, "video.mp4")) as container:
            picture = container.streams.video[0]
            assert variant["RESOLUTION"] == f"{picture.width}x{picture.height}"
        assert float(variant["FRAME-RATE"]) == pytest.approx(float(fps or 0), abs=0.01)
        codec = variant["CODECS"].split(",")[0]
        assert codec in (_codec(track.init), *(["hvc1.2.4.L63.B0", "hvc1.2.4.L63.90"]))
        assert variant["VIDEO-RANGE" if len(ranges) > 1 else "CODECS"]
    heights = [int(variant["RESOLUTION"].split("x")[1]) for variant, _ in offer.variants]
    assert heights == sorted(heights), "smallest first"


def _file(offer: Offer, track: Track, name: str) -> str:
    path = offer.source.with_name(f"{offer.uuid}-{track.name}-{name}")
    path.write_bytes(track.joined)
    return str(path)


def _codec(init: bytes) -> str:
    """`avc1.PPCCLL` from the bytes of avcC."""
    at = init.find(b"avcC")
    return f"avc1.{init[at + 5 : at + 8].hex()}" if at >= 0 else ""


def test_bandwidths_are_true_within_a_tenth(offer: Offer) -> None:
    """1.27 and 1.28: average and peak, of the picture and the loudest sound together."""
    sounds = [rates(track) for track in offer.sounds]
    loudest = max(sounds, key=lambda rate: rate[1], default=(0.0, 0.0))
    for variant, track in offer.variants:
        average, peak = rates(track)
        told = int(variant["AVERAGE-BANDWIDTH"]), int(variant["BANDWIDTH"])
        assert told[0] == pytest.approx(average + loudest[0], rel=0.1), track.name
        assert told[1] == pytest.approx(peak + loudest[1], rel=0.1), track.name
        assert told[1] >= told[0]


def test_sounds_are_one_group_with_languages_and_channels(offer: Offer) -> None:
    """2.x and 8.x: every variant names the group; one default; every codec of it is told."""
    media = [tag for tag in offer.tags("#EXT-X-MEDIA:") if tag["TYPE"] == "AUDIO"]
    assert len(media) == len(offer.sounds) >= 1
    assert len({tag["GROUP-ID"] for tag in media}) == 1
    assert len({tag["NAME"] for tag in media}) == len(media)
    assert [tag["DEFAULT"] for tag in media] == ["YES"] + ["NO"] * (len(media) - 1)
    assert {tag["AUTOSELECT"] for tag in media} == {"YES"}
    for tag, track in zip(media, offer.sounds, strict=True):
        with av.open(_file(offer, track, "sound.mp4")) as container:
            assert int(tag["CHANNELS"]) == container.streams.audio[0].channels
    for variant, _ in offer.variants:
        assert variant["AUDIO"] == media[0]["GROUP-ID"]
        assert "mp4a.40.2" in variant["CODECS"].split(",")
    if len(media) == 2:
        assert [tag["LANGUAGE"] for tag in media] == ["eng", "deu"]
        assert [tag["CHANNELS"] for tag in media] == ["2", "6"]


def test_texts_are_a_group_that_every_variant_names(offer: Offer) -> None:
    """5.x: WebVTT in a playlist of its own."""
    media = [tag for tag in offer.tags("#EXT-X-MEDIA:") if tag["TYPE"] == "SUBTITLES"]
    assert bool(media) == (offer.source.suffix == ".mkv" and len(offer.sounds) == 2)
    for tag in media:
        assert tag["LANGUAGE"] == "eng"
        assert {variant["SUBTITLES"] for variant, _ in offer.variants} == {tag["GROUP-ID"]}
        text = _get(offer, tag["URI"]).decode()
        assert "#EXT-X-ENDLIST" in text
        (segment,) = [line for line in text.splitlines() if line and not line.startswith("#")]
        assert _get(offer, f"{tag['URI'].rpartition('/')[0]}/{segment}").startswith(b"WEBVTT")


def _get(offer: Offer, address: str) -> bytes:
    return offer.client.get(address, offer.client.media_cookie(offer.uuid))


def test_playlists_are_whole_and_no_segment_is_empty_or_too_long(offer: Offer) -> None:
    """7.x and 8.x: type, version, map, end; EXTINF against TARGETDURATION."""
    for track in offer.tracks:
        lines = track.playlist.splitlines()
        assert lines[0] == "#EXTM3U"
        assert "#EXT-X-PLAYLIST-TYPE:VOD" in lines
        assert "#EXT-X-INDEPENDENT-SEGMENTS" in lines
        assert lines[-1] == "#EXT-X-ENDLIST"
        (target,) = re.findall(r"#EXT-X-TARGETDURATION:(\d+)\n", track.playlist)
        assert max(round(seconds) for seconds in track.seconds) <= int(target)
        assert all(len(fragment) > 100 for fragment in track.fragments)
        units = init_timescale(track.init)
        starts = [shown_times(fragment, units)[0] for fragment in track.fragments]
        told = [sum(track.seconds[:number]) for number in range(len(starts))]
        assert starts == pytest.approx(told, abs=0.05), track.name


def test_every_picture_has_its_keyframes_alone(offer: Offer) -> None:
    """6.x: each byte range holds the init's picture whole, and it can be shown by itself."""
    found = offer.tags("#EXT-X-I-FRAME-STREAM-INF:")
    assert [tag["RESOLUTION"] for tag in found] == [
        variant["RESOLUTION"] for variant, _ in offer.variants
    ]
    for tag, track in zip(found, offer.pictures, strict=True):
        text = _get(offer, tag["URI"]).decode()
        assert "#EXT-X-I-FRAMES-ONLY" in text.splitlines()
        ranges = [int(size) for size in re.findall(r"#EXT-X-BYTERANGE:(\d+)@0", text)]
        assert len(ranges) == len(track.fragments)
        for size, fragment in zip(ranges, track.fragments, strict=True):
            assert size < len(fragment)
            (moof, *_) = walk(fragment)
            picture = track.init + fragment[: len(moof[2])] + _closed(fragment[len(moof[2]) : size])
            path = offer.source.with_name("keyframe.mp4")
            path.write_bytes(picture)
            with av.open(str(path)) as container:
                frame = next(container.decode(video=0))
                assert frame.key_frame
        peaks = [8 * size / seconds for size, seconds in zip(ranges, track.seconds, strict=True)]
        average = 8 * sum(ranges) / sum(track.seconds)
        assert int(tag["AVERAGE-BANDWIDTH"]) == pytest.approx(average, rel=0.1)
        assert int(tag["BANDWIDTH"]) <= max(peaks) * 1.1


def _closed(mdat: bytes) -> bytes:
    """The beginning of an mdat, as if nothing followed."""
    return len(mdat).to_bytes(4, "big") + mdat[4:]


def test_ffmpeg_plays_every_picture_from_the_server(offer: Offer, ffmpeg_exe: str) -> None:
    cookie = offer.client.media_cookie(offer.uuid)
    url = offer.client.server.url
    with av.open(str(offer.source)) as container:
        wanted = sum(1 for _ in container.decode(video=0))
    base = offer.client.media_base(offer.uuid)
    command = [ffmpeg_exe, "-nostdin", "-v", "warning", "-xerror", "-stats"]
    command += ["-headers", f"Cookie: {cookie}\r\n", "-i", f"{url}{base}/stream/multi/master.m3u8"]
    for number in range(len(offer.pictures)):
        command += ["-map", f"0:v:{number}"]
    command += ["-fps_mode", "passthrough", "-c", "copy", "-f", "framecrc", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    counts = re.findall(r"^(\d+),", done.stdout, flags=re.MULTILINE)
    assert {each: counts.count(each) for each in set(counts)} == {
        str(number): wanted for number in range(len(offer.pictures))
    }
