"""Films as one file, as other programs read them: every packet, at its time, and no warning."""

import io
import random

import av
import pytest

from tests.factories.boxes import walk
from tests.integration.media.decoded import decode
from tests.integration.media.test_making import add_and_wait, of_kind
from tests.integration.media.whole import (
    ask_whole,
    beeps,
    check_with_ffmpeg,
    flashes,
    packets,
    read,
)

SYNC_S = 0.06
# One unit of the clock in which Matroska tells times.
MS = 0.0011
FLASH = "color=black:size=320x180:rate={rate},drawbox=color=white:t=fill:enable='lt(mod(t,1),0.1)'"
BEEP = "aevalsrc='if(lt(mod(t,1),0.1),sin(2*PI*1000*t),0)':s=48000"


def flash_and_beep(make_clip, name, *arguments, rate=25):
    """A white picture and a tone every second."""
    path = make_clip.folder / name
    inputs = ["-f", "lavfi", "-i", FLASH.format(rate=rate), "-f", "lavfi", "-i", BEEP]
    make_clip.run(*inputs, *arguments, f"file:{path}")
    return path


def check_file(site, video, rendition, path, ffmpeg_exe):
    """The file at `path` holds the rendition: each packet, each frame at its time."""
    check_with_ffmpeg(ffmpeg_exe, path)
    stream = io.BytesIO(site.stream_of(rendition))
    kind = rendition.kind
    assert packets(str(path), kind) == packets(stream, kind)
    made, wanted = decode(path, kind), decode(site.stream_of(rendition), kind)
    assert made.count == wanted.count
    late = made.times[0] - wanted.times[0]
    assert [time - late for time in made.times] == pytest.approx(wanted.times, abs=MS)
    return made


def written(site, tmp_path, whole, suffix):
    path = tmp_path / f"whole.{suffix}"
    path.write_bytes(read(site, whole))
    assert path.stat().st_size == whole.size
    return path


@pytest.mark.parametrize("form", ["mp4", "mkv"])
def test_b_frames_at_29_97_and_two_sounds(site, make_clip, tmp_path, ffmpeg_exe, form):
    clip = flash_and_beep(
        make_clip, "two.mp4", "-f", "lavfi", "-i", "sine=frequency=300", "-map", "0", "-map", "1",
        "-map", "2", "-c:v", "libx264", "-bf", "3", "-b_strategy", "0", "-g", "45", "-pix_fmt",
        "yuv420p", "-c:a", "aac", "-metadata:s:a:0", "language=deu", "-metadata:s:a:1",
        "language=fra", "-t", "8", rate="30000/1001",
    )  # fmt: skip
    video = add_and_wait(site, clip)
    picture = of_kind(site, video, "video")[0]
    whole = ask_whole(site, video, picture.name, form)
    path = written(site, tmp_path, whole, form)
    made = check_file(site, video, picture, path, ffmpeg_exe)
    assert made.count == decode(clip).count == 240
    assert made.times[0] == pytest.approx(0, abs=MS)
    seen, heard = flashes(path), beeps(path)
    assert len(seen) == len(heard) == 8
    assert seen == pytest.approx(heard, abs=SYNC_S)
    with av.open(str(path)) as container:
        sounds = [stream.metadata.get("language") for stream in container.streams.audio]
        rate = container.streams.video[0].average_rate
    assert sounds == (["deu"] if form == "mp4" else ["deu", "fra"])
    assert rate is not None
    assert float(rate) == pytest.approx(29.97, abs=0.01)


def test_an_mp4_with_every_sound(site, make_clip, tmp_path, ffmpeg_exe):
    clip = make_clip.folder / "three.mp4"
    tones = [arg for tone in (300, 400, 500) for arg in ("-f", "lavfi", "-i", f"sine={tone}")]
    maps = [arg for number in range(4) for arg in ("-map", str(number))]
    make_clip.run(
        "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", *tones, *maps, "-c:v", "libx264",
        "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-t", "3", f"file:{clip}",
    )  # fmt: skip
    video = add_and_wait(site, clip)
    picture, sounds = of_kind(site, video, "video")[0], of_kind(site, video, "audio")
    whole = ask_whole(site, video, picture.name, every_sound=True)
    path = written(site, tmp_path, whole, "mp4")
    check_with_ffmpeg(ffmpeg_exe, path)
    for number, sound in enumerate(sounds):
        stream = io.BytesIO(site.stream_of(sound))
        assert packets(str(path), "audio", number) == packets(stream, "audio")
    with av.open(str(path)) as container:
        chosen = [bool(stream.disposition & 1) for stream in container.streams.audio]
    assert chosen == [True, False, False]


@pytest.mark.parametrize("form", ["mp4", "mkv"])
def test_a_film_of_two_parts_keeps_picture_and_sound_together(
    site, make_clip, tmp_path, ffmpeg_exe, form
):
    site.choose("encoder_preset", "veryfast")
    clip = flash_and_beep(
        make_clip, "parts.webm", "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8",
        "-g", "47", "-c:a", "libopus", "-t", "25",
    )  # fmt: skip
    video = add_and_wait(site, clip)
    for picture in of_kind(site, video, "video"):
        assert len(picture.parts) == 2
        path = written(site, tmp_path, ask_whole(site, video, picture.name, form), form)
        made = check_file(site, video, picture, path, ffmpeg_exe)
        assert made.count == 625
        assert made.longest_step < 0.045
        seen, heard = flashes(path), beeps(path)
        assert len(seen) == len(heard) == 25
        assert seen == pytest.approx(heard, abs=SYNC_S)


@pytest.mark.parametrize("form", ["mp4", "mkv"])
def test_without_sound(site, make_clip, tmp_path, ffmpeg_exe, form):
    video = add_and_wait(site, make_clip(sound=None, seconds=3.0, width=426, height=240))
    (picture,) = of_kind(site, video, "video")
    path = written(site, tmp_path, ask_whole(site, video, picture.name, form), form)
    assert check_file(site, video, picture, path, ffmpeg_exe).count == 75


@pytest.mark.parametrize("form", ["mp4", "mkv"])
def test_sound_alone(site, make_clip, tmp_path, ffmpeg_exe, form):
    video = add_and_wait(site, make_clip(picture=None, sound="aac", seconds=31.0))
    (sound,) = site.renditions(video)
    path = written(site, tmp_path, ask_whole(site, video, sound.name, form), form)
    made = check_file(site, video, sound, path, ffmpeg_exe)
    assert made.end == pytest.approx(31.0, abs=0.05)


@pytest.mark.parametrize("form", ["mp4", "mkv"])
def test_sound_that_begins_late_and_ends_later(site, make_clip, tmp_path, ffmpeg_exe, form):
    # The picture is there from 0 to 4 s, the sound from 1.5 s to 41.5 s.
    clip = make_clip.folder / "late.mkv"
    make_clip.run(
        "-f", "lavfi", "-t", "4", "-i", "testsrc2=size=320x180:rate=25", "-itsoffset", "1.5",
        "-f", "lavfi", "-t", "40", "-i", BEEP, "-c:v", "libx264", "-preset", "ultrafast",
        "-pix_fmt", "yuv420p", "-c:a", "aac", f"file:{clip}",
    )  # fmt: skip
    video = add_and_wait(site, clip)
    picture, sound = site.renditions(video)[0], of_kind(site, video, "audio")[0]
    path = written(site, tmp_path, ask_whole(site, video, picture.name, form), form)
    check_file(site, video, picture, path, ffmpeg_exe)
    check_file(site, video, sound, path, ffmpeg_exe)
    heard = beeps(path)
    assert len(heard) == 40
    assert heard == pytest.approx([1.5 + second for second in range(40)], abs=SYNC_S)


SRT = "1\n00:00:01,000 --> 00:00:02,000\nBonjour & <i>adieu</i>\n"
ASS = (
    "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\n"
    "Style: Sign,Arial,20\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, "
    "MarginV, Effect, Text\nDialogue: 0,0:00:02.00,0:00:02.50,Sign,,0,0,0,,{\\b1}Hallo\n"
)
CHAPTERS = ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1500\ntitle=Anfang\n"


def test_subtitles_chapters_and_fonts_go_along(site, make_clip, tmp_path, ffmpeg_exe):
    clip, font = make_clip.folder / "texts.mkv", tmp_path / "Arial.ttf"
    for name, text in (("a.srt", SRT), ("b.ass", ASS), ("c.txt", CHAPTERS)):
        (tmp_path / name).write_text(text)
    font.write_bytes(b"\0\1\0\0" + bytes(5000))
    make_clip.run(
        "-i", str(make_clip(seconds=3.0, width=426, height=240)), "-i", str(tmp_path / "a.srt"),
        "-i", str(tmp_path / "b.ass"), "-f", "ffmetadata", "-i", str(tmp_path / "c.txt"),
        "-map", "0", "-map", "1", "-map", "2", "-map_chapters", "3", "-c", "copy",
        "-metadata:s:s:0", "language=fra", "-metadata:s:s:0", "title=Français", "-attach", str(font),
        "-metadata:s:t", "mimetype=application/x-truetype-font", f"file:{clip}",
    )  # fmt: skip
    video = add_and_wait(site, clip)
    path = written(site, tmp_path, ask_whole(site, video, "240p", "mkv"), "mkv")
    check_with_ffmpeg(ffmpeg_exe, path)
    with av.open(str(path)) as container:
        plain, script = container.streams.subtitles
        assert (plain.codec_context.name, script.codec_context.name) == ("srt", "ssa")
        assert plain.metadata == {"language": "fra", "title": "Français"}
        assert b"Style: Sign,Arial,20" in (script.codec_context.extradata or b"")
        found = [(p.pts, p.duration, bytes(p)) for p in container.demux(plain, script) if p.size]
        (attached,) = container.streams.attachments
        assert (attached.name, attached.data) == ("Arial.ttf", font.read_bytes())
        (chapter,) = container.chapters()
        assert chapter["metadata"] == {"title": "Anfang"}
        assert chapter["end"] * float(chapter["time_base"] or 0) == pytest.approx(1.5)
    assert found == [
        (1000, 1000, b"Bonjour & <i>adieu</i>"),
        (2000, 500, b"0,0,Sign,,0,0,0,,{\\b1}Hallo"),
    ]
    with av.open(io.BytesIO(read(site, ask_whole(site, video, "240p")))) as container:
        assert len(container.streams) == 2


@pytest.mark.parametrize("form", ["mp4", "mkv"])
def test_any_range_is_that_of_the_whole(site, make_clip, form):
    video = add_and_wait(site, make_clip(seconds=9.0, width=426, height=240))
    whole = ask_whole(site, video, "240p", form)
    data = read(site, whole)
    assert len(data) == whole.size
    chance = random.Random(5)
    for _ in range(300):
        start = chance.randrange(whole.size)
        length = chance.randrange(1, whole.size - start + 1)
        assert read(site, whole, start, length) == data[start : start + length]
    edges = [(0, 1), (whole.size - 1, 1), (0, whole.size)]
    assert all(read(site, whole, a, n) == data[a : a + n] for a, n in edges)


def test_an_mp4_begins_with_its_index_and_is_not_fragmented(site, make_clip):
    video = add_and_wait(site, make_clip(seconds=3.0, width=426, height=240))
    data = read(site, ask_whole(site, video, "240p"))
    assert [kind for kind, _, _ in walk(data)] == ["ftyp", "moov", "mdat"]
    assert b"mvex" not in data[:4000]
    again = read(site, ask_whole(site, video, "240p"))
    assert again == data
