"""Chosen pictures, by the real ffmpeg."""

import subprocess
from types import SimpleNamespace
from typing import Any, cast

import av
import pytest

from polyreel.core import library, users
from polyreel.core.media import choose_poster
from polyreel.infra.ffmpeg import FFmpeg
from polyreel.infra.storage import LocalStorage
from polyreel.infra.tools import Tools
from polyreel.kit.errors import Invalid
from tests.factories.database import open_database
from tests.factories.library import make_media, make_video


class Place:
    """A video of alice's, and pictures for it."""

    def __init__(self, folder, exe):
        self.folder, self.exe = folder, exe
        self.db = open_database(folder)
        self.storage = LocalStorage(folder / "files")
        self.tools = cast(
            Tools, SimpleNamespace(db=self.db, storage=self.storage, ffmpeg=FFmpeg(exe))
        )
        with self.db.write() as tx:
            self.actor = users.actor_of(users.create_user(tx, "alice", password=None))
            self.video = make_video(tx, self.actor, make_media(tx))

    def draw(self, name, size="300x200"):
        """A picture of a kind told by its name."""
        path = self.folder / name
        source = ["-f", "lavfi", "-i", f"testsrc2=s={size}", "-frames:v", "1"]
        subprocess.run([self.exe, "-v", "error", "-y", *source, str(path)], check=True)
        return path

    def choose(self, path):
        """(kind, width, height) of what is shown then."""
        choose_poster(self.tools, self.actor, self.video.id, path)
        with self.db.read() as tx:
            key = library.get_video(tx, self.actor, self.video.id).poster_key
        assert key is not None
        shown: Any = av.open(str(self.storage.path(key)))
        with shown:
            (stream,) = shown.streams.video
            return shown.format.name, stream.width, stream.height

    def close(self):
        self.db.close()
        self.db.notifier.close()


@pytest.fixture
def place(tmp_path, ffmpeg_exe):
    made = Place(tmp_path, ffmpeg_exe)
    yield made
    made.close()


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_each_kind_becomes_webp_of_its_size(place, name):
    assert place.choose(place.draw(name)) == ("webp_pipe", 300, 200)


@pytest.mark.parametrize(
    ("size", "width", "height"),
    [("3840x2160", 1920, 1080), ("2000x500", 1920, 480), ("500x3000", 180, 1080)],
)
def test_a_large_one_is_made_to_fit(place, size, width, height):
    assert place.choose(place.draw("a.png", size)) == ("webp_pipe", width, height)


def test_what_is_broken_or_something_else_is_refused(place):
    whole = place.draw("a.png").read_bytes()
    bad = {
        "nothing": b"",
        "head": whole[:60],
        "lie": b"\xff\xd8\xff" + whole,
        "gif": place.draw("a.gif").read_bytes(),
        "list": b"#EXTM3U\n/etc/passwd\n",
    }
    for name, data in bad.items():
        path = place.folder / name
        path.write_bytes(data)
        with pytest.raises(Invalid):
            choose_poster(place.tools, place.actor, place.video.id, path)
    assert list(place.storage.list()) == []


def test_one_of_too_many_pixels_is_refused(place):
    with pytest.raises(Invalid):
        choose_poster(place.tools, place.actor, place.video.id, place.draw("huge.png", "9000x6000"))
