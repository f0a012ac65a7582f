"""Real small files through the probe's child."""

import os
import re
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from polyreel.infra import probe as probe_module
from polyreel.infra import process
from polyreel.infra.probe import NotMedia, Probe, Prober, probe_file
from polyreel.kit.errors import Unsupported

# Where each picture track's keyframes are must be what ffmpeg itself shows.
INDEXED = [
    {"suffix": "mp4"},
    {"suffix": "mp4", "faststart": False},
    {"suffix": "mp4", "extra": ("-bf", "3", "-video_track_timescale", "1000"), "fps": 30},
    {"suffix": "mp4", "extra": ("-movflags", "frag_keyframe+empty_moov")},
    {"suffix": "mkv", "extra": ("-bf", "3")},
    {"suffix": "mov", "picture": "hevc", "extra": ("-x265-params", "open-gop=0")},
    {"suffix": "webm", "picture": "vp8", "sound": "opus"},
    {"suffix": "avi", "sound": "mp3", "extra": ("-c:v", "mpeg4", "-g", "25")},
]


def shown_keyframes(exe, path):
    """Times in microseconds of the keyframes that ffmpeg decodes."""
    command = [exe, "-nostdin", "-skip_frame", "nokey", "-i", str(path), "-map", "0:v:0"]
    wish = ["-fps_mode", "passthrough", "-enc_time_base", "1:1000000", "-vf", "showinfo"]
    ended = subprocess.run([*command, *wish, "-f", "null", "-"], capture_output=True, text=True)
    return [round(float(x) * 1e6) for x in re.findall(r"pts_time:\s*(-?[0-9.]+)", ended.stderr)]


@pytest.mark.parametrize("wishes", INDEXED, ids=lambda wishes: "-".join(map(str, wishes.values())))
def test_keyframes_are_where_ffmpeg_shows_them(make_clip, ffmpeg_exe, wishes):
    path = make_clip(seconds=4.0, **wishes)
    probe = probe_file(path)
    assert probe.has_index
    assert probe.video[0].idr_checked
    assert probe.video[0].keyframes_us == pytest.approx(shown_keyframes(ffmpeg_exe, path), abs=1)
    assert Probe.from_json(probe.to_json()) == probe


def test_an_avi_with_reordered_frames_has_no_times_to_trust(make_clip):
    clip = make_clip(suffix="avi", sound="mp3", extra=("-bf", "2"))
    assert not probe_file(clip).has_index


def test_what_an_mp4_is(make_clip):
    probe = probe_file(make_clip(seconds=3.0))
    picture, sound = probe.video[0], probe.audio[0]
    assert probe.duration_ms == pytest.approx(3000, abs=40)
    assert (picture.codec, picture.width, picture.height, picture.fps) == ("h264", 320, 180, 25)
    assert (picture.bit_depth, picture.chroma, picture.parameter_sets) == (8, "420", 1)
    assert picture.codec_string.startswith("avc1.")
    assert (picture.frames, picture.rotation, picture.is_vfr) == (75, 0, False)
    assert len(picture.keyframe_bytes) == len(picture.keyframes_us) == 3
    assert (sound.codec, sound.codec_string, sound.sample_rate) == ("aac", "mp4a.40.2", 48000)


@pytest.mark.parametrize(("turn", "clockwise"), [(90, 270), (-90, 90), (180, 180)])
def test_a_turned_picture_is_turned_clockwise(make_clip, tmp_path, turn, clockwise):
    turned = tmp_path / "turned.mp4"
    make_clip.run("-display_rotation", str(turn), "-i", str(make_clip()), "-c", "copy", str(turned))
    assert probe_file(turned).video[0].rotation == clockwise


def test_a_recovery_point_is_no_idr(make_clip):
    options = ("-x264-params", "open-gop=1:keyint=25:bframes=3:scenecut=0", "-bf", "3")
    assert not probe_file(make_clip(seconds=4.0, extra=options)).video[0].idr_checked


def test_fields_are_seen(make_clip):
    extra = ("-flags", "+ilme+ildct", "-x264-params", "tff=1")
    picture = probe_file(make_clip(extra=extra)).video[0]
    assert picture.is_interlaced
    assert picture.field_order == "tt"


def test_colours_depth_and_hdr_are_told(make_clip):
    colours = "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc"
    clip = make_clip(picture="hevc", extra=("-pix_fmt", "yuv420p10le", "-vf", colours))
    picture = probe_file(clip).video[0]
    assert (picture.bit_depth, picture.color_transfer) == (10, "smpte2084")
    assert (picture.color_primaries, picture.color_space) == ("bt2020", "bt2020nc")


def test_a_transport_stream_has_no_index_and_times_from_its_start(make_clip):
    probe = probe_file(make_clip(suffix="ts"))
    assert not probe.has_index
    assert probe.start_us > 1_000_000
    assert probe.video[0].keyframes_us == []
    assert 0 <= (probe.video[0].start_us or 0) < 200_000


def test_a_recording_without_length_and_index_has_neither(make_clip):
    probe = probe_file(make_clip(suffix="mkv", extra=("-live", "1")))
    assert (probe.duration_ms, probe.has_index, probe.is_truncated) == (None, False, False)


def test_sound_alone_is_media(make_clip):
    probe = probe_file(make_clip(picture=None))
    assert probe.video == []
    assert probe.audio[0].codec == "aac"


def test_titles_languages_chapters_and_subtitles(make_clip, tmp_path):
    (tmp_path / "s.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nGrüße\n")
    (tmp_path / "c.txt").write_text(
        ";FFMETADATA1\ntitle=A film\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=900\ntitle=One\n"
    )
    made = tmp_path / "rich.mkv"
    sources = ["-i", str(make_clip()), "-i", str(tmp_path / "s.srt"), "-i", str(tmp_path / "c.txt")]
    labels = ["-metadata:s:s:0", "language=ger", "-metadata:s:a:0", "title=Commentary"]
    make_clip.run(
        *sources, "-map", "0", "-map", "1", "-map_metadata", "2", "-map_chapters", "2",
        "-c", "copy", "-c:s", "srt", "-disposition:s:0", "forced", *labels, str(made),
    )  # fmt: skip
    probe = probe_file(made)
    assert probe.title == "A film"
    assert [(c.start_ms, c.end_ms, c.title) for c in probe.chapters] == [(0, 900, "One")]
    subtitle = probe.subtitles[0]
    assert (subtitle.codec, subtitle.language, subtitle.forced) == ("subrip", "ger", True)
    assert subtitle.is_text
    assert probe.audio[0].title == "Commentary"


@pytest.mark.parametrize(
    "wishes", [{}, {"suffix": "mkv"}, {"suffix": "avi", "sound": "mp3", "extra": ("-c:v", "mpeg4")}]
)
def test_a_file_that_lost_its_end_is_said_to_be_truncated(make_clip, wishes):
    probe = probe_file(make_clip.cut_short(make_clip(seconds=4.0, **wishes)))
    assert probe.is_truncated
    assert not probe.has_index


def test_a_title_in_an_old_encoding_is_survived(make_clip, tmp_path):
    made = tmp_path / "old.mkv"
    make_clip.run("-i", str(make_clip()), "-c", "copy", "-metadata", "title=Gruesse-XX", str(made))
    made.write_bytes(made.read_bytes().replace(b"Gruesse-XX", b"Gr\xfc\xdfe-XXXX"))
    assert "XXXX" in (probe_file(made).title or "")


def test_a_file_that_lost_its_index_is_refused(make_clip):
    with pytest.raises(NotMedia, match="incomplete"):
        probe_file(make_clip.cut_short(make_clip(seconds=4.0, faststart=False)))


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"x", "text"),
        (b"<!DOCTYPE html><title>404</title>", "web page"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/passwd\n", "playlist"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "playlist"),
        (b"PK\x03\x04" + bytes(200), "ZIP"),
        (bytes(range(256)) * 40, "not a video"),
    ],
)
def test_what_is_not_media_is_refused_with_a_sentence(tmp_path, content, word):
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    with pytest.raises(NotMedia, match=word):
        probe_file(path)


def test_a_picture_is_not_media(make_clip, tmp_path):
    path = tmp_path / "still.mp4"
    make_clip.run(
        "-i", str(make_clip()), "-frames:v", "1", "-f", "image2", "-c:v", "png", str(path)
    )
    with pytest.raises(NotMedia, match="picture"):
        probe_file(path)


def test_a_child_that_dies_or_hangs_is_a_damaged_file(make_clip, monkeypatch):
    clip = make_clip()
    with pytest.raises(Unsupported, match="did not end"):
        probe_file(clip, timeout_s=0.01)
    monkeypatch.setattr(probe_module, "LIMITS", process.Limits(memory_bytes=64 << 20))
    with pytest.raises(Unsupported, match="damaged"):
        probe_file(clip)


def test_a_strange_name_is_only_a_name(make_clip, tmp_path):
    path = tmp_path / "-i http:x%d {sink0}.mp4"
    path.write_bytes(make_clip().read_bytes())
    assert probe_file(path).video


def children():
    """Those that probe, or wait for a file; this process may have others."""
    every = psutil.Process().children()
    return [one for one in every if "polyreel.infra.probing" in one.cmdline()]


def test_everything_is_given_up_before_the_file_is_opened(tmp_path):
    # One that opens a pipe waits for somebody to write to it.
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    held = probe_module._hold()
    try:
        held._child.speak(os.fsencode(pipe))
        deadline = time.monotonic() + 20
        facts: dict[str, str] = {}
        reading = 1 << 1
        # One after the other, and the file is the last; what it holds up has been given up by then.
        while facts.get("Seccomp") != "2" or int(facts["CapEff"], 16) & ~reading:
            assert time.monotonic() < deadline, facts
            time.sleep(0.02)
            for child in children():
                lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
                facts = dict(line.split(":\t", 1) for line in lines)
        assert facts["NoNewPrivs"] == "1"
        # It binds the one thread that there is.
        assert facts["Threads"] == "1"
    finally:
        held.end()


class TestProber:
    """One child has loaded libav before it is wanted."""

    @pytest.fixture
    def prober(self, monkeypatch):
        monkeypatch.setattr(probe_module, "REST_S", 0.0)
        made = Prober()
        made.start()
        yield made
        made.close()
        assert not children()

    def child(self) -> psutil.Process:
        """The one that waits."""
        deadline = time.monotonic() + 20
        while not (found := children()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return found[0]

    def test_it_tells_the_same_and_the_next_one_waits(self, prober, make_clip):
        clip = make_clip()
        for _ in range(3):
            assert self.child().is_running()
            assert prober.probe(clip) == probe_file(clip)

    def test_one_that_died_waiting_costs_nothing_but_time(self, prober, make_clip):
        self.child().kill()
        assert prober.probe(make_clip()).video

    def test_an_empty_file_is_told_at_once(self, prober, tmp_path):
        empty = tmp_path / "empty.mp4"
        empty.touch()
        with pytest.raises(NotMedia, match="empty"):
            prober.probe(empty)

    def test_it_probes_without_having_been_started(self, make_clip):
        prober = Prober()
        assert prober.probe(make_clip()).video
        prober.close()
