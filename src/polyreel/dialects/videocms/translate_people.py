"""Keys, people and times in this API's words, and back. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import UNSET, UnsetType

from polyreel.core import users
from polyreel.core.library import Usage
from polyreel.dialects.videocms.binder import Malformed
from polyreel.dialects.videocms.shapes_people import (
    Account,
    Key,
    KeyUse,
    NewKey,
    User,
    UserSettings,
)
from polyreel.dialects.videocms.translate import time_text
from polyreel.kit import clock
from polyreel.kit.errors import Invalid

__all__ = [
    "PLAYER_CAPTCHA",
    "key_to_row",
    "new_key_to_answer",
    "path_id",
    "time_of",
    "use_to_row",
    "user_to_account",
    "user_to_row",
]

PLAYER_CAPTCHA = "player_captcha"
"""Among the settings of a person: a captcha before their videos."""

_GREATEST = 2**63 - 1
_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def path_id(text: str) -> int:
    """A row's id from a path. Raises Invalid."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > _GREATEST:
        raise Invalid("This is not an id.")
    return int(text)


def time_of(text: str) -> datetime:
    """The moment that an RFC 3339 text means. Raises Malformed."""
    try:
        if not _RFC_3339.fullmatch(text):
            raise Malformed
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Malformed from None


def key_to_row(key: users.Key) -> Key:
    """A key as its row."""
    return Key(
        ID=key.id,
        CreatedAt=time_text(key.created_at),
        UpdatedAt=time_text(key.last_used_at or key.created_at),
        UserID=key.user_id,
        name=key.name,
        prefix=key.prefix,
        expires_at=_moment(key.expires_at),
        last_used_at=_moment(key.last_used_at),
    )


def new_key_to_answer(made: users.NewKey) -> NewKey:
    """A key with its text."""
    key = made.key
    return NewKey(id=key.id, name=key.name, key=made.text, expires_at=_moment(key.expires_at))


def use_to_row(use: users.KeyUse) -> KeyUse:
    """One use of a key as its row."""
    at = time_text(use.created_at)
    return KeyUse(
        ID=use.id,
        CreatedAt=at,
        UpdatedAt=at,
        ApiKeyID=use.key_id,
        UserID=use.user_id,
        Method=use.method,
        Path=use.path,
        IP=use.ip,
    )


def user_to_account(user: users.User, usage: Usage, free_bytes: int | None) -> Account:
    """A person as they see themselves; without a limit of theirs, what the disk has free."""
    free = -1 if free_bytes is None else free_bytes
    return Account(
        Username=user.name,
        Admin=user.is_admin,
        Email=user.email or "",
        Balance=user.quota.balance,
        Storage=user.quota.limit_bytes or free,
        Used=usage.bytes,
        Files=usage.videos,
        Settings=_settings(user),
        MaxRemoteDownloads=user.quota.max_remote_downloads,
        RemoteDownloadEnabled=user.quota.remote_download_enabled,
    )


def user_to_row(user: users.User, usage: Usage | None = None) -> User:
    """A person as administrators see them."""
    return User(
        ID=user.id,
        CreatedAt=time_text(user.created_at),
        UpdatedAt=time_text(user.updated_at),
        Username=user.name,
        Admin=user.is_admin,
        Email=user.email or "",
        Balance=user.quota.balance,
        Storage=user.quota.limit_bytes,
        Settings=_settings(user),
        MaxRemoteDownloads=user.quota.max_remote_downloads,
        RemoteDownloadEnabled=user.quota.remote_download_enabled,
        used_storage=usage.bytes if usage else 0,
        file_count=usage.videos if usage else 0,
    )


def _settings(user: users.User) -> UserSettings:
    kept: Mapping[str, Any] = user.settings
    return UserSettings(
        WebhooksEnabled=bool(kept.get("webhooks_enabled", True)),
        WebhooksMax=int(kept.get("webhooks_max", 100)),
        UploadSessionsMax=int(kept.get("upload_sessions_max", 0)),
        EnablePlayerCaptcha=bool(kept.get(PLAYER_CAPTCHA, False)),
        MaxRemoteDownloads=user.quota.max_remote_downloads,
        RemoteDownloadEnabled=user.quota.remote_download_enabled,
    )


def _moment(moment: datetime | None) -> str | UnsetType:
    """As Go prints it: a fraction where there is one."""
    if moment is None:
        return UNSET
    return time_text(moment) if moment.microsecond else clock.iso(moment)
