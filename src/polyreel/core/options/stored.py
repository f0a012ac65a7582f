"""Read and change options."""

import json
import logging
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update

from polyreel.core.options.declared import OPTIONS, Options, check_option
from polyreel.core.options.tables import OptionRow
from polyreel.infra.db import insert_ignore
from polyreel.infra.notify import ANYTHING
from polyreel.infra.tx import Database, Tx
from polyreel.kit.errors import Invalid

__all__ = ["OptionsCache", "changed_at", "get_option", "read_options", "set_option", "set_options"]

TOPIC = "options"

_log = logging.getLogger(__name__)


def read_options(tx: Tx) -> Options:
    """All options as they are now.

    A stored value that this version cannot use (a newer one wrote it) counts as not stored.
    """
    values: dict[str, Any] = {}
    for name, text in tx.session.execute(select(OptionRow.name, OptionRow.value)):
        try:
            values[name] = check_option(name, json.loads(text))
        except Invalid as error:
            _log.warning("option %s keeps its default: %s", name, error.message)
    return Options(**values)


def get_option(tx: Tx, name: str) -> Any:
    """The value of one option as it is now. Raises Invalid for a name that is none."""
    if name not in OPTIONS:
        raise Invalid(fields={name: ["There is no such option."]})
    return getattr(read_options(tx), name)


def set_option(tx: Tx, actor_id: int | None, name: str, value: object) -> None:
    """Change one option; every process knows within a second. The caller has checked that the
    actor (None: the command line) is an administrator. Raises Invalid.
    """
    text = json.dumps(check_option(name, value))
    table = OptionRow.metadata.tables[OptionRow.__tablename__]
    first = insert_ignore(tx.database.dialect, table, index=["name"])
    given = {"value": text, "updated_at": tx.now, "updated_by": actor_id}
    tx.session.execute(first.values(name=name, version=0, **given))
    change = update(OptionRow).where(OptionRow.name == name)
    tx.session.execute(change.values(version=OptionRow.version + 1, **given))
    tx.notify(TOPIC)


def set_options(tx: Tx, actor_id: int | None, changes: Mapping[str, object]) -> None:
    """Change several options, all or none of them. As set_option."""
    for name, value in changes.items():
        set_option(tx, actor_id, name, value)


def changed_at(tx: Tx) -> datetime | None:
    """When an option was last changed; None: never."""
    return tx.session.scalar(select(func.max(OptionRow.updated_at)))


class OptionsCache:
    """The options of this process, read again when a notice says so and, since notices may be lost
    and other machines have none, when they are older than `fresh_s`.
    """

    def __init__(self, db: Database, *, fresh_s: float = 0.8) -> None:
        self._db = db
        self._fresh_s = fresh_s
        self._lock = threading.Lock()
        self._held: Options | None = None
        self._read_at = 0.0
        self._is_stale = True
        db.notifier.subscribe(self._heard)

    def fresh(self) -> Options | None:
        """The options where no look at the database is needed for them, else None; never waits."""
        held = self._held
        is_old = self._is_stale or time.monotonic() - self._read_at > self._fresh_s
        return None if is_old else held

    @property
    def last_known(self) -> Options:
        """The options as they were last read, however long ago; before that, the defaults."""
        return self._held or Options()

    def current(self) -> Options:
        """The options as they were at most `fresh_s` ago."""
        with self._lock:
            now = time.monotonic()
            if self._held is None or self._is_stale or now - self._read_at > self._fresh_s:
                # First the mark, then the reading: a notice in between is not lost.
                self._is_stale = False
                with self._db.read() as tx:
                    self._held = read_options(tx)
                self._read_at = now
            return self._held

    def close(self) -> None:
        """Stop listening."""
        self._db.notifier.unsubscribe(self._heard)

    def _heard(self, topics: list[str]) -> None:
        if TOPIC in topics or ANYTHING in topics:
            self._is_stale = True
