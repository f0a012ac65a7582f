"""Passwords: argon2id, a few at once, the same work whoever is asked about.

Accounts of another server come with bcrypt hashes; each is replaced when its person signs in.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NewType

import bcrypt
from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from polyreel.kit.errors import Busy, Invalid

__all__ = [
    "PASSWORDS",
    "Argon2Cost",
    "PasswordHash",
    "Passwords",
    "check_password_rules",
    "is_bcrypt",
    "is_bcrypt_cost",
]

PasswordHash = NewType("PasswordHash", str)

_LEAST, _MOST = 8, 250
_PATIENCE_S = 10.0

# The dearest takes some two seconds of a core; a hash that claims more could hold up every login.
_BCRYPT = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_COSTS = range(4, 16)
_NO_SALT = "." * 22
# bcrypt reads so much of a password and no more.
_BCRYPT_BYTES = 72


@dataclass(frozen=True, kw_only=True)
class Argon2Cost:
    """What one hash costs. The default is above what OWASP asks for (19 MiB, 2 passes) and takes some
    50 ms of one core.
    """

    passes: int = 3
    memory_kib: int = 32 * 1024
    lanes: int = 1


class Passwords:
    """Makes and verifies hashes, at most `at_once` at a time in this process: each takes megabytes
    and a core, and both are needed for playing videos. Never call it inside a transaction.
    """

    def __init__(self, cost: Argon2Cost | None = None, *, at_once: int = 2) -> None:
        cost = cost or Argon2Cost()
        self._turn = threading.BoundedSemaphore(at_once)
        self._argon2 = PasswordHasher(
            time_cost=cost.passes,
            memory_cost=cost.memory_kib,
            parallelism=cost.lanes,
            type=Type.ID,
        )

    def hash(self, password: str) -> PasswordHash:
        """The hash to keep. Raises Invalid for a password outside the rules, Busy when overrun."""
        check_password_rules(password)
        with self._turns():
            return PasswordHash(self._argon2.hash(_bytes(password)))

    def verify(self, kept: str | None, password: str) -> bool:
        """Whether `password` made the hash `kept`. None (nobody) costs what a real hash does."""
        possible = len(password) <= _MOST
        with self._turns():
            if kept is None or not possible:
                self._argon2.hash(_bytes(password[:_MOST]))
                return False
            try:
                return self._argon2.verify(kept, _bytes(password))
            except (VerificationError, InvalidHashError):
                return False

    def verify_bcrypt(self, kept: str, password: str) -> bool:
        """Whether `password` made the bcrypt hash `kept`."""
        with self._turns():
            try:
                return bcrypt.checkpw(_bytes(password)[:_BCRYPT_BYTES], kept.encode())
            except ValueError:
                return False

    def spend_bcrypt(self, cost: str, password: str) -> None:
        """Do the work of a verification at this cost, two digits, for nobody."""
        with self._turns():
            salt = f"$2b${cost}${_NO_SALT}".encode()
            bcrypt.hashpw(_bytes(password)[:_BCRYPT_BYTES], salt)

    def is_outdated(self, kept: str) -> bool:
        """True when `kept` was made in another way, or at another cost, than today's."""
        return is_bcrypt(kept) or self._argon2.check_needs_rehash(kept)

    @contextmanager
    def _turns(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=_PATIENCE_S):
            raise Busy(retry_after_s=5)
        try:
            yield
        finally:
            self._turn.release()


def is_bcrypt(kept: str | None) -> bool:
    """Whether this is a bcrypt hash, of a cost that can be borne."""
    found = _BCRYPT.fullmatch(kept) if kept else None
    return found is not None and is_bcrypt_cost(found[1])


def is_bcrypt_cost(digits: str) -> bool:
    """Whether these two digits are a cost of bcrypt's that can be borne."""
    return digits.isascii() and digits.isdigit() and int(digits) in _COSTS


def check_password_rules(password: str) -> None:
    """Raises Invalid unless `password` has 8 to 250 characters."""
    if not _LEAST <= len(password) <= _MOST:
        raise Invalid(
            fields={"password": [f"A password has {_LEAST} to {_MOST} characters."]},
        )


def _bytes(password: str) -> bytes:
    """UTF-8; half a surrogate pair, which JSON can carry, is a character like others here."""
    return password.encode(errors="surrogatepass")


PASSWORDS = Passwords()
"""The one gate of this process: everyone who checks a real password shares it."""
