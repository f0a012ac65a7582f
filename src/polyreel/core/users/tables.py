"""Rows of people: accounts, API keys and their use, sessions."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from polyreel.infra.db import Base, UtcTime

ID = BigInteger().with_variant(Integer(), "sqlite")
# Statistics and what waits in memory name people and keys by their ids, also when they are gone.
NEVER_AGAIN = {"sqlite_autoincrement": True}


class UserRow(Base):
    """One person. `name_folded` and `email_folded` make both unique whatever their case; folding can
    make eighteen characters of one.

    `password_hash` is None for accounts nobody signs in to. `token_version` begins at random, so that
    a token of a deleted account never fits a later one that got its id.
    """

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    name: Mapped[str] = mapped_column(String(32))
    name_folded: Mapped[str] = mapped_column(String(576), unique=True)
    email: Mapped[str | None] = mapped_column(String(254))
    email_folded: Mapped[str | None] = mapped_column(String(1024), unique=True)
    password_hash: Mapped[str | None] = mapped_column(String(255))
    is_admin: Mapped[bool]
    token_version: Mapped[int] = mapped_column(BigInteger)
    quota_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    balance: Mapped[float] = mapped_column(default=0.0)
    max_remote_downloads: Mapped[int] = mapped_column(Integer, default=5)
    remote_download_enabled: Mapped[bool] = mapped_column(default=True)
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)

    __table_args__ = (NEVER_AGAIN,)


class SetupRow(Base):
    """Set-up is over: the one row (id 1) whose insertion decides who is the first administrator."""

    __tablename__ = "setup"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    finished_at: Mapped[datetime] = mapped_column(UtcTime)


class KeyRow(Base):
    """One API key. `secret_hash` is the SHA-256 of its text: with 256 random bits (160 for the
    derived kind) there is nothing to guess, so no slow hash is needed. `version` is set for the
    derived kind only: its text is computed from it and never stored.
    """

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    user_id: Mapped[int] = mapped_column(ID, ForeignKey("users.id", ondelete="CASCADE"))
    key_for: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(32))
    prefix: Mapped[str] = mapped_column(String(16))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    version: Mapped[str | None] = mapped_column(String(32))
    scopes: Mapped[str] = mapped_column(String(100))
    expires_at: Mapped[datetime | None] = mapped_column(UtcTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcTime)
    created_at: Mapped[datetime] = mapped_column(UtcTime)

    __table_args__ = (Index(None, "user_id", "key_for"), NEVER_AGAIN)


class KeyUseRow(Base):
    """One request made with an API key; kept for 30 days."""

    __tablename__ = "key_audit"

    id: Mapped[int] = mapped_column(ID, primary_key=True)
    key_id: Mapped[int] = mapped_column(ID, ForeignKey("api_keys.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ID, ForeignKey("users.id", ondelete="CASCADE"))
    method: Mapped[str] = mapped_column(String(16))
    path: Mapped[str] = mapped_column(String(255))
    ip: Mapped[str] = mapped_column(String(45))
    created_at: Mapped[datetime] = mapped_column(UtcTime)

    __table_args__ = (Index(None, "key_id", "created_at"), Index(None, "created_at"))


class SessionRow(Base):
    """One signed-in browser; `token_hash` is the SHA-256 of the 256 random bits in its cookie."""

    __tablename__ = "sessions"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ID, ForeignKey("users.id", ondelete="CASCADE"))
    token_version: Mapped[int] = mapped_column(BigInteger)
    user_agent: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcTime)
    expires_at: Mapped[datetime] = mapped_column(UtcTime)

    __table_args__ = (Index(None, "user_id"), Index(None, "expires_at"))
