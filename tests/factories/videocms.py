"""A VideoCMS as it lies on a disk: its SQLite database in the shape GORM gives it, and its folders."""

import shutil
import sqlite3
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bcrypt

__all__ = ["VideoCMS"]

_ROW = "id integer PRIMARY KEY AUTOINCREMENT, created_at datetime, updated_at datetime, deleted_at datetime"
_TABLES = {
    "users": "username text, hash text, admin numeric, email text, balance real, storage integer, "
    "settings text, max_remote_downloads integer, remote_download_enabled numeric",
    "folders": "name text, user_id integer, parent_folder_id integer",
    "files": "uuid text, hash text, size integer, path text, duration real, user_id integer",
    "links": "uuid text, name text, parent_folder_id integer, user_id integer, file_id integer",
    "qualities": "name text, height integer, width integer, type text, file_id integer, "
    "ready numeric, failed numeric, path text, output_file text",
    "audios": "uuid text, name text, lang text, type text, file_id integer, ready numeric",
    "subtitles": "uuid text, name text, lang text, type text, file_id integer, ready numeric",
    "tags": "name text, user_id integer",
    "webhooks": "name text, url text, rpm integer, req_query text, res_field text, user_id integer",
    "api_keys": "name text, key text, prefix text, user_id integer, expires_at datetime, "
    "last_used_at datetime",
    "web_pages": "path text, title text, html text, list_in_footer numeric",
    "settings": "app_name text, base_url text, encode_hls240p text, hls720p_video_bitrate text, "
    "max_items_multi_delete text, captcha_enabled text, captcha_type text, "
    "captcha_turnstile_private_key text, jwt_secret_key text, max_framerate text",
    "traffics": "user_id integer, bytes integer",
}
_SEGMENTS = ["-f", "hls", "-hls_time", "4", "-hls_playlist_type", "vod", "-hls_list_size", "0"]
_MADE_AT = "2024-03-01 10:20:30.123456789+00:00"

STYLED = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,Hello there
"""


class VideoCMS:
    """One installation below `folder`; `rows` of it are added with `add`. Pictures are made once and
    copied: `film` is a clip of some seconds with picture and sound.
    """

    def __init__(self, folder: Path, ffmpeg_exe: str) -> None:
        self.open(folder, ffmpeg_exe)
        for each in (self.database.parent, self.uploads, self.made):
            each.mkdir(parents=True)
        with sqlite3.connect(self.database) as db:
            db.execute("PRAGMA journal_mode=WAL")
            for table, columns in _TABLES.items():
                db.execute(f"CREATE TABLE {table} ({_ROW}, {columns})")
            db.execute("CREATE TABLE link_tags (link_id integer, tag_id integer)")
        db.close()

    def open(self, folder: Path, ffmpeg_exe: str) -> None:
        """Know where everything is; by itself for a copy of one that was made."""
        self.folder = folder
        self.exe = ffmpeg_exe
        self.database = folder / "database" / "database.sqlite"
        self.media = folder / "videos"
        self.uploads = self.media / "uploads"
        self.made = self.media / "qualitys"

    def run(self, statement: str, *values: Any) -> int:
        """One statement; the id of the row it made."""
        db = sqlite3.connect(self.database)
        with db:
            found = db.execute(statement, values).lastrowid
        db.close()
        return found or 0

    def add(self, table: str, **values: Any) -> int:
        """One row; its id."""
        values = {"created_at": _MADE_AT, "updated_at": _MADE_AT, **values}
        marks = ", ".join("?" * len(values))
        return self.run(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", *values.values()
        )

    def add_user(self, name: str, password: str = "correct horse", **values: Any) -> int:
        """One person; the hash is a cheap one."""
        hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4, b"2a")).decode()
        return self.add("users", username=name, hash=hashed, **{"admin": 0, **values})

    def add_link(self, file_id: int, user_id: int, name: str, **values: Any) -> str:
        """One more link; its UUID."""
        link_uuid = str(uuid.uuid4())
        given = {"uuid": link_uuid, "parent_folder_id": 0, **values}
        self.add("links", file_id=file_id, user_id=user_id, name=name, **given)
        return str(given["uuid"])

    def add_original(self, film: Path, user_id: int, *, tail: bytes = b"") -> int:
        """A film that is not encoded yet: the file as it was uploaded."""
        file_uuid = str(uuid.uuid4())
        target = self.uploads / f"{file_uuid}.tmp"
        shutil.copy(film, target)
        with target.open("ab") as file:
            file.write(tail)
        return self.add(
            "files", uuid=file_uuid, hash="", size=target.stat().st_size, user_id=user_id,
            path=f"./videos/uploads/{file_uuid}.tmp",
        )  # fmt: skip

    def add_encoded(
        self, film: Path, user_id: int, *, heights: Sequence[int] = (240, 120), sounds: int = 2
    ) -> int:
        """A film that was encoded, its original gone: pictures, sounds and a subtitle, HLS."""
        file_uuid = str(uuid.uuid4())
        file_id = self.add("files", uuid=file_uuid, hash="0" * 64, size=1, user_id=user_id, path="")
        for height in heights:
            folder = self.made / file_uuid / f"{height}p"
            folder.mkdir(parents=True)
            picture = (
                "-map 0:v:0 -an -c:v libx264 -preset ultrafast -pix_fmt yuv420p -sc_threshold 0 "
                f"-g 25 -vf scale=-2:{height} -hls_flags independent_segments"
            )
            self._ffmpeg(film, [*picture.split(), *_SEGMENTS, str(folder / "out.m3u8")])
            self.add(
                "qualities", name=f"{height}p", height=height, width=height * 2, type="hls",
                file_id=file_id, ready=1, failed=0,
            )  # fmt: skip
        for number in range(sounds):
            name = str(uuid.uuid4())
            folder = self.made / file_uuid / name
            folder.mkdir()
            sound = ["-map", "0:a:0", "-vn", "-c:a", "aac", "-b:a", "64k"]
            self._ffmpeg(film, [*sound, *_SEGMENTS, str(folder / "audio.m3u8")])
            self.add(
                "audios", uuid=name, name=f"Audio {number + 1}", lang=("eng", "de")[number % 2],
                type="hls", file_id=file_id, ready=1,
            )  # fmt: skip
        for kind, text in (("ass", STYLED), ("vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n")):
            name = str(uuid.uuid4())
            folder = self.made / file_uuid / name
            folder.mkdir()
            (folder / f"out.{kind}").write_text(text)
            self.add(
                "subtitles", uuid=name, name="Subtitle 1", lang="eng", type=kind, file_id=file_id,
                ready=1,
            )  # fmt: skip
        return file_id

    def uuid_of(self, file_id: int) -> str:
        """The UUID of a file, which names its folder."""
        db = sqlite3.connect(self.database)
        found = db.execute("SELECT uuid FROM files WHERE id = ?", (file_id,)).fetchone()
        db.close()
        return str(found[0])

    def add_poster(self, file_id: int, link_uuid: str) -> Path:
        """A picture that somebody chose."""
        path = self.made / self.uuid_of(file_id) / f"link-{link_uuid}.webp"
        path.parent.mkdir(exist_ok=True)
        command = [
            self.exe,
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=320x180",
            "-frames:v",
            "1",
        ]
        subprocess.run([*command, str(path)], check=True)
        return path

    def listing(self) -> dict[str, bytes]:
        """Every file and what is in it, to compare."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }

    def _ffmpeg(self, film: Path, arguments: Sequence[str]) -> None:
        command = [self.exe, "-v", "error", "-nostdin", "-y", "-i", str(film), *arguments]
        subprocess.run(command, check=True)
