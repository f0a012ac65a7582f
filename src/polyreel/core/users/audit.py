"""What happens on every request, gathered in memory and written every few seconds in one go."""

import logging
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, or_, select, update

from polyreel.core.users.logins import hash_session_token
from polyreel.core.users.permissions import Actor
from polyreel.core.users.tables import KeyRow, KeyUseRow, SessionRow
from polyreel.infra.tx import Database, DatabaseUnavailable, Tx
from polyreel.kit import clock

__all__ = ["AUDIT_LIFE", "KeyAudit", "delete_expired"]

AUDIT_LIFE = timedelta(days=30)

_log = logging.getLogger(__name__)
_MOST_WAITING = 20_000
_SEEN_EVERY = timedelta(minutes=5)


@dataclass(frozen=True)
class _Use:
    key_id: int
    user_id: int
    method: str
    path: str
    ip: str
    created_at: datetime


class KeyAudit:
    """The use of keys and sessions in this process. `start` flushes every `every_s` seconds in a
    thread of its own, `stop` once more; beyond 20 000 waiting entries the oldest are dropped.
    """

    def __init__(self, db: Database, *, every_s: float = 3.0) -> None:
        self._db = db
        self._every_s = every_s
        self._lock = threading.Lock()
        self._uses: deque[_Use] = deque(maxlen=_MOST_WAITING)
        self._seen: dict[str, datetime] = {}
        self._written: dict[str, datetime] = {}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def record(self, actor: Actor, method: str, path: str, ip: str) -> None:
        """Note one request of an actor who is a key (others are ignored); `path` without query."""
        if actor.key_id is None:
            return
        # PostgreSQL takes neither NUL nor half a surrogate pair; one such path must not stop the rest.
        shown = path[:255].encode(errors="replace").decode().replace("\0", "?")
        use = _Use(actor.key_id, actor.user_id, method[:16], shown, ip[:45], clock.now())
        with self._lock:
            self._uses.append(use)

    def record_session(self, token: str) -> None:
        """Note that a session, one that `find_session` knew, was seen; written every five minutes."""
        token_hash, now = hash_session_token(token), clock.now()
        with self._lock:
            written = self._written.get(token_hash)
            if written is None or now - written >= _SEEN_EVERY:
                self._seen[token_hash] = now

    def flush(self) -> None:
        """Write all that waits, in one transaction; none at all when nothing does."""
        with self._lock:
            uses, seen = list(self._uses), dict(self._seen)
            self._uses.clear()
            self._seen.clear()
        if not uses and not seen:
            return
        try:
            with self._db.write() as tx:
                _write_uses(tx, uses)
                _write_seen(tx, seen)
        except Exception:
            with self._lock:
                self._uses.extendleft(reversed(uses[: _MOST_WAITING - len(self._uses)]))
                self._seen = seen | self._seen
            raise
        with self._lock:
            oldest = clock.now() - _SEEN_EVERY
            self._written = {k: at for k, at in (self._written | seen).items() if at > oldest}

    def start(self) -> None:
        """Begin to flush in a thread."""
        self._thread = threading.Thread(target=self._run, name="key-audit", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and write what is left."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=10)
        self._flush_quietly()

    def _run(self) -> None:
        while not self._stopping.wait(self._every_s):
            self._flush_quietly()

    def _flush_quietly(self) -> None:
        try:
            self.flush()
        except DatabaseUnavailable:
            _log.warning("the use of API keys waits in memory: the database is away")
        except Exception:  # noqa: BLE001 - whatever it is, the thread goes on and tries again
            _log.exception("the use of API keys could not be written; trying again")


def delete_expired(tx: Tx) -> int:
    """Forget key use older than 30 days and sessions that are over; the number of rows gone."""
    old_uses = delete(KeyUseRow).where(KeyUseRow.created_at < tx.now - AUDIT_LIFE)
    over = delete(SessionRow).where(SessionRow.expires_at <= tx.now)
    return sum(
        len(tx.session.execute(statement).all())
        for statement in (
            old_uses.returning(KeyUseRow.id),
            over.returning(SessionRow.token_hash),
        )
    )


def _write_uses(tx: Tx, uses: Sequence[_Use]) -> None:
    used_at: dict[int, datetime] = {}
    for use in uses:
        used_at[use.key_id] = max(use.created_at, used_at.get(use.key_id, use.created_at))
    # A key may have been deleted since: its use goes with it. The lock keeps the rest in place.
    query = select(KeyRow.id).where(KeyRow.id.in_(used_at)).order_by(KeyRow.id).with_for_update()
    alive = set(tx.session.scalars(query)) if used_at else set()
    rows = [vars(use) for use in uses if use.key_id in alive]
    if rows:
        tx.session.execute(insert(KeyUseRow), rows)
    for key_id in sorted(alive):
        later = or_(KeyRow.last_used_at.is_(None), KeyRow.last_used_at < used_at[key_id])
        change = update(KeyRow).where(KeyRow.id == key_id, later)
        tx.session.execute(change.values(last_used_at=used_at[key_id]))


def _write_seen(tx: Tx, seen: dict[str, datetime]) -> None:
    for token_hash, moment in sorted(seen.items()):
        change = update(SessionRow).where(SessionRow.token_hash == token_hash)
        tx.session.execute(change.values(last_seen_at=moment))
