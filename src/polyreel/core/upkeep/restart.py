"""After a crash or a power cut: what the dead left is ended at once, not when its time runs out."""

from polyreel.core.ingest import sweep_uploads
from polyreel.infra.jobs import end_leases
from polyreel.infra.tools import Tools


def end_what_died(tools: Tools) -> None:
    """Forget uploads that broke off, and give their jobs back to the queue.

    Only for a caller who knows that no other process, here or elsewhere, uses this database.
    """
    sweep_uploads(tools.db, tools.storage, 0)
    with tools.db.write() as tx:
        end_leases(tx)
