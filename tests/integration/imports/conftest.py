"""A VideoCMS with a little of everything, made once and copied for each test."""

import hashlib
import shutil
import sqlite3
from dataclasses import dataclass

import pytest

from polyreel.core.imports import Wishes, import_videocms
from polyreel.importing import videocms_settings
from tests.factories.site import Site
from tests.factories.videocms import VideoCMS

# A box that every player skips: the same film in other bytes.
TAIL = b"\0\0\0\x10free12345678"


@dataclass
class Old:
    """The installation and the names of what is in it."""

    cms: VideoCMS
    ada: int
    bob: int
    encoded: int
    uploaded: int
    links: dict[str, str]

    def wishes(self, **more):
        given = {"database": self.cms.database, "media": self.cms.media, **more}
        return Wishes(**{"read_settings": videocms_settings, **given})


@pytest.fixture(scope="package")
def made_once(tmp_path_factory, ffmpeg_exe, make_clip):
    cms = VideoCMS(tmp_path_factory.mktemp("videocms") / "old", ffmpeg_exe)
    film = make_clip(seconds=6.0, width=320, height=180)
    ada, bob = cms.add_user("ada", admin=1, email="ada@example.org"), cms.add_user("bob", storage=1)
    trips = cms.add("folders", name="Trips", user_id=ada, parent_folder_id=0)
    rome = cms.add("folders", name="Rome", user_id=ada, parent_folder_id=trips)
    encoded, uploaded = cms.add_encoded(film, ada), cms.add_original(film, bob, tail=TAIL)
    # Most tests are not about joining: its original is still there for them.
    shutil.copy(film, cms.uploads / f"{cms.uuid_of(encoded)}.tmp")
    sha256 = hashlib.sha256(film.read_bytes()).hexdigest()
    cms.run("UPDATE files SET hash = ? WHERE id = ?", sha256, encoded)
    links = {
        "forum": cms.add_link(encoded, ada, "forum.mp4", parent_folder_id=rome),
        "copy": cms.add_link(encoded, bob, "copy of forum.mp4"),
        "raw": cms.add_link(uploaded, bob, "raw.mp4"),
        "gone": cms.add_link(uploaded, bob, "gone.mp4", deleted_at="2024-05-05 00:00:00+00:00"),
    }
    tag = cms.add("tags", name="sea", user_id=ada)
    cms.run("INSERT INTO link_tags SELECT id, ? FROM links WHERE name = 'forum.mp4'", tag)
    cms.add_poster(encoded, links["forum"])
    cms.add("webhooks", name="beat", url="https://example.org/beat", rpm=6, req_query="who",
            res_field="who", user_id=ada)  # fmt: skip
    cms.add("api_keys", name="ci", key="ak_" + "a1" * 32, user_id=ada)
    cms.add("api_keys", name="hashed", key="$2a$04$" + "x" * 53, user_id=ada)
    cms.add("web_pages", path="/terms/", title="Terms", html="<p>Be kind.</p>", list_in_footer=1)
    cms.add("settings", app_name="Ada's films", base_url="http://old.example.org",
            encode_hls240p="false", hls720p_video_bitrate="3000k", max_items_multi_delete="many",
            captcha_enabled="true", captcha_type="turnstile", jwt_secret_key="j" * 64,
            captcha_turnstile_private_key="hush-hush", max_framerate="60")  # fmt: skip
    return Old(cms, ada, bob, encoded, uploaded, links)


@pytest.fixture
def old(made_once, tmp_path, ffmpeg_exe):
    """One to be changed."""
    folder = tmp_path / "old"
    shutil.copytree(made_once.cms.folder, folder)
    cms = VideoCMS.__new__(VideoCMS)
    cms.open(folder, ffmpeg_exe)
    return Old(
        cms, made_once.ada, made_once.bob, made_once.encoded, made_once.uploaded,
        dict(made_once.links),
    )  # fmt: skip


@pytest.fixture
def without_original(old):
    """As it is with nearly every film there: only what was made of it is left."""
    (old.cms.uploads / f"{old.cms.uuid_of(old.encoded)}.tmp").unlink()


@pytest.fixture
def site(tmp_path):
    one = Site(tmp_path / "data", min_free_bytes=0)
    yield one
    one.close()


@pytest.fixture
def bring(site, old):
    """Import; the report."""

    def bring(**more):
        return import_videocms(site.tools, old.wishes(**more))

    return bring


@pytest.fixture
def edit(old):
    """Change the old database."""

    def edit(statement, *values):
        with sqlite3.connect(old.cms.database) as db:
            db.execute(statement, values)
        db.close()

    return edit
