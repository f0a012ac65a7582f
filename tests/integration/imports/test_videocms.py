"""A whole VideoCMS comes over, once, however often it is asked and whatever is in it."""

import hashlib
import shutil
import sqlite3
import subprocess
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from polyreel.core import library, users
from polyreel.core.imports import AnotherImport, NotImportable, Wishes, import_videocms, videocms
from polyreel.core.imports.records import read_videocms
from polyreel.core.imports.tables import ImportedRow
from polyreel.core.imports.tree import Tree
from polyreel.core.ingest.tables import UploadRow
from polyreel.core.library.tables import MediaRow, VideoRow
from polyreel.core.options import read_options
from polyreel.core.pages import list_page_titles
from polyreel.core.users.tables import UserRow
from polyreel.core.webhooks import list_webhooks_of_player
from polyreel.infra.probe import probe_file


def video_of(site, uuid):
    with site.tools.db.read() as tx:
        found = library.find_video_by_uuid(tx, uuid)
    assert found is not None, uuid
    return found


def user_of(site, name):
    with site.tools.db.read() as tx:
        return users.find_user_by_name(tx, name)


def original_of(site, video):
    with site.tools.db.read() as tx:
        media = library.get_media(tx, video.media_id)
    path = site.tools.storage.path(media.original_key)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == media.sha256
    return path


def count(site, table):
    with site.tools.db.read() as tx:
        return tx.session.scalar(select(func.count()).select_from(table))


def told(report):
    return [f"{each.kind}: {each.what}: {each.why}" for each in (*report.left, *report.notes)]


def test_everything_comes_over_and_the_source_is_as_it_was(site, old, bring):
    before = old.cms.listing()
    report = bring()
    assert old.cms.listing() == before
    assert report.came == {
        "users": 2, "API keys": 1, "webhooks": 1, "folders": 2, "videos": 3,
        "chosen pictures": 1, "pages": 1, "settings": 5,
    }  # fmt: skip
    assert sorted(each.what for each in report.left) == [
        "CaptchaEnabled", "MaxItemsMultiDelete", "hashed",
    ]  # fmt: skip
    assert "hush" not in repr(report)
    ada, bob = user_of(site, "ada"), user_of(site, "bob")
    assert (ada.is_admin, ada.email, bob.is_admin) == (True, "ada@example.org", False)
    assert bob.quota.limit_bytes == 1
    forum, copy, raw = (video_of(site, old.links[name]) for name in ("forum", "copy", "raw"))
    assert (forum.user_id, copy.user_id, raw.user_id) == (ada.id, bob.id, bob.id)
    assert forum.media_id == copy.media_id != raw.media_id
    assert forum.created_at == datetime(2024, 3, 1, 10, 20, 30, 123456, tzinfo=UTC)
    assert (forum.name, forum.visibility, forum.source) == ("forum.mp4", "unlisted", "videocms")
    with site.tools.db.read() as tx:
        path = library.folder_path(tx, forum.folder_id)
        assert [folder.name for folder in path] == ["Trips", "Rome"]
        assert [tag.name for tag in library.list_tags(tx, [forum.id])[forum.id]] == ["sea"]
        assert [hook.url for hook in list_webhooks_of_player(tx, ada.id)] == [
            "https://example.org/beat"
        ]
        assert [page.path for page in list_page_titles(tx)] == ["/terms/"]
        key = users.find_key(tx, "ak_" + "a1" * 32, "videocms")
        assert key is not None
        assert key.user_id == ada.id
        options = read_options(tx)
        assert tx.session.scalar(select(func.count()).select_from(UploadRow)) == 0
        assert library.find_video_by_uuid(tx, old.links["gone"]) is None
    assert (options.app_name, options.encode_240) == ("Ada's films", False)
    assert options.max_bitrate_720_bps == 3_000_000
    assert (options.captcha_type, options.captcha_enabled) == ("turnstile", False)
    assert options.public_url == ""
    assert forum.poster_key is not None


@pytest.mark.usefixtures("without_original")
def test_a_film_is_joined_from_its_best_picture_with_all_sounds_and_subtitles(site, old, bring):
    bring()
    probe = probe_file(original_of(site, video_of(site, old.links["forum"])))
    assert [stream.height for stream in probe.video] == [240]
    assert probe.has_index
    assert abs((probe.duration_ms or 0) - 6000) < 100
    assert [(each.codec, each.title, each.language) for each in probe.audio] == [
        ("aac", "Audio 1", "eng"),
        ("aac", "Audio 2", "de"),
    ]
    assert [(each.codec, each.title) for each in probe.subtitles] == [("ass", "Subtitle 1")]


@pytest.mark.usefixtures("without_original")
def test_what_came_over_plays_without_being_encoded_again(site, old, bring):
    bring()
    with site.working():
        video = site.until_ended(video_of_admin(site, old.links["forum"]))
    assert video.state == "ready"
    made = {each.kind: each.mode for each in site.renditions(video) if each.promised}
    assert made == {"video": "copy", "audio": "copy"}


def video_of_admin(site, uuid):
    with site.tools.db.write() as tx:
        users.update_user(tx, site.alice.user_id, {"is_admin": True})
    with site.tools.db.read() as tx:
        site.alice = users.actor_of(users.get_user(tx, site.alice.user_id))
    return video_of(site, uuid)


def test_a_dry_run_tells_the_same_and_writes_nothing(site, old, bring):
    before = old.cms.listing()
    foreseen = bring(is_dry_run=True)
    assert count(site, ImportedRow) == count(site, VideoRow) == 0
    assert count(site, UserRow) == 1
    assert not list(site.tools.storage.list())
    assert old.cms.listing() == before
    came = bring()
    assert (foreseen.came, told(foreseen)) == (came.came, told(came))


def test_an_original_that_was_changed_there_is_told(site, old, bring, edit):
    edit("UPDATE files SET hash = ?", "0" * 64)
    report = bring()
    assert sum("is not the file that was uploaded" in line for line in told(report)) == 2
    assert report.came["videos"] == 3


def test_again_nothing_is_doubled(site, old, bring):
    first = bring()
    rows = [count(site, table) for table in (UserRow, VideoRow, MediaRow, ImportedRow)]
    second = bring()
    assert [count(site, table) for table in (UserRow, VideoRow, MediaRow, ImportedRow)] == rows
    assert not any(second.came.values())
    assert second.before["videos"] == first.came["videos"] == 3
    # What comes later comes then, to the film that is here.
    late = old.cms.add_link(old.encoded, old.bob, "late.mp4")
    assert bring().came["videos"] == 1
    assert video_of(site, late).media_id == video_of(site, old.links["forum"]).media_id
    assert count(site, MediaRow) == rows[2]


def test_what_was_changed_here_since_stays_so(site, old, bring):
    bring()
    with site.tools.db.write() as tx:
        ada = users.find_user_by_name(tx, "ada")
        assert ada is not None
        library.delete_video(tx, users.actor_of(ada), old.links["forum"])
    site.choose("app_name", "Mine")
    bring()
    with site.tools.db.read() as tx:
        assert library.find_video_by_uuid(tx, old.links["forum"]) is None
        assert read_options(tx).app_name == "Mine"


def test_names_that_are_taken_are_told(site, old, bring, edit):
    site.person("ADA")
    edit("UPDATE users SET username = 'x' || char(10), email = 'nonsense' WHERE username = 'bob'")
    report = bring()
    assert user_of(site, "ada-2").is_admin
    assert not user_of(site, "ada").is_admin
    assert user_of(site, f"user-{old.bob}").email is None
    assert any("is called ada-2 now: that name is taken here" in line for line in told(report))


def test_equal_names_are_one_person_when_that_is_wished(site, old, bring):
    here = site.person("Ada")
    report = bring(same_people=True)
    assert user_of(site, "ada").id == here.user_id
    assert not user_of(site, "ada").is_admin, "rights stay as they are here"
    assert video_of(site, old.links["forum"]).user_id == here.user_id
    assert any("is the account that was here" in line for line in told(report))


def test_addresses_that_are_taken_are_left_out(site, old, bring):
    bring()
    other = shutil.copytree(old.cms.folder, old.cms.folder.with_name("other"))
    with sqlite3.connect(other / "database" / "database.sqlite") as db:
        db.execute("UPDATE users SET created_at = '2021-01-01 00:00:00Z'")
    db.close()
    wishes = Wishes(database=other / "database" / "database.sqlite", media=other / "videos")
    report = import_videocms(site.tools, wishes)
    assert report.came["videos"] == 0
    assert sum("another video here has this address" in line for line in told(report)) == 3


def test_the_password_that_every_videocms_begins_with_is_not_taken(site, old, bring):
    old.cms.add_user("admin", "12345678", admin=1)
    report = bring()
    with site.tools.db.read() as tx:
        kept = tx.session.scalar(select(UserRow.password_hash).where(UserRow.name == "admin"))
    assert kept is None
    assert any("polyreel user password" in line for line in told(report))


def test_films_of_somebody_who_is_gone_are_left_to_an_administrator(site, old, bring, edit):
    edit("UPDATE users SET deleted_at = '2024-05-05 00:00:00+00:00' WHERE username = 'bob'")
    report = bring()
    assert report.came["videos"] == 3
    assert video_of(site, old.links["raw"]).user_id == user_of(site, "ada").id
    assert any("belongs to ada now" in line for line in told(report))


def test_originals_can_share_their_bytes(site, old, bring):
    theirs = old.cms.uploads / f"{old.cms.uuid_of(old.uploaded)}.tmp"
    before = theirs.stat().st_mtime_ns
    bring(how="link")
    ours = original_of(site, video_of(site, old.links["raw"]))
    assert theirs.samefile(ours)
    assert theirs.stat().st_mtime_ns == before


@pytest.mark.usefixtures("without_original")
def test_a_move_that_was_killed_takes_away_the_rest_and_no_more(site, old, bring, monkeypatch):
    [theirs] = old.cms.uploads.iterdir()
    with monkeypatch.context() as patched:
        patched.setattr(Tree, "remove", lambda self, places: 1 / 0)
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                bring(how="move")
    bring()
    assert theirs.exists(), "only with --move"
    assert list(old.cms.made.rglob("240p/*"))
    for _ in range(2):
        bring(how="move")
        assert not theirs.exists()
        assert not list(old.cms.made.rglob("240p"))
        assert list(old.cms.made.rglob("120p/*.ts")), "only what was used"
    original_of(site, video_of(site, old.links["raw"]))
    original_of(site, video_of(site, old.links["forum"]))


def test_what_was_copied_is_not_taken_away_later(site, old, bring):
    bring()
    before = old.cms.listing()
    bring(how="move")
    assert old.cms.listing() == before


@pytest.mark.usefixtures("without_original")
def test_moving_at_once_leaves_whole_films(site, old, bring):
    [theirs] = old.cms.uploads.iterdir()
    data = theirs.read_bytes()
    bring(how="move")
    assert not theirs.exists()
    assert original_of(site, video_of(site, old.links["raw"])).read_bytes() == data
    assert probe_file(original_of(site, video_of(site, old.links["forum"]))).video


@pytest.mark.usefixtures("without_original")
def test_the_next_best_picture_is_taken_where_a_piece_is_missing(site, old, bring):
    next(iter(old.cms.made.rglob("240p/out1.ts"))).unlink()
    report = bring()
    probe = probe_file(original_of(site, video_of(site, old.links["forum"])))
    assert [stream.height for stream in probe.video] == [120]
    assert any("240p cannot be used: out1.ts is missing" in line for line in told(report))


@pytest.mark.usefixtures("without_original")
def test_a_broken_sound_is_left_out_and_told(site, old, bring):
    first = sorted(old.cms.made.rglob("audio.m3u8"))[0]
    for segment in first.parent.glob("*.ts"):
        segment.write_bytes(b"\0" * 5000)
    report = bring()
    probe = probe_file(original_of(site, video_of(site, old.links["forum"])))
    assert len(probe.audio) == 1
    assert any("sound 'Audio" in line and "is left out" in line for line in told(report))


@pytest.mark.usefixtures("without_original")
def test_films_without_bytes_are_left_out_and_come_when_they_are_there(site, old, bring):
    hidden = old.cms.folder / "hidden"
    old.cms.made.rename(hidden)
    report = bring()
    assert (report.came["videos"], report.left_of("videos")) == (1, 2)
    hidden.rename(old.cms.made)
    assert bring().came["videos"] == 2


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret.ts"
    path.write_bytes(b"the crown jewels" * 1000)
    return path


@pytest.mark.usefixtures("without_original")
def test_no_path_leads_out_of_the_folder(site, old, bring, edit, secret):
    [upload] = old.cms.uploads.iterdir()
    upload.unlink()
    upload.symlink_to(secret)
    edit("UPDATE files SET path = ? WHERE id = ?", f"../../../{secret.name}", old.uploaded)
    playlist = next(iter(old.cms.made.rglob("240p/out.m3u8")))
    text = playlist.read_text()
    for name in (f"../../../../{secret.name}", str(secret), f"file:{secret}", "out0.ts/../out1.ts"):
        playlist.write_text(text.replace("out1.ts", name))
        report = bring(is_dry_run=True)
        assert any("names something else than its segments" in line for line in told(report))
    playlist.write_text(text)
    segment = playlist.with_name("out1.ts")
    segment.unlink()
    segment.symlink_to(secret)
    edit("UPDATE audios SET uuid = '../../../..'")
    edit("UPDATE qualities SET name = '../240p' WHERE name = '120p'")
    report = bring()
    assert report.came["videos"] == 0
    for path in site.tools.storage.root.rglob("*"):
        assert not path.is_file() or b"crown jewels" not in path.read_bytes()


@pytest.mark.usefixtures("without_original")
def test_folders_that_are_links_are_not_followed(site, old, bring, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    old.cms.made.rename(elsewhere)
    old.cms.made.symlink_to(elsewhere)
    assert bring().left_of("videos") == 2
    # Whoever names the folder means it.
    wishes = {"media": elsewhere, "uploads": old.cms.uploads}
    assert bring(**wishes).came["videos"] == 2


def test_values_of_any_kind_do_no_harm(site, old, bring, edit):
    edit(
        "UPDATE users SET storage = -5, balance = 1e400, max_remote_downloads = 'x', settings = '[[['"
    )
    edit("UPDATE users SET hash = '$2a$31$' || substr(hash, 8) WHERE username = 'bob'")
    edit("UPDATE links SET name = char(7) || char(27) || '[2J' WHERE name = 'raw.mp4'")
    edit("UPDATE links SET parent_folder_id = 9999, created_at = x'00ff' WHERE name LIKE 'copy%'")
    edit("UPDATE folders SET parent_folder_id = id, name = '' WHERE name = 'Trips'")
    edit("UPDATE webhooks SET url = 'javascript:alert(1)', rpm = 1e9")
    edit("UPDATE tags SET name = zeroblob(70000)")
    edit("UPDATE web_pages SET html = printf('%.*c', 2000000, 'x')")
    old.cms.add("links", uuid="../../x", name=None, file_id=None, user_id=old.ada)
    old.cms.add("links", uuid=5, name=b"\xff\xfe", file_id=old.encoded, user_id=-1)
    report = bring()
    assert report.came["videos"] == 3
    assert video_of(site, old.links["copy"]).folder_id is None
    assert video_of(site, old.links["raw"]).name == "[2J"
    assert all(line.isprintable() for line in told(report))
    with site.tools.db.read() as tx:
        kept = tx.session.scalar(select(UserRow.password_hash).where(UserRow.name == "bob"))
    assert kept is None, "a hash that takes hours to check is no password"


@pytest.mark.parametrize("damage", ["text", "cut", "other", "nothing", "view"])
def test_a_database_that_is_none_of_videocms_changes_nothing(site, old, bring, damage):
    path = old.cms.database
    if damage == "text":
        path.write_text("this is no database" * 100)
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:20_000])
    else:
        path.unlink()
        with sqlite3.connect(path) as db:
            if damage == "other":
                db.execute("CREATE TABLE users (id integer, username text)")
            if damage == "view":
                for table in ("users", "files", "links"):
                    db.execute(f"CREATE VIEW {table} AS SELECT 1 AS id, 'x' AS username")
        db.close()
    with pytest.raises(NotImportable):
        bring()
    assert count(site, ImportedRow) == 0
    assert count(site, UserRow) == 1


def test_columns_that_are_missing_are_no_error(site, old, bring, edit):
    for table, column in (("users", "email"), ("links", "parent_folder_id"), ("files", "path")):
        edit(f"ALTER TABLE {table} DROP COLUMN {column}")
    for table in ("webhooks", "api_keys", "web_pages", "settings", "tags", "subtitles"):
        edit(f"DROP TABLE {table}")
    assert bring().came["videos"] == 3


def test_a_server_that_runs_is_read_as_it_is(old, edit):
    with sqlite3.connect(old.cms.database) as running:
        running.execute("UPDATE users SET username = 'eve' WHERE username = 'bob'")
        running.commit()
        running.execute("UPDATE users SET username = 'mallory' WHERE username = 'eve'")
        assert [person.name for person in read_videocms(old.cms.database).people] == ["ada", "eve"]
        running.rollback()
    running.close()


def test_two_at_once_are_one_too_many(site, old, bring, monkeypatch):
    def again(run):
        with pytest.raises(AnotherImport):
            bring()

    monkeypatch.setattr(videocms, "_STEPS", (again,))
    bring()


@pytest.mark.usefixtures("without_original")
@pytest.mark.parametrize("arguments", [(), ("-bf", "0")])
def test_sound_and_picture_stay_together(site, old, bring, make_clip, arguments):
    """Segments of a picture whose frames are reordered begin later than their sound does."""
    film = make_clip(seconds=5.0)
    folder = next(iter(old.cms.made.rglob("240p")))
    shutil.rmtree(folder)
    folder.mkdir()
    made = [
        old.cms.exe,
        "-v",
        "error",
        "-i",
        str(film),
        "-map",
        "0:v:0",
        "-c:v",
        "libx264",
        "-g",
        "25",
    ]
    hls = ["-f", "hls", "-hls_time", "4", "-hls_playlist_type", "vod", str(folder / "out.m3u8")]
    subprocess.run([*made, *arguments, *hls], check=True)
    bring()
    probe = probe_file(original_of(site, video_of(site, old.links["forum"])))
    picture, sound = probe.video[0], probe.audio[0]
    assert abs((picture.start_us or 0) - (sound.start_us or 0)) <= 25_000
