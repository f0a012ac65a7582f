"""The tree of folders, asked as a whole: one query whatever its depth, on both databases. And what
statements over many rows have in common.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import TypeVar

from sqlalchemy import Executable, Integer, literal, select

from polyreel.core.library.tables import FolderRow
from polyreel.infra.tx import Tx

# Databases take so many values in one statement, and more.
AT_ONCE = 500

Value = TypeVar("Value")
Statement = TypeVar("Statement", bound=Executable)


def rows_above(tx: Tx, folder_id: int) -> list[FolderRow]:
    """The folders from the root down to this one, itself the last; nothing for a missing one."""
    start = select(FolderRow.id, FolderRow.parent_id, literal(0, Integer).label("steps")).where(
        FolderRow.id == folder_id
    )
    found = start.cte("above", recursive=True)
    found = found.union_all(
        select(FolderRow.id, FolderRow.parent_id, found.c.steps + 1).join(
            found, FolderRow.id == found.c.parent_id
        )
    )
    rows = select(FolderRow).join(found, found.c.id == FolderRow.id).order_by(found.c.steps.desc())
    return list(tx.session.scalars(rows))


def depths_below(tx: Tx, folder_ids: Collection[int]) -> dict[int, int]:
    """These folders (1) and all below them: by id, how deep each lies, counted from its top."""
    depths: dict[int, int] = {}
    for some in in_batches(folder_ids):
        start = select(FolderRow.id, literal(1, Integer).label("depth")).where(
            FolderRow.id.in_(some)
        )
        found = start.cte("below", recursive=True)
        found = found.union_all(
            select(FolderRow.id, found.c.depth + 1).join(found, FolderRow.parent_id == found.c.id)
        )
        for folder_id, depth in tx.session.execute(select(found.c.id, found.c.depth)):
            depths[folder_id] = max(depth, depths.get(folder_id, 0))
    return depths


def in_batches(values: Collection[Value]) -> Iterator[Sequence[Value]]:
    """As many as go into one statement, again and again."""
    listed = list(values)
    for first in range(0, len(listed), AT_ONCE):
        yield listed[first : first + AT_ONCE]


def quietly(statement: Statement) -> Statement:
    """The same DELETE or UPDATE, without a look at the rows this transaction has read before."""
    return statement.execution_options(synchronize_session=False)
