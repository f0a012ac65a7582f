"""The packaged ffmpeg with our guards and our pipes."""

import threading

import pytest

from polyreel.core.media.commands import QUICK_CODER
from polyreel.infra import accepted, doctor, process
from polyreel.infra.encoders import check_encoder
from polyreel.infra.ffmpeg import FFmpeg, input_args, last_words
from polyreel.settings import Settings
from tests.pace import Stopwatch


@pytest.fixture(scope="module")
def ffmpeg():
    return FFmpeg()


def names_of(ffmpeg, what):
    done = process.run([ffmpeg.exe, "-hide_banner", what], limits=process.Limits(cpu_s=20))
    rows = [line.split() for line in done.stdout.decode().splitlines()]
    return {name for row in rows if len(row) > 1 for name in row[1].split(",")}


def test_every_name_on_our_lists_is_one_ffmpeg_knows(ffmpeg):
    assert set(accepted.FORMATS.split(",")) <= names_of(ffmpeg, "-demuxers")
    assert set(accepted.CODECS.split(",")) <= names_of(ffmpeg, "-decoders")


def test_it_says_what_its_encoders_know(ffmpeg):
    assert ffmpeg.knows("aac", "aac_coder")
    assert ffmpeg.knows("aac", QUICK_CODER), "encoded sound takes longer than it need"
    assert not ffmpeg.knows("aac", "fas")
    assert not ffmpeg.knows("nothing", QUICK_CODER)


def test_it_is_asked_once_what_its_encoders_know(tmp_path):
    exe = tmp_path / "ffmpeg"
    exe.write_text("#!/bin/sh\necho '     twoloop         0            E...A...... Two loops'\n")
    exe.chmod(0o755)
    ffmpeg = FFmpeg(str(exe))
    assert ffmpeg.knows("aac", "twoloop")
    exe.unlink()
    assert ffmpeg.knows("aac", "twoloop")
    assert not ffmpeg.knows("aac", QUICK_CODER)


def test_a_result_flows_into_a_sink_with_progress(ffmpeg, make_clip):
    out = bytearray()
    seen: list[float] = []
    flags = "frag_keyframe+empty_moov+default_base_moof"
    args = [*input_args(make_clip()), "-c", "copy", "-f", "mp4", "-movflags", flags, "{sink0}"]
    done = ffmpeg.run(args, sinks=[out.extend], duration_ms=2000, progress=seen.append)
    assert done.is_success, done.stderr_tail
    assert out[4:8] == b"ftyp"
    assert seen
    assert seen[-1] == pytest.approx(1.0, abs=0.1)


def test_cancel_ends_an_encode_within_a_second(ffmpeg, make_clip):
    cancelled = threading.Event()
    timer = threading.Timer(0.3, cancelled.set)
    timer.start()
    args = [*input_args(make_clip(), options=["-stream_loop", "-1"]), "-f", "null", "-"]
    started = Stopwatch()
    done = ffmpeg.run(args, cancelled=cancelled)
    assert done.ended == "cancelled"
    assert started.read() < 1.3


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile:{clip}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile {clip}\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
    ],
)
def test_a_list_of_other_files_is_not_followed(ffmpeg, make_clip, tmp_path, text):
    trap = tmp_path / "film.mp4"
    trap.write_text(text.format(clip=make_clip()))
    done = ffmpeg.run([*input_args(trap), "-c", "copy", "-f", "null", "-"], timeout_s=20)
    assert done.returncode != 0
    assert str(tmp_path) not in last_words(done.stderr_tail)


def test_an_encoder_is_tried_and_its_failure_explained(ffmpeg):
    assert check_encoder(ffmpeg, "libx264") is None
    assert ffmpeg.version != "unknown"


def test_the_doctor_finds_this_machine_fit(tmp_path):
    checks = {check.name: check for check in doctor.inspect(Settings(data_dir=tmp_path / "new"))}
    wrong = [check for check in checks.values() if not check.ok and check.name != "open files"]
    assert wrong == []
    assert checks["child: privileges"].value == "out of reach"
    assert checks["child: its own folder"].value == "works"


def test_the_doctor_reports_a_missing_ffmpeg_instead_of_failing(tmp_path):
    checks = doctor.inspect(Settings(data_dir=tmp_path, ffmpeg=str(tmp_path / "gone")))
    wrong = {check.name for check in checks if not check.ok}
    assert {"ffmpeg", "encoder libx264"} <= wrong
