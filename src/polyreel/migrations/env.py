"""Alembic's environment: runs on the connection it is handed; compares with every table we have."""

from typing import Any

from alembic import context

import polyreel.app  # noqa: F401 - knows everyone's tables
from polyreel.infra.db import Base, LastWords, UtcTime, is_text_index


def _render(kind: str, item: Any, autogen_context: Any) -> Any:
    # A migration must not change when the code does: our types are written as what they are kept as.
    if kind == "type" and isinstance(item, UtcTime):
        return "sa.BigInteger()"
    if kind == "type" and isinstance(item, LastWords):
        return "sa.Text()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    render_item=_render,
    include_name=lambda name, kind, parents: not is_text_index(name),
)
with context.begin_transaction():
    context.run_migrations()
