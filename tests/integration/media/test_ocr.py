"""Subtitles that are pictures, and a real server of 127.0.0.1 that reads them, well, badly or not at all.

Source: the VideoCMS contract, sections 17 and 21: `PluginPgsServer` gets a form with the field `file`.
"""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from polyreel.core.media import Subtitle, list_subtitles
from polyreel.infra.jobs import JobInfo, JobState
from polyreel.infra.jobs.rows import JobRow
from tests.corpus.tracks import TRACKS
from tests.factories.clips import ClipMaker
from tests.factories.site import Site
from tests.origin import Origin
from tests.server import free_port

SRT = "1\n00:00:00,500 --> 00:00:03,000\nRead <i>words</i>\n"
WORDS = "1\n00:00:00,000 --> 00:00:02,000\nPlain words\n"
UNFINISHED = (JobState.QUEUED, JobState.RUNNING)


@pytest.fixture(scope="module")
def film(make_clip: ClipMaker) -> Path:
    """A picture, subtitles that are pictures, and plain ones."""
    drawn, words, path = (make_clip.folder / f"ocr{suffix}" for suffix in (".mkv", ".srt", "2.mkv"))
    next(each for each in TRACKS if each.title == "bitmap subtitles").make(make_clip, drawn)
    words.write_text(WORDS)
    make_clip.run("-i", f"file:{drawn}", "-i", f"file:{words}", "-map", "0", "-map", "1", "-c", "copy",
                  "-metadata:s:s:0", "language=deu", f"file:{path}")  # fmt: skip
    return path


class Reader(Origin):
    """The OCR server. `says` are (status, headers, body) of its answers, the last one for ever; while
    `waits` is not set none is given. `sent` are the bodies that came.
    """

    def __init__(self) -> None:
        super().__init__()
        self.says: list[tuple[int, dict[str, str], bytes]] = [(200, {}, SRT.encode())]
        self.sent: list[bytes] = []
        self.waits = threading.Event()
        self.waits.set()
        self.answer = self._say

    def _say(self, handler: Any) -> bool:
        self.sent.append(handler.rfile.read(int(handler.headers["Content-Length"])))
        self.waits.wait(30)
        status, headers, body = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        handler.send_response(status)
        for name, text in {**headers, "Content-Length": str(len(body))}.items():
            handler.send_header(name, text)
        handler.end_headers()
        handler.wfile.write(body)
        return True


@pytest.fixture
def reader(site: Site) -> Iterator[Reader]:
    """One that an administrator has set up, and that reads well."""
    with Reader() as made:
        site.choose("ocr_enabled", True)
        site.choose("ocr_url", made.url("/"))
        yield made
        made.waits.set()


def tracks(site: Site, video: Any) -> dict[str, Subtitle]:
    """The subtitles of a video: `drawn` and `plain`."""
    with site.tools.db.read() as tx:
        found = list_subtitles(tx, video.media_id)
    return dict(zip(("drawn", "plain"), found, strict=True))


def reading(site: Site) -> JobInfo:
    return next(job for job in site.jobs() if job.kind == "media.ocr")


def make_all(site: Site, film: Path) -> Any:
    """The film when nothing is left to do for it."""
    with site.working():
        video = site.until_ended(site.add(film))
        site.until(lambda: not site.jobs(states=UNFINISHED))
    return site.video(video)


def test_what_was_read_is_a_track_like_any_other(site, reader, film):
    video = make_all(site, film)
    drawn = tracks(site, video)["drawn"]
    assert (video.state, drawn.state, drawn.message, drawn.language) == (
        "ready",
        "ready",
        None,
        "deu",
    )
    assert drawn.vtt_key is not None
    assert drawn.ass_key is not None
    text = site.tools.storage.path(drawn.vtt_key).read_text()
    assert text.startswith("WEBVTT\n")
    assert "00:00.500 --> 00:03.000\nRead <i>words</i>" in text
    assert "Read {\\i1}words" in site.tools.storage.path(drawn.ass_key).read_text()


def test_it_is_sent_as_the_file_of_a_form(site, reader, film):
    make_all(site, film)
    ((path, headers),) = reader.seen
    assert path == "/"
    boundary = headers["content-type"].removeprefix("multipart/form-data; boundary=").encode()
    before, part, after = reader.sent[0].split(b"--" + boundary)
    head, _, data = part.partition(b"\r\n\r\n")
    assert (before, after) == (b"", b"--\r\n")
    assert b'Content-Disposition: form-data; name="file"; filename=' in head
    # Segments of a Blu-ray's stream, each of which begins so.
    assert data.startswith(b"PG")
    assert data.count(b"PG") >= 8


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ((500, {}, b"Traceback"), "The OCR server answered with status 500."),
        ((200, {}, b"<html>\0\xff Welcome</html>"), "The OCR server's answer holds no subtitles."),
        ((200, {}, b""), "The OCR server's answer holds no subtitles."),
        ((200, {}, b"x" * (17 << 20)), "The OCR server's answer is too large."),
    ],
    ids=["500", "garbage", "nothing", "too large"],
)
def test_a_bad_answer_costs_only_this_track_and_is_asked_for_once(
    site, reader, film, answer, complaint
):
    reader.says = [answer]
    video = make_all(site, film)
    found = tracks(site, video)
    assert (video.state, video.message) == ("ready", None)
    assert (found["drawn"].state, found["drawn"].message) == ("failed", complaint)
    assert found["plain"].state == "ready"
    assert len(reader.seen) == 1


def test_nobody_is_asked_but_the_configured_origin(site, reader, film):
    with Origin() as other:
        reader.says = [(307, {"Location": other.url("/elsewhere")}, b"")]
        drawn = tracks(site, make_all(site, film))["drawn"]
        assert drawn.message == "The OCR server answered with status 307."
        assert other.seen == []
    assert len(reader.seen) == 1


def test_an_origin_on_the_link_is_never_asked(site, film):
    site.choose("ocr_enabled", True)
    site.choose("ocr_url", "http://169.254.169.254/")
    drawn = tracks(site, make_all(site, film))["drawn"]
    assert drawn.message == (
        "The OCR server could not be asked: The address lies in a private network, which is not asked."
    )


def be_due(site: Site) -> None:
    """The pause before the next try is over."""
    with site.tools.db.write() as tx:
        tx.session.execute(
            update(JobRow).values(run_after=tx.now).where(JobRow.kind == "media.ocr")
        )


def test_one_that_is_away_is_asked_again_while_the_rest_is_ready(site, reader, film):
    reader.says = [(503, {}, b""), (200, {}, SRT.encode())]
    with site.working():
        video = site.until_ended(site.add(film))
        site.until(lambda: reader.seen and reading(site).state == JobState.QUEUED)
        site.until(lambda: tracks(site, video)["plain"].state == "ready")
        assert (video.state, tracks(site, video)["drawn"].state) == ("ready", "planned")
        be_due(site)
        site.until(lambda: tracks(site, video)["drawn"].state == "ready")
    assert len(reader.seen) == 2


def test_one_that_stays_away_is_given_up_with_a_sentence(site, film):
    site.choose("ocr_enabled", True)
    site.choose("ocr_url", f"http://127.0.0.1:{free_port()}/")
    with site.working():
        video = site.until_ended(site.add(film))

        def is_over() -> bool:
            be_due(site)
            return tracks(site, video)["drawn"].state == "failed"

        site.until(is_over)
    found = tracks(site, video)
    assert found["drawn"].message == (
        "The OCR server could not be asked: The server 127.0.0.1 cannot be reached."
    )
    assert (site.video(video).state, found["plain"].state) == ("ready", "ready")
    assert reading(site).tries == 5


def test_nothing_waits_for_a_slow_one_not_even_the_worker_s_end(site, reader, film):
    reader.waits.clear()
    with site.working():
        video = site.until_ended(site.add(film))
        site.until(lambda: reader.seen)
        site.until(lambda: tracks(site, video)["plain"].state == "ready")
        assert tracks(site, video)["drawn"].state == "planned"
    assert (video.state, reading(site).state) == ("ready", JobState.QUEUED)
    reader.waits.set()
    with site.working():
        site.until(lambda: tracks(site, video)["drawn"].state == "ready")


def test_without_one_the_track_is_listed_and_says_why(site, film):
    with Origin() as origin:
        site.choose("ocr_url", origin.url("/"))
        video = make_all(site, film)
        assert origin.seen == []
    found = tracks(site, video)
    assert (video.state, found["plain"].state, found["drawn"].state) == ("ready", "ready", "failed")
    assert found["drawn"].message == (
        "These subtitles are pictures: no OCR server is set up to read them."
    )
    assert "media.ocr" not in {job.kind for job in site.jobs()}
