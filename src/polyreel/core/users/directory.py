"""All people at once: find them page by page, end what they hold, take one away."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, or_, select, update

from polyreel.core.users.accounts import User, fold, user_from_row
from polyreel.core.users.permissions import Actor, require_admin
from polyreel.core.users.tables import SessionRow, UserRow
from polyreel.infra.tx import Tx
from polyreel.kit.errors import Conflict

__all__ = ["Found", "delete_account", "end_every_login", "find_users"]


@dataclass(frozen=True)
class Found:
    """Some people, of `total` that fit."""

    users: Sequence[User]
    total: int


def find_users(
    tx: Tx, actor: Actor, *, search: str = "", offset: int = 0, limit: int = 10
) -> Found:
    """People whose name or address contains `search` in any case, in the order they came.

    Raises Forbidden for who is no administrator.
    """
    require_admin(actor)
    query = select(UserRow)
    if search:
        wanted = fold(search)
        if not wanted:
            return Found([], 0)
        fits = [
            column.contains(wanted, autoescape=True)
            for column in (UserRow.name_folded, UserRow.email_folded)
        ]
        query = query.where(or_(*fits))
    total = tx.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    page = query.order_by(UserRow.id).offset(offset).limit(limit)
    return Found([user_from_row(row) for row in tx.session.scalars(page)], total)


def delete_account(tx: Tx, actor: Actor, user_id: int) -> None:
    """Delete an account with its keys and sessions; an unknown one is not an error. What else is
    theirs has to have another owner by now.

    Raises Forbidden for who is no administrator, Conflict for the actor's own account.
    """
    require_admin(actor)
    if user_id == actor.user_id:
        raise Conflict("You cannot delete your own account.")
    tx.session.execute(delete(UserRow).where(UserRow.id == user_id))


def end_every_login(tx: Tx, actor: Actor) -> None:
    """Sign everybody out, everywhere: every JWT and every browser. API keys stay.

    Raises Forbidden for who is no administrator.
    """
    require_admin(actor)
    tx.session.execute(update(UserRow).values(token_version=UserRow.token_version + 1))
    tx.session.execute(delete(SessionRow))
