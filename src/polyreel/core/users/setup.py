"""The first run: one token, printed by the server, makes one administrator."""

import hmac

from sqlalchemy import select

from polyreel.core.users.accounts import User, close_setup, create_user
from polyreel.core.users.passwords import PASSWORDS, Passwords
from polyreel.core.users.tables import SetupRow
from polyreel.infra.secrets import read_or_create_secret
from polyreel.infra.tx import Database, Tx
from polyreel.kit.errors import Conflict, Forbidden
from polyreel.kit.ids import new_token
from polyreel.settings import Settings

__all__ = ["check_setup_token", "create_first_admin", "ensure_setup_token", "is_setup_needed"]


def is_setup_needed(tx: Tx) -> bool:
    """True until the first administrator was made, by the set-up page or the command line."""
    return tx.session.scalar(select(SetupRow.id)) is None


def ensure_setup_token(settings: Settings, db: Database) -> str | None:
    """The one-time token while set-up is needed, made when missing; None, and its file gone, after.

    It lies in the data folder as `setup-token`, readable by the server's own account only.
    """
    path = settings.data_dir / "setup-token"
    with db.read() as tx:
        needed = is_setup_needed(tx)
    if not needed:
        path.unlink(missing_ok=True)
        return None
    return read_or_create_secret(path, new_token)


def check_setup_token(settings: Settings, db: Database, token: str) -> None:
    """Raises Conflict when set-up is over, Forbidden when `token` is not the one that was printed."""
    wanted = ensure_setup_token(settings, db) or ""
    if wanted and hmac.compare_digest(wanted.encode(), token.strip().encode(errors="replace")):
        return
    # Asked again, since someone may have finished in between; a file made anew then is removed.
    if ensure_setup_token(settings, db) is None:
        raise Conflict("This server is set up already.")
    raise Forbidden("The set-up link is not right. The server prints it when it starts.")


def create_first_admin(
    settings: Settings,
    db: Database,
    *,
    token: str,
    name: str,
    password: str,
    passwords: Passwords = PASSWORDS,
) -> User:
    """Make the first administrator; of any number of attempts at once exactly one succeeds.

    Raises Conflict when set-up is over, Forbidden for a wrong token, Invalid for name or password.
    """
    check_setup_token(settings, db, token)
    hashed = passwords.hash(password)
    with db.write() as tx:
        if not close_setup(tx):
            raise Conflict("This server is set up already.")
        user = create_user(tx, name, password=hashed, is_admin=True)
    (settings.data_dir / "setup-token").unlink(missing_ok=True)
    return user
