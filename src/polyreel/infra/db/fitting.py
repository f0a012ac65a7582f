"""What fits into a column: SQLite takes text of any length and NUL in it, PostgreSQL neither. Refused on
both, so that what one keeps can be moved to the other.
"""

from typing import Any

from sqlalchemy import Connection, Engine, ExceptionContext, String, Update, event
from sqlalchemy.exc import DataError

__all__ = ["refuse_unfit", "tell_unspeakable"]


def tell_unspeakable(engine: Engine) -> None:
    """Half a surrogate pair, or a number beyond 64 bits: the driver gives up before the database sees
    it. Make that the same kind of error as for what the database itself refuses.
    """

    def told(context: ExceptionContext) -> DataError | None:
        error = context.original_exception
        if isinstance(error, OverflowError | UnicodeEncodeError):
            return DataError(context.statement, None, error)
        return None

    event.listen(engine, "handle_error", told, retval=True)


def refuse_unfit(engine: Engine) -> None:
    """Raise DataError for text that is written and does not fit, as PostgreSQL does by itself."""

    def check(
        connection: Connection,
        cursor: Any,
        statement: str,
        parameters: Any,
        context: Any,
        executemany: bool,
    ) -> None:
        if context is None or not (context.isinsert or context.isupdate) or not context.compiled:
            return
        written = _written(context.compiled)
        for values in context.compiled_parameters:
            for name, limit in written.items():
                value = values.get(name)
                if isinstance(value, str) and not _fits(value, limit):
                    raise DataError(statement, None, ValueError(f"{name} does not fit"))

    event.listen(engine, "before_cursor_execute", check)


def _fits(value: str, limit: int | None) -> bool:
    return (limit is None or len(value) <= limit) and "\0" not in value


def _written(compiled: Any) -> dict[str, int | None]:
    """The text among the values that are written, with the most characters each may have."""
    texts = {
        name: bind.type.length
        for name, bind in compiled.binds.items()
        if isinstance(bind.type, String)
    }
    if not isinstance(compiled.statement, Update):
        return texts
    # What a condition compares with may be anything: nothing is equal to it then.
    columns = compiled.statement.table.c
    return {name: limit for name, limit in texts.items() if name in columns}
