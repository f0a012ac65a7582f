"""The JSON of keys, accounts, people and pages, in upstream's spelling."""

import msgspec
from msgspec import UNSET, UnsetType

from polyreel.dialects.videocms.shapes import Row

__all__ = [
    "Account",
    "AccountSettings",
    "Key",
    "KeyUse",
    "NewKey",
    "Page",
    "PublicPage",
    "Said",
    "User",
    "UserList",
    "UserListMeta",
    "UserSettings",
]


class Key(Row, kw_only=True):
    """An API key as its owner sees it; what is not set is left out."""

    UserID: int
    name: str
    prefix: str
    expires_at: str | UnsetType = UNSET
    last_used_at: str | UnsetType = UNSET


class NewKey(msgspec.Struct, kw_only=True):
    """A key just made; `key` is shown this once."""

    id: int
    name: str
    key: str
    expires_at: str | UnsetType = UNSET


class KeyUse(Row, kw_only=True):
    """One request made with a key; `Path` without its query."""

    ApiKeyID: int
    UserID: int
    Method: str
    Path: str
    IP: str


class UserSettings(msgspec.Struct, kw_only=True):
    """What belongs to one person; `UploadSessionsMax` 0: as many as everybody."""

    WebhooksEnabled: bool
    WebhooksMax: int
    UploadSessionsMax: int
    EnablePlayerCaptcha: bool
    MaxRemoteDownloads: int
    RemoteDownloadEnabled: bool


class Account(msgspec.Struct, kw_only=True):
    """Oneself. `Storage` and `Used` in bytes; `Storage` is what is free where there is no limit."""

    Username: str
    Admin: bool
    Email: str
    Balance: float
    Storage: int
    Used: int
    Files: int
    Settings: UserSettings
    MaxRemoteDownloads: int
    RemoteDownloadEnabled: bool


class AccountSettings(msgspec.Struct, kw_only=True):
    """What people set for themselves."""

    EnablePlayerCaptcha: bool


class User(Row, kw_only=True):
    """One person as administrators see them. `Storage` in bytes, 0: no limit; `used_storage` and
    `file_count` are told in lists alone.
    """

    Username: str
    Admin: bool
    Email: str
    Balance: float
    Storage: int
    Settings: UserSettings
    MaxRemoteDownloads: int
    RemoteDownloadEnabled: bool
    used_storage: int = 0
    file_count: int = 0


class Said(msgspec.Struct, kw_only=True):
    """That it was done."""

    message: str


class UserListMeta(msgspec.Struct, kw_only=True):
    """Which part of how many."""

    total: int
    page: int
    limit: int


class UserList(msgspec.Struct, kw_only=True):
    """One page of people."""

    data: list[User]
    meta: UserListMeta


class Page(Row, kw_only=True):
    """A page as administrators write it."""

    Path: str
    Title: str
    Html: str
    ListInFooter: bool


class PublicPage(msgspec.Struct, kw_only=True):
    """A page as everybody finds it."""

    Path: str
    Title: str
    ListInFooter: bool
