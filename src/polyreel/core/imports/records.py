"""What a VideoCMS keeps, read from its database and made harmless. Contract: the chapters on its models.

Everything is read before anything is written here, so that a damaged database changes nothing.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from polyreel.core.imports.errors import NotImportable
from polyreel.core.imports.foreign import ForeignDatabase, Row, open_foreign
from polyreel.kit.ids import parse_uuid

__all__ = [
    "File",
    "Folder",
    "Key",
    "Library",
    "Link",
    "Page",
    "Person",
    "Track",
    "Webhook",
    "read_videocms",
]

_BCRYPT_LIKE = re.compile(r"\$2[abxy]?\$[0-9]{2}\$.{53}", re.DOTALL)
_NEEDED = {
    "users": ("id", "username"),
    "files": ("id", "uuid"),
    "links": ("id", "uuid", "name", "fileid", "userid"),
}


@dataclass(frozen=True, kw_only=True)
class Person:
    """An account; `password` is its hash, as it stands there."""

    id: int
    name: str
    password: str | None
    is_admin: bool
    email: str | None
    balance: float
    quota_bytes: int
    max_remote_downloads: int | None
    remote_download_enabled: bool | None
    settings: Mapping[str, Any]
    created_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Key:
    """An API key in clear."""

    id: int
    user_id: int
    name: str
    text: str
    expires_at: datetime | None
    last_used_at: datetime | None
    created_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """Whom players of a person's videos call."""

    id: int
    user_id: int
    name: str
    url: str
    rpm: int
    query_name: str
    field_name: str


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder; `parent_id` 0 is the root."""

    id: int
    user_id: int
    parent_id: int
    name: str
    created_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Track:
    """A picture at one height, a sound track or a subtitle of a file. `place` names its folder."""

    kind: str
    place: str
    name: str
    language: str
    type: str
    height: int
    is_ready: bool


@dataclass(frozen=True, kw_only=True)
class File:
    """A film; `path` is where its original was, as it is written there."""

    id: int
    uuid: str
    path: str
    sha256: str
    tracks: Sequence[Track]


@dataclass(frozen=True, kw_only=True)
class Link:
    """A person's name for a film."""

    id: int
    uuid: str
    file_id: int
    user_id: int
    folder_id: int
    name: str
    tags: Sequence[str]
    created_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page for everybody."""

    id: int
    path: str
    title: str
    html: str
    in_footer: bool


@dataclass(frozen=True, kw_only=True)
class Library:
    """All of it. `source` is the same whenever the same server is read. `unusable` are sentences on
    rows that mean nothing.
    """

    source: str
    people: Sequence[Person]
    keys: Sequence[Key]
    webhooks: Sequence[Webhook]
    folders: Sequence[Folder]
    files: Sequence[File]
    links: Sequence[Link]
    pages: Sequence[Page]
    settings: Mapping[str, str]
    unusable: Sequence[str] = field(default=())


def read_videocms(path: Path) -> Library:
    """Everything that can come over from the database in this file. Raises NotImportable."""
    with open_foreign(path) as db:
        for table, columns in _NEEDED.items():
            if not db.has(table, *columns):
                raise NotImportable(
                    f"{path} is no database of VideoCMS: it has no table {table} "
                    f"with {', '.join(columns)}."
                )
        unusable: list[str] = []
        return Library(
            source=_identity(db),
            people=list(_people(db)),
            keys=list(_keys(db)),
            webhooks=list(_webhooks(db)),
            folders=list(_folders(db)),
            files=list(_files(db, unusable)),
            links=list(_links(db, unusable)),
            pages=list(_pages(db)),
            settings=_settings(db),
            unusable=unusable,
        )


def _identity(db: ForeignDatabase) -> str:
    """Its first account, which nothing removes: rows of deleted people stay. To the nanosecond."""
    first = min(
        ((row.number("id") or 0, row.text("createdat") or "") for row in db.rows("users")),
        default=(0, ""),
    )
    return hashlib.sha256(f"videocms {first[0]} {first[1]}".encode()).hexdigest()


def _people(db: ForeignDatabase) -> Iterator[Person]:
    for row in db.live_rows("users"):
        person_id = row.number("id")
        if person_id is None:
            continue
        settings = _person_settings(row)
        yield Person(
            id=person_id,
            name=row.text("username") or "",
            password=next(filter(_BCRYPT_LIKE.fullmatch, row.texts().values()), None),
            is_admin=row.flag("admin") or False,
            email=row.text("email") or None,
            balance=row.real("balance") or 0.0,
            quota_bytes=row.number("storage") or 0,
            max_remote_downloads=_first(
                row.number("maxremotedownloads"), settings.get("maxremotedownloads")
            ),
            remote_download_enabled=_first(
                row.flag("remotedownloadenabled"), settings.get("remotedownloadenabled")
            ),
            settings=settings,
            created_at=row.moment("createdat"),
        )


def _person_settings(row: Row) -> dict[str, Any]:
    """By plain names; they are one column of JSON, or a column each."""
    try:
        found = json.loads(row.text("settings", longest=20_000) or "{}")
    except (ValueError, RecursionError):
        found = {}
    given = {name.replace("_", "").lower(): value for name, value in found.items()} if isinstance(
        found, dict
    ) else {}  # fmt: skip
    kept: dict[str, Any] = {}
    for name in ("webhooksenabled", "enableplayercaptcha", "remotedownloadenabled"):
        value = given.get(name, row.flag(f"settings{name}"))
        if isinstance(value, bool):
            kept[name] = value
    for name in ("webhooksmax", "uploadsessionsmax", "maxremotedownloads"):
        value = given.get(name, row.number(f"settings{name}"))
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1_000_000:
            kept[name] = value
    return kept


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _keys(db: ForeignDatabase) -> Iterator[Key]:
    for row in db.live_rows("apikeys"):
        key_id, user_id = row.number("id"), row.number("userid")
        if key_id is not None and user_id is not None:
            yield Key(
                id=key_id,
                user_id=user_id,
                name=row.text("name") or "",
                text=row.text("key", longest=200) or "",
                expires_at=row.deadline("expiresat"),
                last_used_at=row.moment("lastusedat"),
                created_at=row.moment("createdat"),
            )


def _webhooks(db: ForeignDatabase) -> Iterator[Webhook]:
    for row in db.live_rows("webhooks"):
        webhook_id, user_id = row.number("id"), row.number("userid")
        if webhook_id is not None and user_id is not None:
            yield Webhook(
                id=webhook_id,
                user_id=user_id,
                name=row.text("name") or "",
                url=row.text("url") or "",
                rpm=row.number("rpm") or 0,
                query_name=row.text("reqquery") or "",
                field_name=row.text("resfield") or "",
            )


def _folders(db: ForeignDatabase) -> Iterator[Folder]:
    for row in db.live_rows("folders"):
        folder_id, user_id = row.number("id"), row.number("userid")
        if folder_id is not None and user_id is not None:
            yield Folder(
                id=folder_id,
                user_id=user_id,
                parent_id=row.number("parentfolderid") or 0,
                name=row.text("name") or "",
                created_at=row.moment("createdat"),
            )


def _files(db: ForeignDatabase, unusable: list[str]) -> Iterator[File]:
    tracks: dict[int, list[Track]] = {}
    for kind, tables in _TRACKS.items():
        for table in tables:
            for row in db.live_rows(table):
                file_id = row.number("fileid")
                if file_id is not None:
                    tracks.setdefault(file_id, []).append(_track(kind, row))
    for row in db.live_rows("files"):
        file_id, uuid = row.number("id"), parse_uuid(row.text("uuid") or "")
        if file_id is None or uuid is None:
            unusable.append(f"file {file_id}: its UUID is none")
            continue
        yield File(
            id=file_id,
            uuid=uuid,
            path=row.text("path") or "",
            sha256=(row.text("hash") or "").lower(),
            tracks=tracks.get(file_id, ()),
        )


_TRACKS = {
    "picture": ("qualities", "qualitys"),
    "sound": ("audios", "audio"),
    "subtitle": ("subtitles", "subtitle"),
}


def _track(kind: str, row: Row) -> Track:
    name = row.text("name", longest=200) or ""
    return Track(
        kind=kind,
        place=name if kind == "picture" else (row.text("uuid") or ""),
        name=name,
        language=row.text("lang", longest=35) or "",
        type=(row.text("type") or "").lower(),
        height=row.number("height") or 0,
        is_ready=row.flag("ready") or False,
    )


def _links(db: ForeignDatabase, unusable: list[str]) -> Iterator[Link]:
    tags = _tags(db)
    for row in db.live_rows("links"):
        link_id, file_id = row.number("id"), row.number("fileid")
        uuid = parse_uuid(row.text("uuid") or "")
        if link_id is None or file_id is None or uuid is None:
            unusable.append(f"link {link_id}: its UUID or its file is none")
            continue
        yield Link(
            id=link_id,
            uuid=uuid,
            file_id=file_id,
            user_id=row.number("userid") or 0,
            folder_id=row.number("parentfolderid") or 0,
            name=row.text("name") or "",
            tags=tags.get(link_id, ()),
            created_at=row.moment("createdat"),
        )


def _tags(db: ForeignDatabase) -> dict[int, list[str]]:
    """The tags of each link, from whatever table joins the two."""
    names = {row.number("id"): row.text("name") or "" for row in db.live_rows("tags")}
    found: dict[int, list[str]] = {}
    for table in db.tables_with("linkid", "tagid"):
        for row in db.live_rows(table):
            link_id, name = row.number("linkid"), names.get(row.number("tagid"))
            if link_id is not None and name:
                found.setdefault(link_id, []).append(name)
    return found


def _pages(db: ForeignDatabase) -> Iterator[Page]:
    for row in db.live_rows("webpages"):
        page_id = row.number("id")
        if page_id is not None:
            yield Page(
                id=page_id,
                path=row.text("path") or "",
                title=row.text("title") or "",
                html=row.text("html", longest=60_000) or "",
                in_footer=row.flag("listinfooter") or False,
            )


def _settings(db: ForeignDatabase) -> dict[str, str]:
    """By plain names, of the first row; there is one."""
    first = next(db.live_rows("settings"), None)
    return first.texts() if first else {}
