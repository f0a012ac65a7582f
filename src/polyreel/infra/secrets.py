"""Secrets that the server makes for itself, kept in files only it may read."""

import fcntl
import functools
import hashlib
import hmac
import os
from collections.abc import Callable
from pathlib import Path

from polyreel.kit.ids import new_secret

__all__ = ["Secrets", "SecretsError", "read_or_create_secret"]

_LEAST_CHARACTERS = 32


class SecretsError(Exception):
    """A secret's file that cannot be used; the message names it."""


class Secrets:
    """The server's root secret (256 bits in the file at `path`, made when missing) and the keys
    derived from it, one per purpose, so that no key is ever used for two things.
    """

    def __init__(self, path: Path) -> None:
        self._root = read_or_create_secret(path, new_secret).encode()
        self.key = functools.lru_cache(maxsize=32)(self._derive)

    def _derive(self, purpose: str) -> bytes:
        """32 bytes that depend on the root secret and `purpose` alone."""
        return hmac.digest(self._root, b"polyreel key: " + purpose.encode(), hashlib.sha256)


def read_or_create_secret(path: Path, make: Callable[[], str]) -> str:
    """The text in the file at `path`; where there is none, that of `make`, written with mode 0600.

    However many processes begin at once, all get the same text. Raises SecretsError for a file that
    holds too little: it is never replaced, since what it protected would be lost without a word.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "r+", encoding="ascii") as file:
        # Whoever holds the lock finds either a whole secret or an empty file that is theirs to fill.
        fcntl.flock(file, fcntl.LOCK_EX)
        os.fchmod(file.fileno(), 0o600)
        try:
            text = file.read().strip()
        except UnicodeDecodeError:
            text = "?"
        if not text:
            text = make()
            file.seek(0)
            file.truncate()
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
            _sync_folder(path.parent)
        if len(text) < _LEAST_CHARACTERS:
            raise SecretsError(
                f"{path} is damaged: restore it, or remove it to start with a new one"
            )
    return text


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
