"""What came over already: a row for each thing, written in the transaction that makes it."""

from sqlalchemy import select

from polyreel.core.imports.tables import ImportedRow
from polyreel.infra.tx import Tx

__all__ = ["find_done", "list_done", "record_done"]


def list_done(tx: Tx, source: str, kind: str) -> dict[int, int | None]:
    """Foreign id -> our id, of one kind."""
    query = select(ImportedRow.foreign_id, ImportedRow.our_id).where(
        ImportedRow.source == source, ImportedRow.kind == kind
    )
    return {row.foreign_id: row.our_id for row in tx.session.execute(query)}


def find_done(tx: Tx, source: str, kind: str, foreign_id: int) -> ImportedRow | None:
    """The row of one thing."""
    return tx.session.get(ImportedRow, (source, kind, foreign_id))


def record_done(tx: Tx, source: str, kind: str, foreign_id: int, our_id: int | None) -> None:
    """Remember that it came over; again where what it became is another thing now."""
    row = find_done(tx, source, kind, foreign_id)
    if row is not None:
        row.our_id = our_id
        return
    tx.session.add(
        ImportedRow(
            source=source, kind=kind, foreign_id=foreign_id, our_id=our_id, created_at=tx.now
        )
    )
    tx.session.flush()
