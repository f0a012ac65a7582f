"""Posters, storyboards and mosaics by the real ffmpeg: right picture, right place, right way up."""

import shutil
import uuid
from itertools import pairwise

import av
import pytest

from polyreel.core.library import create_media, get_media, update_media
from polyreel.core.media import find_storyboard, images
from polyreel.infra.jobs import JobState
from polyreel.infra.probe import probe_file

UNFINISHED = (JobState.QUEUED, JobState.RUNNING)
# Light tells the time: black at the start, white at the end.
CLOCK_S = 24
CLOCK = f"color=white:size=320x180:rate=5:duration={CLOCK_S},fade=duration={CLOCK_S}"


class Shown:
    """The images that were made of one file; sizes are (width, height)."""

    def __init__(self, site, media_id):
        self.site = site
        with site.tools.db.read() as tx:
            self.media = get_media(tx, media_id)
            self.board = find_storyboard(tx, media_id)

    def plane(self, key):
        """(width, height, luma bytes) of a picture."""
        picture = av.open(str(self.site.tools.storage.path(key)))
        with picture:
            frame = next(picture.decode(video=0)).reformat(format="gray")
        plane = frame.planes[0]
        data = bytes(plane)
        rows = [data[y * plane.line_size :][: frame.width] for y in range(frame.height)]
        return frame.width, frame.height, b"".join(rows)

    def size(self, key):
        return self.plane(key)[:2]

    def tiles(self):
        """Mean luma of the middle of each tile."""
        board = self.board
        assert board is not None
        width, _, data = self.plane(board.key)
        means = []
        for number in range(len(board.starts_us)):
            x = number % board.columns * board.tile_width + board.tile_width // 2
            y = number // board.columns * board.tile_height + board.tile_height // 2
            means.append(sum(data[y * width + x : y * width + x + 8]) / 8)
        return means


@pytest.fixture
def make_images(site, tmp_path):
    """The images of a file, made by the job as any worker runs it."""

    def make(path, again=None):
        with site.tools.db.write() as tx:
            media = again.media if again else _received(site, tx, path)
            tx.enqueue("media.images", key=f"images:{media.id}", media_id=media.id)

        def ended():
            job = next(job for job in site.jobs() if job.kind == "media.images")
            return job.state not in UNFINISHED and job

        with site.working(["fast"]):
            job = site.until(ended)
        assert job.state is JobState.SUCCEEDED, job
        assert list((site.tools.storage.root / "tmp").iterdir()) == []
        return Shown(site, media.id)

    return make


def _received(site, tx, path):
    uid = str(uuid.uuid4())
    key = f"media/{uid[:2]}/{uid}/original"
    target = site.tools.storage.path(key)
    target.parent.mkdir(parents=True)
    shutil.copyfile(path, target)
    media = create_media(tx, uid=uid, sha256=None, size_bytes=1, original_key=key)
    probe = probe_file(path)
    update_media(tx, media.id, probe=probe.to_json().decode(), duration_ms=probe.duration_ms or 0)
    return media


@pytest.fixture(params=["decoded whole", "keyframes picked"])
def way(request, monkeypatch):
    if request.param == "keyframes picked":
        monkeypatch.setattr(images, "SHORT_PIXELS", 0)


@pytest.fixture
def film(make_clip, tmp_path):
    """`film(source, *arguments, suffix=".mp4")`: a file from an ffmpeg source."""

    def make(source, *arguments, suffix=".mp4"):
        path = tmp_path / f"film{suffix}"
        make_clip.run("-f", "lavfi", "-i", source, *arguments, f"file:{path}")
        return path

    return make


X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "5")


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        (".mp4", X264),
        (".ts", X264),
        (".mkv", ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "keyint=5")),
        (".webm", ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "5")),
        (".wmv", ("-c:v", "wmv2", "-g", "5")),
        (".mov", ("-c:v", "qtrle", "-g", "5")),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)  # fmt: skip
def test_every_tile_is_of_its_moment(make_images, film, monkeypatch, suffix, codec):
    monkeypatch.setattr(images, "SHORT_PIXELS", 0)
    shown = make_images(film(CLOCK, *codec, suffix=suffix))
    starts_s = [start / 1e6 for start in shown.board.starts_us]
    assert starts_s[0] == 0
    assert len(starts_s) >= 15
    for start_s, end_s, luma in zip(starts_s, [*starts_s[1:], CLOCK_S], shown.tiles(), strict=True):
        moment = luma / 255 * CLOCK_S
        assert start_s - 1.1 < moment < end_s + 0.2, (start_s, luma)
    assert all(after > before for before, after in pairwise(shown.tiles()))
    assert shown.size(shown.board.key) == (12 * 160, -(-len(starts_s) // 12) * 90)


def test_the_poster_is_no_title_no_fade_and_not_black(make_images, film, way):
    size = "size=640x360:rate=5"
    source = (
        f"color=black:{size}:duration=8[a];color=0x203080:{size}:duration=8[b];"
        f"testsrc2={size}:duration=4,gblur=sigma=30[c];testsrc2={size}:duration=5[d];"
        f"color=black:{size}:duration=9[e];[a][b][c][d][e]concat=n=5"
    )
    shown = make_images(film(source, *X264))
    width, height, data = shown.plane(shown.media.poster_key)
    assert (width, height) == (640, 360)
    # Only the sharp part has edges from one pixel to the next.
    edges = sum(abs(a - b) > 60 for a, b in pairwise(data))
    assert edges > 2_000
    assert shown.size(shown.media.mosaic_key) == (1920, 1080)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_turned_film_is_shown_as_it_is_played(make_images, film, make_clip, tmp_path, way, turn):
    # The upper left quarter is white.
    plain = film(
        "color=black:size=320x160:rate=5:duration=20,drawbox=w=160:h=80:color=white:t=fill", *X264
    )
    path = tmp_path / "turned.mp4"
    # ffmpeg counts against the clock.
    make_clip.run("-display_rotation", str(-turn), "-i", str(plain), "-c", "copy", f"file:{path}")
    shown = make_images(path)
    width, height, data = shown.plane(shown.media.poster_key)
    assert (width, height) == ((320, 160) if turn == 180 else (160, 320))
    corners = {
        "upper left": data[5 * width + 5], "upper right": data[6 * width - 5],
        "lower right": data[-5 * width - 5], "lower left": data[-5 * width + 5],
    }  # fmt: skip
    white = [name for name, luma in corners.items() if luma > 200]
    assert white == [{90: "upper right", 180: "lower right", 270: "lower left"}[turn]]
    assert (shown.board.tile_width, shown.board.tile_height) == (
        (160, 80) if turn == 180 else (80, 160)
    )


def test_light_beyond_the_screen_is_brought_down_to_it(make_images, film, way):
    pq = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:keyint=5"
    colours = ("-pix_fmt", "yuv420p10le", "-x265-params", pq)
    # White of an SDR screen, 203 cd/m², is 58 % of PQ: code 573 of ten bits.
    source = (
        "color=black:size=320x180:rate=5:duration=20,format=yuv420p10le,geq=lum=573:cb=512:cr=512"
    )
    shown = make_images(film(source, "-c:v", "libx265", "-preset", "ultrafast", *colours))
    _, _, data = shown.plane(shown.media.poster_key)
    assert 150 < sum(data) / len(data) < 245


def test_sound_is_shown_by_its_cover(make_images, film, make_clip, tmp_path):
    cover = film("testsrc2=size=600x600", "-frames:v", "1", suffix=".png")
    path = tmp_path / "song.m4a"
    make_clip.run(
        *("-f", "lavfi", "-i", "sine=duration=5", "-i", str(cover), "-map", "0", "-map", "1"),
        *("-c:a", "aac", "-c:v", "mjpeg", "-disposition:v", "attached_pic", f"file:{path}"),
    )
    shown = make_images(path)
    assert shown.size(shown.media.poster_key) == (600, 600)
    assert shown.media.mosaic_key == shown.media.poster_key
    assert shown.board is None


def test_sound_without_a_cover_has_no_images(make_images, make_clip):
    shown = make_images(make_clip(picture=None, sound="mp3", suffix="mp3"))
    assert (shown.media.poster_key, shown.media.mosaic_key, shown.board) == (None, None, None)


def test_a_codec_that_no_container_takes_still_has_a_poster(make_images, film, monkeypatch):
    monkeypatch.setattr(images, "SHORT_PIXELS", 0)
    path = film("testsrc2=size=64x36:rate=5:duration=20", "-c:v", "rawvideo", suffix=".avi")
    shown = make_images(path)
    assert shown.size(shown.media.poster_key) == (64, 36)
    assert (shown.media.mosaic_key, shown.board) == (shown.media.poster_key, None)


def test_a_film_that_is_damaged_in_the_middle_has_images(make_images, film, way):
    path = film(CLOCK, *X264)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + len(data) // 10] = bytes(len(data) // 10)
    path.write_bytes(data)
    shown = make_images(path)
    assert shown.media.poster_key is not None
    assert shown.board is not None


def test_one_frame_is_enough(make_images, film, way):
    path = film("testsrc2=size=320x180:rate=5:duration=0.04", *X264)
    shown = make_images(path)
    assert shown.size(shown.media.poster_key) == (320, 180)
    assert shown.media.mosaic_key is not None


def test_made_again_they_have_new_names_and_the_old_are_gone(make_images, film, site):
    first = make_images(film(CLOCK, *X264))
    second = make_images(None, again=first)
    folder = f"media/{first.media.uid[:2]}/{first.media.uid}/images"
    named = {second.media.poster_key, second.media.mosaic_key, second.board.key}
    assert {file.key for file in site.tools.storage.list(folder)} == named
    assert named.isdisjoint({first.media.poster_key, first.media.mosaic_key, first.board.key})
    assert second.media.revision > first.media.revision
