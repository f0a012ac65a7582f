"""The tree of folders. A folder belongs to one user; `None` is that user's root."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from polyreel.core.library.names import clean_name
from polyreel.core.library.tables import FolderRow
from polyreel.core.library.tree import rows_above
from polyreel.core.users import Actor, allow
from polyreel.infra.tx import Tx
from polyreel.kit.errors import Invalid, NotFound

# Well below the thousand steps that SQLite follows when it deletes what hangs on a deleted row.
MAX_DEPTH = 500


class FolderNotFound(NotFound):
    """No such folder for this caller."""

    default = "The folder does not exist."


class TooDeep(Invalid):
    """There is no end to some trees."""

    default = f"Folders can be nested {MAX_DEPTH} deep."


@dataclass(frozen=True)
class Folder:
    """A folder; `parent_id` None means that it lies in the root."""

    id: int
    user_id: int
    parent_id: int | None
    name: str
    created_at: datetime
    updated_at: datetime


def create_folder(
    tx: Tx,
    actor: Actor,
    name: str,
    parent_id: int | None = None,
    *,
    created_at: datetime | None = None,
) -> Folder:
    """Make a folder of the actor's. Names need not be unique. `created_at` None: now.

    Raises Invalid, FolderNotFound.
    """
    name = clean_name(name)
    if parent_id is not None:
        parent = get_folder(tx, actor, parent_id)
        if parent.user_id != actor.user_id:
            raise FolderNotFound
        if len(rows_above(tx, parent_id)) >= MAX_DEPTH:
            raise TooDeep
    row = FolderRow(
        user_id=actor.user_id,
        parent_id=parent_id,
        name=name,
        created_at=created_at or tx.now,
        updated_at=tx.now,
    )
    tx.session.add(row)
    tx.session.flush()
    tx.notify(f"library:{actor.user_id}")
    return _folder(row)


def get_folder(tx: Tx, actor: Actor, folder_id: int) -> Folder:
    """A folder the actor may see. Raises FolderNotFound."""
    row = tx.session.get(FolderRow, folder_id)
    if row is None or not (row.user_id == actor.user_id or actor.is_admin):
        raise FolderNotFound
    return _folder(row)


def list_folders(
    tx: Tx, actor: Actor, parent_id: int | None = None, *, owner_id: int | None = None
) -> list[Folder]:
    """Direct children, by name in code point order; of `owner_id` when an administrator asks.

    Raises FolderNotFound when `parent_id` does not exist at all.
    """
    if parent_id is not None and tx.session.get(FolderRow, parent_id) is None:
        raise FolderNotFound
    rows = tx.session.scalars(
        select(FolderRow)
        .where(FolderRow.user_id == listed_owner(actor, owner_id), FolderRow.parent_id == parent_id)
        .order_by(FolderRow.name, FolderRow.id)
    )
    return [_folder(row) for row in rows]


def listed_owner(actor: Actor, owner_id: int | None) -> int:
    """Whose things a list shows: the actor's own, or `owner_id`'s when an administrator asks."""
    return owner_id if owner_id and actor.is_admin else actor.user_id


def find_folder_by_path(tx: Tx, actor: Actor, names: list[str]) -> Folder | None:
    """The actor's folder reached from the root by these exact names; the oldest where two match."""
    found: Folder | None = None
    for name in names:
        row = tx.session.scalars(
            select(FolderRow)
            .where(
                FolderRow.user_id == actor.user_id,
                FolderRow.parent_id == (found.id if found else None),
                FolderRow.name == name,
            )
            .order_by(FolderRow.id)
            .limit(1)
        ).first()
        if row is None:
            return None
        found = _folder(row)
    return found


def ensure_folder_path(tx: Tx, actor: Actor, names: list[str]) -> Folder | None:
    """Like find_folder_by_path, but missing folders are made; None for the root."""
    found: Folder | None = None
    for depth in range(1, len(names) + 1):
        step = find_folder_by_path(tx, actor, names[:depth])
        found = step or create_folder(tx, actor, names[depth - 1], found.id if found else None)
    return found


def rename_folder(tx: Tx, actor: Actor, folder_id: int, name: str) -> Folder:
    """Give a folder another name. Raises FolderNotFound, Invalid."""
    row = writable_folder(tx, actor, folder_id)
    row.name = clean_name(name)
    row.updated_at = tx.now
    tx.session.flush()
    tx.notify(f"library:{row.user_id}")
    return _folder(row)


def folder_path(tx: Tx, folder_id: int | None) -> list[Folder]:
    """The folders from the root down to this one."""
    return [] if folder_id is None else [_folder(row) for row in rows_above(tx, folder_id)]


def may_add_to(tx: Tx, actor: Actor, folder_id: int | None) -> None:
    """Raise FolderNotFound unless this folder is the actor's own: what somebody adds is theirs, and all
    that is in a folder belongs to one person. So an administrator's things stay with the administrator.
    """
    if folder_id is not None and writable_folder(tx, actor, folder_id).user_id != actor.user_id:
        raise FolderNotFound


def writable_folder(tx: Tx, actor: Actor, folder_id: int) -> FolderRow:
    """The row of a folder that the actor may change. Raises FolderNotFound."""
    row = tx.session.get(FolderRow, folder_id)
    if row is None:
        raise FolderNotFound
    try:
        allow(actor, "write", owner_id=row.user_id)
    except NotFound:
        # In the same words, so that a stranger's folder is like one that is not.
        raise FolderNotFound from None
    return row


def _folder(row: FolderRow) -> Folder:
    return Folder(row.id, row.user_id, row.parent_id, row.name, row.created_at, row.updated_at)
