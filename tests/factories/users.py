"""People, with passwords that cost next to nothing to check."""

from polyreel.core import users
from polyreel.infra.tx import Database

__all__ = ["QUICK", "QUICK_PASSWORDS", "make_user"]

QUICK = users.Argon2Cost(passes=1, memory_kib=64)
QUICK_PASSWORDS = users.Passwords(QUICK)


def make_user(
    db: Database,
    name: str = "alice",
    password: str = "correct horse",
    *,
    email: str | None = None,
    is_admin: bool = False,
    quota_bytes: int = 0,
) -> users.User:
    """One more person."""
    hashed = QUICK_PASSWORDS.hash(password)
    with db.write() as tx:
        return users.create_user(
            tx,
            name,
            password=hashed,
            email=email,
            is_admin=is_admin,
            quota_bytes=quota_bytes,
        )
